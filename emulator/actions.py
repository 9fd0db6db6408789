"""The provider-neutral actions of an emulated model: the ``Action`` union.

A script is a generator of actions. An encoder turns those in ``Speech`` into a wire's frames. Pure.
"""

import math
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from email.utils import formatdate
from enum import StrEnum

from providers.types import FinishReason

#: Seconds to wait without an end.
FOREVER = math.inf


class Fault(StrEnum):
    """Why the provider sends an error, instead of a stream or in the middle of one."""

    #: The endpoint cannot read the body.
    MALFORMED = "malformed"
    #: The provider serves nothing at this path.
    UNKNOWN_PATH = "unknown_path"
    #: The path is right, but the method is wrong.
    WRONG_METHOD = "wrong_method"
    #: No script and no recording has this name.
    UNKNOWN_MODEL = "unknown_model"
    #: The prompt is longer than the model's context window.
    CONTEXT_WINDOW = "context_window"
    #: The provider's content policy forbids the prompt or the answer.
    FILTERED = "filtered"
    #: The provider does not accept the key.
    UNAUTHORIZED = "unauthorized"
    #: The account has no credits left; the provider says so with status 402.
    NO_CREDITS = "no_credits"
    #: The account has no credits left; the provider says so with the status of a rate limit, if it does that.
    QUOTA = "quota"
    #: The key lacks the permission.
    FORBIDDEN = "forbidden"
    #: The provider did not receive the request in time.
    TIMED_OUT = "timed_out"
    #: Another request changes the same thing.
    CONFLICT = "conflict"
    #: The body has too many bytes.
    TOO_LARGE = "too_large"
    #: The provider can read the body but cannot do what it says.
    UNPROCESSABLE = "unprocessable"
    #: The client sent too many requests; the answer says how long to wait.
    RATE_LIMITED = "rate_limited"
    #: The provider failed.
    SERVER_ERROR = "server_error"
    #: The proxy before the provider got an invalid answer from it.
    BAD_GATEWAY = "bad_gateway"
    #: The provider has no capacity.
    OVERLOADED = "overloaded"
    #: The proxy before the provider got no answer from it in time.
    GATEWAY_TIMEOUT = "gateway_timeout"

    @classmethod
    def of_status(cls, status: int) -> "Fault":
        """Return the most usual fault for the HTTP status ``status``, which is 400 or more."""
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
    """When the client should try again. Text, so that a provider can also send an invalid value."""

    #: Seconds, for ``retry-after``.
    seconds: str | None = None
    #: Milliseconds, for ``retry-after-ms``.
    milliseconds: str | None = None
    #: Seconds from now, for ``retry-after`` as a date.
    date: float | None = None

    def headers(self) -> dict[str, str]:
        """Return the hint as response headers."""
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
    """Send status 200 and the headers. The first speech does the same; a wait before it delays them."""


@dataclass(frozen=True, slots=True)
class Wait:
    """Wait ``seconds`` on the script's own clock; ``FOREVER`` waits until the peer closes the connection."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Fail:
    """Answer with the provider's own error. Allowed only before anything has been sent."""

    fault: Fault
    #: The HTTP status to send; ``None`` sends the provider's own for this fault.
    status: int | None = None
    hint: Hint | None = None
    #: Whether the last byte of the body is left out and the script goes on.
    is_endless: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Post:
    """Answer with a response that no provider made. Allowed only before anything has been sent."""

    status: int
    content_type: str = "text/html; charset=utf-8"
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Whole:
    """Answer in one piece instead of a stream. Allowed only before anything has been sent."""

    text: str


@dataclass(frozen=True, slots=True)
class Reset:
    """Abort the connection: the peer reads a reset instead of an end."""


@dataclass(frozen=True, slots=True)
class BreakOff:
    """Close the connection in the middle of the body, after the bytes sent so far."""


@dataclass(frozen=True, slots=True)
class Raw:
    """Send bytes of the body that no encoder made."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Handle:
    """Pass frames through ``treatment`` before sending them: from now on, or once."""

    treatment: Callable[[bytes], Iterable[bytes]]
    once: bool = False


@dataclass(frozen=True, slots=True)
class HideUsage:
    """From now on report no usage."""


@dataclass(frozen=True, slots=True)
class Say:
    """Send one token of the answer."""

    text: str


@dataclass(frozen=True, slots=True)
class Refuse:
    """Send one token of a refusal in words."""

    text: str


@dataclass(frozen=True, slots=True)
class Think:
    """Send one token of reasoning."""

    text: str


@dataclass(frozen=True, slots=True)
class SignatureAction:
    """Send the opaque signature of the reasoning so far: Base64 text."""

    value: str


@dataclass(frozen=True, slots=True)
class CallAction:
    """Begin a function call. The next call, or any other token except ``Argue``, ends it."""

    name: str


@dataclass(frozen=True, slots=True)
class Argue:
    """Send one token of the open call's arguments: JSON text."""

    text: str


@dataclass(frozen=True, slots=True)
class Finish:
    """Send the wire's own terminal events. A script without ``Finish`` ends the body early but cleanly."""

    reason: FinishReason


@dataclass(frozen=True, slots=True)
class PingAction:
    """Send the wire's own keep-alive event, or a comment if the wire has none."""


@dataclass(frozen=True, slots=True)
class Break:
    """Send the provider's own error inside the stream. Nothing follows it."""

    fault: Fault
    #: The model or the reason; the player fills it in.
    about: str = ""


#: The actions that cost one token each.
type Token = Say | Refuse | Think | CallAction | Argue

#: The actions that an encoder turns into frames.
type Speech = Token | SignatureAction | Finish | PingAction | Break

type Action = Open | Wait | Fail | Post | Whole | Reset | BreakOff | Raw | Handle | HideUsage | Speech


@dataclass(slots=True)
class Tally:
    """Counts the tokens of one answer as they are produced: one for each ``Token`` action."""

    input_tokens: int
    said: int = 0
    thought: int = 0
    is_hidden: bool = False

    @property
    def output_tokens(self) -> int:
        """Return the number of tokens produced so far, reasoning included."""
        return self.said + self.thought

    def count(self, speech: Speech) -> None:
        """Add the tokens of ``speech``. Signatures and ends cost none, as with the providers."""
        match speech:
            case Think():
                self.thought += 1
            case Say() | Refuse() | CallAction() | Argue():
                self.said += 1
            case SignatureAction() | Finish() | PingAction() | Break():
                pass
