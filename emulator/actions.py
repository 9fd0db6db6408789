"""What an emulated model does, in no provider's own terms: the ``Action`` union.

A script is a generator of these; an encoder turns the ones that speak into a wire's frames. Pure.
"""

import math
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from email.utils import formatdate
from enum import StrEnum

from providers.types import FinishReason

#: Longer than anybody waits.
FOREVER = math.inf


class Fault(StrEnum):
    """Why a request is answered with an error, instead of a stream or in the middle of one."""

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
    #: The prompt or the answer is what the provider does not allow.
    FILTERED = "filtered"
    #: The key is not accepted.
    UNAUTHORIZED = "unauthorized"
    #: There is no money left: by a status of its own.
    NO_CREDITS = "no_credits"
    #: There is no money left: by the status of a rate limit, where a provider says it so.
    QUOTA = "quota"
    #: The key may not do this.
    FORBIDDEN = "forbidden"
    #: The provider did not get the request in time.
    TIMED_OUT = "timed_out"
    #: Somebody else changes the same thing.
    CONFLICT = "conflict"
    #: The body has too many bytes.
    TOO_LARGE = "too_large"
    #: The body can be read, and cannot be followed.
    UNPROCESSABLE = "unprocessable"
    #: Too many requests; the answer says how long to wait.
    RATE_LIMITED = "rate_limited"
    #: The provider broke.
    SERVER_ERROR = "server_error"
    #: What stands before the provider did not understand it.
    BAD_GATEWAY = "bad_gateway"
    #: The provider has no capacity.
    OVERLOADED = "overloaded"
    #: What stands before the provider waited too long for it.
    GATEWAY_TIMEOUT = "gateway_timeout"

    @classmethod
    def of_status(cls, status: int) -> "Fault":
        """Return what ``status``, of 400 and more, says most often."""
        return _FAULTS.get(status, cls.MALFORMED if status < 500 else cls.SERVER_ERROR)


_FAULTS = {
    401: Fault.UNAUTHORIZED,
    402: Fault.NO_CREDITS,
    403: Fault.FORBIDDEN,
    404: Fault.UNKNOWN_MODEL,
    405: Fault.WRONG_METHOD,
    408: Fault.TIMED_OUT,
    409: Fault.CONFLICT,
    413: Fault.TOO_LARGE,
    422: Fault.UNPROCESSABLE,
    429: Fault.RATE_LIMITED,
    502: Fault.BAD_GATEWAY,
    503: Fault.OVERLOADED,
    504: Fault.GATEWAY_TIMEOUT,
    529: Fault.OVERLOADED,
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Hint:
    """When to try again, as text, so that a provider can also say what nobody understands."""

    #: For ``retry-after``: seconds.
    seconds: str | None = None
    #: For ``retry-after-ms``.
    milliseconds: str | None = None
    #: For ``retry-after`` as a date: so many seconds from now.
    date: float | None = None

    def headers(self) -> dict[str, str]:
        """Return what it is in the headers of an answer."""
        headers = {}
        if self.milliseconds is not None:
            headers["retry-after-ms"] = self.milliseconds
        if self.date is not None:
            headers["retry-after"] = formatdate(time.time() + self.date, usegmt=True)
        if self.seconds is not None:
            headers["retry-after"] = self.seconds
        return headers


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
    #: Another status than the one that the provider has for it.
    status: int | None = None
    hint: Hint | None = None
    #: Whether the body stays a byte short of its end and the script goes on.
    is_endless: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Post:
    """Answer with this, which no provider made. Only before anything has been sent."""

    status: int
    content_type: str = "text/html; charset=utf-8"
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Whole:
    """Answer in one piece, as if nobody had asked for a stream. Only before anything has been sent."""

    text: str


@dataclass(frozen=True, slots=True)
class Reset:
    """Abort the connection, so that the peer reads a reset instead of an end."""


@dataclass(frozen=True, slots=True)
class BreakOff:
    """Close the connection after what was sent, in the middle of a body."""


@dataclass(frozen=True, slots=True)
class Raw:
    """Bytes of the body that no encoder made."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Handle:
    """From now on, or once, send frames as ``treatment`` cuts and spoils them."""

    treatment: Callable[[bytes], Iterable[bytes]]
    once: bool = False


@dataclass(frozen=True, slots=True)
class HideUsage:
    """From now on report no usage."""


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
class SignatureAction:
    """The opaque artefact of the thinking so far: Base64 text."""

    value: str


@dataclass(frozen=True, slots=True)
class CallAction:
    """A function call begins; the next one, or any word, ends it."""

    name: str


@dataclass(frozen=True, slots=True)
class Argue:
    """One token of the arguments of the call that is open: JSON text."""

    text: str


@dataclass(frozen=True, slots=True)
class Finish:
    """The wire's own terminal events. A script without one ends in a clean, early end of the body."""

    reason: FinishReason


@dataclass(frozen=True, slots=True)
class PingAction:
    """The wire's own sign of life, or a comment where it has none."""


@dataclass(frozen=True, slots=True)
class Break:
    """The provider's own error inside the stream. Nothing is said after it."""

    fault: Fault
    #: The model or the reason; whoever plays it knows.
    about: str = ""


#: What costs a token each.
type Token = Say | Refuse | Think | CallAction | Argue

#: What an encoder turns into frames.
type Speech = Token | SignatureAction | Finish | PingAction | Break

type Action = Open | Wait | Fail | Post | Whole | Reset | BreakOff | Raw | Handle | HideUsage | Speech


@dataclass(slots=True)
class Tally:
    """Tokens of one answer, counted as they are produced: every word above is one."""

    input_tokens: int
    said: int = 0
    thought: int = 0
    is_hidden: bool = False

    @property
    def output_tokens(self) -> int:
        """Everything that was produced, thoughts included."""
        return self.said + self.thought

    def count(self, speech: Speech) -> None:
        """Add what ``speech`` costs; seals and ends are free, as they are with the providers."""
        match speech:
            case Think():
                self.thought += 1
            case Say() | Refuse() | CallAction() | Argue():
                self.said += 1
            case SignatureAction() | Finish() | PingAction() | Break():
                pass
