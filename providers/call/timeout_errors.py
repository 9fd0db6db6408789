"""What a call fails with when it had to wait for too long: each limit has a sentence and a name of its own.

The name and the seconds are for the admin (``detail``). The fourth limit, that of the whole run, is not a
call's business.
"""

from providers.call.timeouts import Timeouts
from providers.errors import LLMError, LLMTimeoutError


def no_connection(error: LLMError, timeouts: Timeouts) -> LLMError:
    """Return ``error`` with its limit, if it says that no connection could be made in time."""
    if error.detail.get("watchdog") == "connect":
        error.detail["seconds"] = timeouts.connect
    return error


def no_answer(timeouts: Timeouts) -> LLMTimeoutError:
    """Return what a call fails with whose answer did not begin."""
    return LLMTimeoutError(
        f"The model provider did not begin to answer within {timeouts.first_byte:g} seconds. "
        "Try again, or choose another model.",
        detail={"watchdog": "first_byte", "seconds": timeouts.first_byte},
    )


def silence(timeouts: Timeouts) -> LLMTimeoutError:
    """Return what a call fails with whose answer stopped in the middle."""
    return LLMTimeoutError(
        f"The model provider went silent for {timeouts.idle:g} seconds in the middle of its answer. "
        "Try again, or choose another model.",
        detail={"watchdog": "idle", "seconds": timeouts.idle},
    )


def is_sign_of_life(event: object) -> bool:
    """Whether a decoded event shows that the model goes on: those that keep a connection open do not."""
    # A tuple: what a server calls a type need not be hashable.
    return not (isinstance(event, dict) and event.get("type") in ("ping", "keepalive"))
