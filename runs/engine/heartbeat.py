"""Renews the leases of the runs that this process drives.

The heartbeat has a thread and a database connection of its own, so that neither a busy event loop nor a queue
of reads delays it. Its statements give up long before a lease ends, and are tried again. A lease that ends all
the same costs no run by itself: if nobody reaches the database, nobody takes the run over. Once another process has
done so, the run must stop. This process finds out in the database, or, if it alone cannot reach that, from the other
process's message (``Liveness.note_reaped``). It never takes over its own runs.
"""

import asyncio
import time
from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.db import transaction

from concurrency.periodic import PeriodicThread
from runs.models import Run
from runs.states import DRIVEN
from runs.store import clock

#: A statement of the heartbeat waits for this part of a lease.
PATIENCE = 0.2
#: Seconds from a failed heartbeat to the next attempt.
RETRY = 0.5


class Heartbeat:
    """The heartbeat of the runs of one event loop."""

    def __init__(self, worker: str, *, lease: timedelta, driven: Callable[[], tuple[UUID, ...]]) -> None:
        """Prepare the heartbeat of the running loop.

        Args:
            worker: this process's name in the rows of its runs.
            lease: the time for which each heartbeat reserves a run.
            driven: returns the runs that are driven now; called on the heartbeat's thread.
        """
        self._worker = worker
        self._lease = lease
        self._driven = driven
        self._loop = asyncio.get_running_loop()
        #: ``time.monotonic()`` seconds before the last renewal, or before the last look that found nothing to renew.
        self._renewed_at = time.monotonic()
        self._thread = PeriodicThread(
            "runnel-heartbeat",
            self._beat,
            interval=settings.RUNNEL_HEARTBEAT_SECONDS,
            patience=lease.total_seconds() * PATIENCE,
            retry=RETRY,
        )

    def start(self) -> None:
        """Begin to renew leases."""
        self._thread.start()

    async def stop(self) -> None:
        """Stop, and wait for a statement that is under way."""
        self._thread.stop()
        await asyncio.to_thread(self._thread.join)

    @property
    def is_overdue(self) -> bool:
        """Whether leases may be over, because they were not renewed for so long."""
        return time.monotonic() - self._renewed_at > self._lease.total_seconds()

    def _beat(self) -> None:
        if self._loop.is_closed():
            self._thread.stop()
            return
        begun_at = time.monotonic()
        if run_ids := self._driven():
            self._renew(run_ids)
        self._renewed_at = begun_at

    def _renew(self, run_ids: tuple[UUID, ...]) -> None:
        """Renew the leases of ``run_ids``.

        A run whose row another transaction changes now waits for the next heartbeat: to wait for it here, with other
        rows locked, could end in a deadlock.
        """
        mine = Run.objects.filter(pk__in=run_ids, status__in=DRIVEN, worker=self._worker)
        with transaction.atomic():
            # SQLite locks no rows, and Django then asks for none.
            free = mine.order_by("pk").select_for_update(skip_locked=True, no_key=True)
            renewed = list(free.values_list("pk", flat=True))
            mine.filter(pk__in=renewed).update(lease_until=clock.after(self._lease))
