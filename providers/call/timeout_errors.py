"""Builds the error of each exceeded time limit: connect, first byte, idle and keep-alive.

Each limit has its own message for the user. ``detail`` holds the limit's name and its seconds for the admin.
The time limit of a whole run is enforced by the run, not here.
"""

from providers.call.timeouts import Timeouts
from providers.errors import LLMError, LLMTimeoutError


def no_connection(error: LLMError, timeouts: Timeouts) -> LLMError:
    """Return ``error``; if the connect limit caused it, add the limit in seconds to its ``detail``."""
    if error.detail.get("watchdog") == "connect":
        error.detail["seconds"] = timeouts.connect
    return error


def no_answer(timeouts: Timeouts) -> LLMTimeoutError:
    """Return the error of a call whose response headers did not arrive in time."""
    return LLMTimeoutError(
        f"The model provider did not begin to answer within {timeouts.first_byte:g} seconds. "
        "Try again, or choose another model.",
        detail={"watchdog": "first_byte", "seconds": timeouts.first_byte},
    )


def idle(timeouts: Timeouts, *, has_spoken: bool) -> LLMTimeoutError:
    """Return the error of a call whose stream sent nothing for too long, after words or before any."""
    if has_spoken:
        what = f"The model provider went silent for {timeouts.idle:g} seconds in the middle of its answer."
    else:
        what = f"The model provider took the request, then sent no words for {timeouts.idle:g} seconds."
    return LLMTimeoutError(
        f"{what} Try again, or choose another model.",
        detail={"watchdog": "idle", "seconds": timeouts.idle},
    )


def only_keepalives(timeouts: Timeouts, *, has_spoken: bool) -> LLMTimeoutError:
    """Return the error of a call whose stream sent nothing but keep-alives for too long."""
    when = "in the middle of its answer" if has_spoken else "before it said anything"
    return LLMTimeoutError(
        f"The model provider only kept the connection open for {timeouts.keepalive:g} seconds {when}. "
        "Try again, or choose another model.",
        detail={"watchdog": "keepalive", "seconds": timeouts.keepalive},
    )
