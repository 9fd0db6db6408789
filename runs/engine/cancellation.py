"""The registry of cancellation events: one per live run of this process, removed when nobody claims it any more.

Whoever wants to stop a run sets its event here; everything that works for the run (the engine,
the provider call) waits for that same event. Views and the admin live on other threads, so it is
set on the loop that owns it.
"""

import asyncio
import threading
import time
from dataclasses import dataclass, field
from uuid import UUID


@dataclass(slots=True)
class Cancellation:
    """The cancellation of one live run: not requested until ``event`` is set."""

    run_id: UUID
    owner_id: int
    loop: asyncio.AbstractEventLoop
    #: Which segment of the run it stops.
    segment: int = 1
    #: How many prepare that segment or drive it.
    claims: int = 0
    event: asyncio.Event = field(default_factory=asyncio.Event)
    #: ``user``, ``admin`` or ``server``; empty until requested.
    by: str = ""
    reason: str = ""
    #: ``time.monotonic()`` seconds of the request.
    requested_at: float | None = None

    def stop(self, by: str) -> None:
        """Set the event for a limit of ours, unless somebody was faster; on its own loop only."""
        if self.requested_at is None and not self.event.is_set():
            self.by = by
            self.event.set()


_live: dict[UUID, Cancellation] = {}
_lock = threading.Lock()


def claim(run_id: UUID, owner_id: int, *, segment: int = 1) -> Cancellation:
    """Return the event of a segment that is about to begin on the running loop; whoever claims it must ``drop`` it.

    All who try to begin a segment share its event, so that a cancel stops whichever of them drives it.
    """
    with _lock:
        known = _live.get(run_id)
        if known is None or known.segment < segment:
            # The segment before has paused: nothing is left of it to be stopped.
            known = _live[run_id] = Cancellation(run_id, owner_id, asyncio.get_running_loop(), segment)
        elif known.segment > segment:
            # The run has gone on without this one, which is about to learn of it.
            known = Cancellation(run_id, owner_id, asyncio.get_running_loop(), segment)
        known.claims += 1
    return known


def drop(cancellation: Cancellation) -> None:
    """Take back one ``claim``; the last one removes the event."""
    with _lock:
        cancellation.claims -= 1
        if not cancellation.claims and _live.get(cancellation.run_id) is cancellation:
            del _live[cancellation.run_id]


def get(run_id: UUID) -> Cancellation | None:
    """Return the cancellation of a run that is live in this process."""
    return _live.get(run_id)


def live() -> tuple[Cancellation, ...]:
    """Return every live run's cancellation."""
    with _lock:
        return tuple(_live.values())


def request(run_id: UUID, *, by: str, reason: str = "") -> bool:
    """Set the run's event at once, from whatever thread. Return whether it is live here.

    The first request names who did it; later ones change nothing.
    """
    with _lock:
        cancellation = _live.get(run_id)
        if cancellation is None:
            return False
        if cancellation.requested_at is None:
            cancellation.by, cancellation.reason = by, reason
            cancellation.requested_at = time.monotonic()
    try:
        on_its_loop = asyncio.get_running_loop() is cancellation.loop
    except RuntimeError:
        on_its_loop = False
    if on_its_loop:
        cancellation.event.set()
    else:
        cancellation.loop.call_soon_threadsafe(cancellation.event.set)
    return True
