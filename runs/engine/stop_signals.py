"""The registry of stop signals: one per live run of this process, removed when its last claim is dropped.

To stop a run, set its signal here. The engine and the provider call wait for that same signal. Views and the
admin run on other threads, so ``request`` sets it on the event loop that owns it.
"""

import asyncio
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from uuid import UUID

from providers.errors.stop_signal import StopCause, StopSignal
from runs.states import CancelledBy


@dataclass(slots=True)
class Cancellation:
    """The stop signal of one live segment, and the requester of its cancel."""

    run_id: UUID
    owner_id: int
    loop: asyncio.AbstractEventLoop
    #: Segment number, from 1.
    segment: int = 1
    #: The API token that queued the run; ``None`` if it was not queued, or by a session.
    token_id: int | None = None
    #: Number of callers that prepare the segment or drive it.
    claims: int = 0
    signal: StopSignal = field(default_factory=StopSignal)
    #: A ``CancelledBy``; empty until a cancel is requested.
    by: str = ""
    #: The name of the person who asked; empty if nobody did.
    by_name: str = ""
    reason: str = ""
    #: ``time.monotonic()`` seconds of the request.
    requested_at: float | None = None

    def stop(self, cause: StopCause, message: str = "") -> None:
        """Stop the run for a reached limit, unless a cancel came first. Call this on the run's loop only."""
        if self.requested_at is None:
            self.signal.stop(cause, message)


_live: dict[UUID, Cancellation] = {}
_lock = threading.Lock()


def claim(run_id: UUID, owner_id: int, *, segment: int = 1) -> Cancellation:
    """Return the cancellation of a segment that will begin on the running loop. ``drop`` it afterwards.

    Concurrent attempts to begin one segment share its cancellation, so that a cancel stops all of them.
    """
    with _lock:
        known = _live.get(run_id)
        if known is None or known.segment < segment:
            # The earlier segment has paused, so there is nothing left to stop.
            known = _live[run_id] = Cancellation(run_id, owner_id, asyncio.get_running_loop(), segment)
        elif known.segment > segment:
            # Another caller resumed the run first. This caller's database write will fail.
            known = Cancellation(run_id, owner_id, asyncio.get_running_loop(), segment)
        known.claims += 1
    return known


def drop(cancellation: Cancellation) -> None:
    """Take back one ``claim``. The last one removes the cancellation from the registry."""
    with _lock:
        cancellation.claims -= 1
        if not cancellation.claims and _live.get(cancellation.run_id) is cancellation:
            del _live[cancellation.run_id]


def get(run_id: UUID) -> Cancellation | None:
    """Return the cancellation of a run that is live in this process, else ``None``."""
    return _live.get(run_id)


def is_live(run_id: UUID) -> bool:
    """Return whether this process drives a run, or prepares to drive it. From any thread."""
    return run_id in _live


def live() -> tuple[Cancellation, ...]:
    """Return the cancellations of all live runs of this process."""
    with _lock:
        return tuple(_live.values())


def request(run_id: UUID, *, by: str, by_name: str = "", reason: str = "", age: float = 0.0) -> bool:
    """Set the run's signal at once, from any thread. Return whether the run is live here.

    The first request sets ``by``, ``by_name`` and ``reason``; later requests change nothing. ``age`` is how many seconds
    ago it was stored.
    """
    with _lock:
        cancellation = _live.get(run_id)
        if cancellation is None:
            return False
        if cancellation.requested_at is None:
            cancellation.by, cancellation.by_name, cancellation.reason = by, by_name, reason
            cancellation.requested_at = cancellation.signal.asked_at = time.monotonic() - max(0.0, age)
    cause = StopCause.SHUTDOWN if cancellation.by == CancelledBy.SERVER else StopCause.CANCELLED
    _on_its_loop(cancellation, partial(cancellation.signal.stop, cause))
    return True


def lose(run_id: UUID, segment: int) -> None:
    """Stop a segment that another process has ended or taken over, from any thread: it may write nothing more."""
    with _lock:
        cancellation = _live.get(run_id)
    if cancellation is not None and cancellation.segment == segment:
        _on_its_loop(cancellation, partial(cancellation.signal.stop, StopCause.LOST))


def _on_its_loop(cancellation: Cancellation, work: Callable[[], None]) -> None:
    try:
        is_there = asyncio.get_running_loop() is cancellation.loop
    except RuntimeError:
        is_there = False
    if is_there:
        work()
    else:
        cancellation.loop.call_soon_threadsafe(work)
