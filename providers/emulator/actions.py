"""What an emulated model does, in no provider's own terms: the ``Action`` union.

A script is a generator of these; an encoder turns the ones that speak into a wire's frames. Pure.
"""

import math
from dataclasses import dataclass
from enum import StrEnum

from providers.types import StopReason

#: Longer than anybody waits.
FOREVER = math.inf

#: Seconds; what an answer with ``Fault.RATE_LIMITED`` asks for.
RETRY_AFTER = 7


class Fault(StrEnum):
    """Why a request is answered with an error instead of a stream."""

    #: The body is not what this endpoint reads.
    MALFORMED = "malformed"
    #: There is nothing at this path.
    UNKNOWN_PATH = "unknown_path"
    #: The path is right and the method is not.
    WRONG_METHOD = "wrong_method"
    #: No script and no recording has this name.
    UNKNOWN_MODEL = "unknown_model"
    #: The prompt is longer than the model reads.
    CONTEXT_WINDOW = "context_window"
    #: The key is not accepted.
    UNAUTHORIZED = "unauthorized"
    #: Too many requests; the answer says how long to wait.
    RATE_LIMITED = "rate_limited"
    #: The provider has no capacity.
    OVERLOADED = "overloaded"


@dataclass(frozen=True, slots=True)
class Open:
    """Send the 200 and the headers. Implied by the first word; what comes before it delays them."""


@dataclass(frozen=True, slots=True)
class Wait:
    """Let ``seconds`` of the script's own time pass; ``FOREVER`` is until the peer goes."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Fail:
    """Answer with the provider's own error. Only before anything has been sent."""

    fault: Fault


@dataclass(frozen=True, slots=True)
class Reset:
    """Abort the connection, so that the peer reads a reset instead of an end."""


@dataclass(frozen=True, slots=True)
class Say:
    """One token of the answer."""

    text: str


@dataclass(frozen=True, slots=True)
class Refuse:
    """One token of a refusal in words."""

    text: str


@dataclass(frozen=True, slots=True)
class Think:
    """One token of reasoning."""

    text: str


@dataclass(frozen=True, slots=True)
class Seal:
    """The opaque artefact of the thinking so far: Base64 text."""

    value: str


@dataclass(frozen=True, slots=True)
class Call:
    """A function call begins; the next one, or any word, ends it."""

    name: str


@dataclass(frozen=True, slots=True)
class Argue:
    """One token of the arguments of the call that is open: JSON text."""

    text: str


@dataclass(frozen=True, slots=True)
class Finish:
    """The wire's own terminal events. A script without one ends in a clean, early end of the body."""

    reason: StopReason


#: What an encoder turns into frames.
type Speech = Say | Refuse | Think | Seal | Call | Argue | Finish

type Action = Open | Wait | Fail | Reset | Speech


@dataclass(slots=True)
class Tally:
    """Tokens of one answer, counted as they are produced: every word above is one."""

    input_tokens: int
    said: int = 0
    thought: int = 0

    @property
    def output_tokens(self) -> int:
        """Everything that was produced, thoughts included."""
        return self.said + self.thought

    def count(self, speech: Speech) -> None:
        """Add what ``speech`` costs; seals and ends are free, as they are with the providers."""
        match speech:
            case Think():
                self.thought += 1
            case Say() | Refuse() | Call() | Argue():
                self.said += 1
            case Seal() | Finish():
                pass
