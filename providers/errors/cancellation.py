"""Stopping a run's work: the signal that says why, the exception it becomes, and a wait that it ends."""

import asyncio
from enum import Enum
from typing import Any

from providers.types import StepResult


class StopCause(Enum):
    """Why a run's work is to stop before its end."""

    #: A user or an admin cancelled the run.
    CANCELLED = "cancelled"
    #: The server is stopping.
    SHUTDOWN = "shutdown"
    #: The run has used up its time.
    TIME_LIMIT = "time_limit"
    #: The run has used up its budget.
    BUDGET = "budget"

    @property
    def is_cancel(self) -> bool:
        """Whether somebody wanted the run to stop, as opposed to a limit that it reached."""
        return self in {StopCause.CANCELLED, StopCause.SHUTDOWN}


class StopSignal(asyncio.Event):
    """An event that is set once, with the cause. Everything that works for one run waits for the same signal.

    ``set()`` alone means that somebody cancelled.
    """

    def __init__(self) -> None:
        super().__init__()
        self.cause = StopCause.CANCELLED
        #: A sentence for the user about a limit that was reached; empty for a cancel.
        self.message = ""

    def stop(self, cause: StopCause, message: str = "") -> None:
        """Set the signal. The first cause stays."""
        if not self.is_set():
            self.cause, self.message = cause, message
            self.set()


class RunCancelled(Exception):  # noqa: N818 - it names what happened, and it is no error
    """The run was stopped while a provider call was under way; ``cause`` says why.

    The pump hands it to the wire, which then keeps what was said. The adapter raises it with ``partial``
    and ``upstream_closed_ms`` filled in.
    """

    def __init__(self, signal: StopSignal | None = None) -> None:
        """Take the cause from ``signal``; without one, somebody cancelled."""
        super().__init__("cancelled")
        self.cause = signal.cause if signal is not None else StopCause.CANCELLED
        self.message = signal.message if signal is not None else ""
        #: What the call had said and used by then.
        self.partial: StepResult | None = None
        #: Milliseconds from the stop to the closed upstream connection.
        self.upstream_closed_ms: float | None = None


async def wait_for(what: asyncio.Future[None] | None, *, cancel: StopSignal, seconds: float) -> bool:
    """Wait for ``what``, or only for the time to pass if it is ``None``.

    ``what`` is not cancelled; that is left to its owner.

    Args:
        what: The future to wait for.
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
