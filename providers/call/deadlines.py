"""Knows until when a call may go on, by its phase and by what has come. Pure; times are the event loop's."""

from enum import Enum

from providers.call import timeout_errors
from providers.call.timeouts import Timeouts
from providers.errors import LLMTimeoutError

#: Seconds to read the rest of a body after a complete answer, so that the connection can be reused.
DRAIN_SECONDS = 0.1
#: The same while the usage is still missing; it can follow the last text.
_USAGE_SECONDS = 5.0
#: Seconds to read an error's body; after that the status alone decides.
_ERROR_BODY_SECONDS = 5.0


class Cut(Enum):
    """Why a call was ended early."""

    #: The stop signal was set.
    CANCEL = "cancel"
    #: A time limit passed without data.
    TIMEOUT = "timeout"
    #: The answer is complete; the rest of the body took too long.
    COMPLETE = "complete"


class Phase(Enum):
    """What a call waits for."""

    #: The response's headers.
    HEADERS = "headers"
    #: The rest of an error's body.
    ERROR_BODY = "error body"
    #: The next event of the answer.
    EVENT = "event"
    #: The usage, after the answer's end.
    USAGE = "usage"
    #: The end of the body, after the answer's end and its usage.
    END = "end"
    #: Room in the sink: the provider is not to blame.
    SINK = "sink"


class Deadlines:
    """The deadlines of one call."""

    def __init__(self, timeouts: Timeouts, *, now: float) -> None:
        self._timeouts = timeouts
        self._started = self._event_at = self._bytes_at = now
        #: When reading on ends, whatever comes; ``None`` before that is decided.
        self.drain_until: float | None = None

    def note_bytes(self, now: float) -> None:
        """Note that bytes have come, of an event or of a keep-alive."""
        self._bytes_at = now

    def note_event(self, now: float) -> None:
        """Note an event that says something, or a part of one."""
        self._bytes_at = self._event_at = now

    def next(self, phase: Phase, *, now: float) -> float:
        """Return the time until which a call in ``phase`` may wait."""
        if self.drain_until is not None:
            return self.drain_until
        timeouts = self._timeouts
        match phase:
            case Phase.SINK:
                return now + timeouts.idle
            case Phase.HEADERS:
                return self._started + timeouts.first_byte
            case Phase.ERROR_BODY:
                return self._event_at + min(_ERROR_BODY_SECONDS, timeouts.idle)
            case Phase.END:
                return self._event_at + DRAIN_SECONDS
            case Phase.USAGE:
                return self._event_at + min(_USAGE_SECONDS, timeouts.idle)
            case Phase.EVENT:
                keepalive = max(timeouts.keepalive, timeouts.idle)
                return min(self._bytes_at + timeouts.idle, self._event_at + keepalive)

    def error(self, phase: Phase, *, now: float, has_spoken: bool) -> LLMTimeoutError:
        """Return the error of a call whose time is up in ``phase``, after words or before any."""
        if phase is Phase.HEADERS:
            return timeout_errors.no_answer(self._timeouts)
        if now < self._bytes_at + self._timeouts.idle:
            return timeout_errors.only_keepalives(self._timeouts, has_spoken=has_spoken)
        return timeout_errors.idle(self._timeouts, has_spoken=has_spoken)
