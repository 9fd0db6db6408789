"""Builds the error of each exceeded time limit: connect, first byte and idle.

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


def idle(timeouts: Timeouts) -> LLMTimeoutError:
    """Return the error of a call whose stream sent no event for too long."""
    return LLMTimeoutError(
        f"The model provider went silent for {timeouts.idle:g} seconds in the middle of its answer. "
        "Try again, or choose another model.",
        detail={"watchdog": "idle", "seconds": timeouts.idle},
    )


def counts_as_activity(event: object) -> bool:
    """Whether a decoded event resets the idle limit: all do, except pings and keep-alives."""
    # A tuple, not a set: a server may send an unhashable "type".
    return not (isinstance(event, dict) and event.get("type") in ("ping", "keepalive"))
