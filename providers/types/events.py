"""The events of a call while it streams: the ``ModelEvent`` union.

A wire turns each upstream event into zero or more of these. They carry deltas, except that usage is a total. No
separators are added between parts.
"""

from dataclasses import dataclass

from providers.types import Json
from providers.types.usage import Usage


@dataclass(frozen=True, slots=True)
class ResponseStarted:
    """The provider has begun its answer, and named its response and model."""

    response_id: str | None
    model: str | None


@dataclass(frozen=True, slots=True)
class TextDelta:
    """More text of the answer; a refusal's text too."""

    text: str


@dataclass(frozen=True, slots=True)
class ReasoningDelta:
    """More of the model's reasoning. Another ``index`` begins another reasoning message."""

    text: str
    index: int = 0


@dataclass(frozen=True, slots=True)
class ReasoningSealed:
    """The opaque artefact (signature, encrypted or redacted content) of reasoning ``index``."""

    value: str
    index: int = 0


@dataclass(frozen=True, slots=True)
class ToolCallStarted:
    """A function call begins. ``id`` is never empty, and no other call of the conversation has it."""

    id: str
    name: str


@dataclass(frozen=True, slots=True)
class ToolCallDelta:
    """More of the argument text of the call ``id``."""

    id: str
    arguments: str


@dataclass(frozen=True, slots=True)
class ToolCallFinished:
    """The arguments of the call ``id`` are complete."""

    id: str


@dataclass(frozen=True, slots=True)
class ProviderItem:
    """Another item of the answer, complete: a server tool's call or result, a citation."""

    kind: str
    data: Json


@dataclass(frozen=True, slots=True)
class UsageSeen:
    """The usage so far. It replaces the usage of the event before."""

    usage: Usage


@dataclass(frozen=True, kw_only=True, slots=True)
class RetryScheduled:
    """A call failed before any output and will be made again. ``retry.attempts`` sends this; no wire does."""

    #: Which try of ``model`` comes next; 1 when another model is asked from now on.
    attempt: int
    #: How many tries ``model`` has in all.
    of: int
    wait_seconds: float
    #: Of the failure, and the sentence that a user may read.
    code: str
    message: str
    #: Whom the next try asks, as ``provider/name``.
    model: str


type ModelEvent = (
    ResponseStarted
    | TextDelta
    | ReasoningDelta
    | ReasoningSealed
    | ToolCallStarted
    | ToolCallDelta
    | ToolCallFinished
    | ProviderItem
    | UsageSeen
    | RetryScheduled
)
