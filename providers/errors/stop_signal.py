"""The stop signal of a run, the exception that it causes, and a wait that it interrupts."""

import asyncio
from enum import Enum
from typing import Any

from providers.types import StepResult


class StopCause(Enum):
    """Why a run is stopped early."""

    #: A user or an admin cancelled the run.
    CANCELLED = "cancelled"
    #: The server is stopping.
    SHUTDOWN = "shutdown"
    #: The run reached its time limit.
    TIME_LIMIT = "time_limit"
    #: The run reached its budget.
    BUDGET = "budget"
    #: What the run says could not be saved for too long.
    LOG_UNAVAILABLE = "log_unavailable"
    #: Another process has ended the run or has taken it over; nothing may be written any more.
    LOST = "lost"

    @property
    def is_cancel(self) -> bool:
        """Whether this is a cancel or a shutdown, not a limit."""
        return self in {StopCause.CANCELLED, StopCause.SHUTDOWN}


class StopSignal(asyncio.Event):
    """An event with a cause; it is set once. All tasks of one run share the same signal.

    ``set()`` without ``stop()`` means ``CANCELLED``.
    """

    def __init__(self) -> None:
        super().__init__()
        self.cause = StopCause.CANCELLED
        #: Message for the user about the reached limit; empty for a cancel.
        self.message = ""
        #: ``time.monotonic()`` seconds of the cancel, which may have been stored by another process.
        self.asked_at: float | None = None

    def stop(self, cause: StopCause, message: str = "") -> None:
        """Set the signal. Later calls do not change the first cause."""
        if not self.is_set():
            self.cause, self.message = cause, message
            self.set()


class RunCancelled(Exception):  # noqa: N818 - not an error
    """The run was stopped while a provider call was under way; ``cause`` says why.

    The pump passes it to the decoder, which then keeps the partial answer. The adapter sets ``partial`` and
    ``upstream_closed_ms`` before it raises this exception.
    """

    def __init__(self, signal: StopSignal | None = None) -> None:
        """Take the cause from ``signal``; the default is ``CANCELLED``."""
        super().__init__("cancelled")
        self.cause = signal.cause if signal is not None else StopCause.CANCELLED
        self.message = signal.message if signal is not None else ""
        #: The answer and usage up to the stop.
        self.partial: StepResult | None = None
        #: Milliseconds from the stop to the closed upstream connection.
        self.upstream_closed_ms: float | None = None


async def wait_for(what: asyncio.Future[None] | None, *, cancel: StopSignal, seconds: float) -> bool:
    """Wait for ``what`` for at most ``seconds``. Does not cancel ``what``.

    Args:
        what: The future to wait for; ``None`` to wait until the time is over.
        cancel: Ends the wait at once.
        seconds: The longest wait.

    Returns:
        Whether ``what`` was done within ``seconds``.

    Raises:
        RunCancelled: ``cancel`` was set first.
    """
    listener = asyncio.create_task(cancel.wait(), name="cancel listener")
    awaited: set[asyncio.Future[Any]] = {listener} if what is None else {listener, what}
    try:
        await asyncio.wait(awaited, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    finally:
        listener.cancel()
    if cancel.is_set():
        raise RunCancelled(cancel)
    return what is not None and what.done()
