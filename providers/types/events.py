"""The events of a stream, the same for every wire: the ``ModelEvent`` union.

A wire turns every upstream event into zero or more of these. They carry deltas, never totals
(usage excepted), and invent no separators between parts.
"""

from dataclasses import dataclass

from providers.types import Json
from providers.types.usage import Usage


@dataclass(frozen=True, slots=True)
class ResponseStarted:
    """The provider has begun to answer and has said who it is."""

    response_id: str | None
    model: str | None


@dataclass(frozen=True, slots=True)
class TextDelta:
    """More words of the answer (a refusal's words too)."""

    text: str


@dataclass(frozen=True, slots=True)
class ReasoningDelta:
    """More of what the model thinks. Another ``index`` begins another reasoning message."""

    text: str
    index: int = 0


@dataclass(frozen=True, slots=True)
class ReasoningSealed:
    """The opaque artefact (signature, encrypted or redacted content) of reasoning ``index``."""

    value: str
    index: int = 0


@dataclass(frozen=True, slots=True)
class ToolCallStarted:
    """A function call begins. ``id`` is never empty and unique within the call's answer."""

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
    """Something else in the answer, once it is complete: a server tool's call or result, a citation."""

    kind: str
    data: Json


@dataclass(frozen=True, slots=True)
class UsageSeen:
    """The usage so far. Each one replaces the one before it."""

    usage: Usage


@dataclass(frozen=True, kw_only=True, slots=True)
class RetryScheduled:
    """A call failed before it had shown anything, and is about to be made again. No wire says this."""

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
