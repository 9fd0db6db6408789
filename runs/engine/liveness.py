"""What keeps the runs of this process alive, and finds those that nobody keeps alive any more.

Leases are renewed (``heartbeat``), cancels that others stored are looked for (``live_poll``), runs of dead processes
are ended (``recovery``), and people are told when nothing can be saved.
"""

import asyncio
from collections.abc import Callable
from uuid import UUID

from django.conf import settings
from django.db import connection

from concurrency.availability import NOTICEABLE, Availability
from concurrency.tasks import spawn
from concurrency.threads import readers
from providers.errors.stop_signal import StopCause
from runs import bus
from runs.bus import Kind
from runs.engine import endings, heartbeat, reaping, recovery, stop_signals
from runs.engine.heartbeat import Heartbeat
from runs.engine.live_poll import LivePoll
from runs.engine.reaping import Continuity
from runs.engine.spec import WorkerSettings
from runs.log.feed import Feed
from runs.log.patient_writer import OUTAGE_SECONDS

#: Seconds between two looks at whether something waits for the database.
INTERVAL = 0.25


class Liveness:
    """The liveness of the runs of one event loop."""

    def __init__(
        self,
        worker: WorkerSettings,
        *,
        driven: Callable[[], tuple[UUID, ...]],
        feed: Feed,
        availability: Availability,
    ) -> None:
        """Prepare it.

        Args:
            worker: this process's name and limits.
            driven: returns the runs that are driven now; called on threads.
            feed: tells viewers that saving waits.
            availability: says for how long something has waited for the database.
        """
        self._driven = driven
        self._feed = feed
        self._availability = availability
        self._heartbeat = Heartbeat(worker.worker, lease=worker.lease_time, driven=driven)
        self._poll = LivePoll(
            worker.worker,
            patience=worker.lease * heartbeat.PATIENCE,
            driven=driven,
            availability=availability,
        )
        self._continuity = Continuity(
            gap=worker.lease / 2, needed=settings.RUNNEL_HEARTBEAT_SECONDS + reaping.RENEWAL
        )
        self._watching: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to renew leases and to look."""
        self._heartbeat.start()
        self._poll.start()
        self._watching = spawn(self._watch_storage(), name="outages", is_shared=True)

    async def stop(self) -> None:
        """Stop, and wait for statements that are under way."""
        if self._watching is not None:
            self._watching.cancel()
            await asyncio.gather(self._watching, return_exceptions=True)
            await asyncio.gather(self._heartbeat.stop(), self._poll.stop())

    def look_for_cancels(self) -> None:
        """Look now whether other processes have stored cancels of runs that are live here."""
        self._poll.look_now()

    def note_reaped(self, run_id: UUID, segment: int) -> None:
        """Stop a segment that is driven here, and that another process says it has ended because its lease was over.

        It is believed at once if leases may be over here: this process may be the only one that cannot reach the
        database, and would read the provider for nobody. Otherwise the database is asked, now.
        """
        if self._heartbeat.is_overdue:
            stop_signals.lose(run_id, segment)
        self._poll.look_now()

    async def reap(self, *, everything: bool) -> None:
        """End runs whose process has died. The arguments are those of ``recovery.reap``."""
        await readers.run(
            recovery.reap,
            everything=everything,
            is_live_here=stop_signals.is_live,
            # Nobody else renews leases in a SQLite database.
            continuity=None if connection.vendor == "sqlite" else self._continuity,
        )

    async def _watch_storage(self) -> None:
        is_told = False
        while True:
            await asyncio.sleep(INTERVAL)
            waiting = self._availability.waiting
            if is_told != (waiting > NOTICEABLE):
                is_told = not is_told
                self._feed.tell_waiting(is_told)
                self._tell_others(is_told)
            if waiting > OUTAGE_SECONDS:
                self._end_driven()

    def _tell_others(self, is_waiting: bool) -> None:
        """Tell those who show the runs that are driven here: what they read themselves may be well."""
        if run_ids := [str(run_id) for run_id in self._driven()]:
            bus.send(Kind.STALLED, {"run_ids": run_ids, "waiting": is_waiting})

    def _end_driven(self) -> None:
        """Stop the runs that are driven here. Their ends are stored when the database is back."""
        for run_id in self._driven():
            if (live := stop_signals.get(run_id)) is not None:
                live.stop(StopCause.LOG_UNAVAILABLE, endings.LOG_UNAVAILABLE)
