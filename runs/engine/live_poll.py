"""Looks at the runs that this process drives: whether a cancel was stored, or another process has ended one of them.

One statement for all of them, every ``INTERVAL`` seconds, on a thread with a connection of its own. A message from
the process that stored a cancel only makes it look sooner (``runs.bus``): what it finds is what counts. Without live
runs it asks for nothing, to know whether the database answers.
"""

import asyncio
from collections.abc import Callable
from uuid import UUID

from django.db import connection
from django.db.models import DurationField, ExpressionWrapper, F, Q
from django.db.models.functions import Now

from concurrency.availability import Availability
from concurrency.periodic import PeriodicThread
from runs.engine import stop_signals
from runs.models import Run
from runs.models.run import CancelMode
from runs.states import DRIVEN

#: Seconds between two looks.
INTERVAL = 0.3
#: Seconds from a failed look to the next one.
RETRY = 0.5

#: How long ago the cancel was stored, by the clock that stored it.
_AGE = ExpressionWrapper(Now() - F("cancel_requested_at"), output_field=DurationField())


class LivePoll:
    """The looks at the runs of one event loop."""

    def __init__(
        self,
        worker: str,
        *,
        patience: float,
        driven: Callable[[], tuple[UUID, ...]],
        availability: Availability,
    ) -> None:
        """Prepare the poll of the running loop.

        Args:
            worker: this process's name in the rows of its runs.
            patience: seconds that a look may take.
            driven: returns the runs that are driven now; called on the poll's thread.
            availability: is told when the poll waits for the database.
        """
        self._availability = availability
        self._worker = worker
        self._driven = driven
        self._loop = asyncio.get_running_loop()
        self._thread = PeriodicThread(
            "runnel-poll",
            self._look,
            interval=INTERVAL,
            patience=patience,
            retry=RETRY,
            before=lambda: availability.asks("poll"),
        )

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def look_now(self) -> None:
        """Look at once."""
        self._thread.wake()

    async def stop(self) -> None:
        """Stop, and wait for a statement that is under way."""
        self._thread.stop()
        await asyncio.to_thread(self._thread.join)

    def _look(self) -> None:
        if self._loop.is_closed():
            self._thread.stop()
            return
        if run_ids := self._driven():
            self._look_at(run_ids)
        else:
            with connection.cursor() as cursor:
                cursor.execute("SELECT 1")
        self._availability.is_answered("poll")

    def _look_at(self, run_ids: tuple[UUID, ...]) -> None:
        is_lost = ~Q(status__in=DRIVEN) | ~Q(worker=self._worker)
        is_cancelled = Q(cancel_requested_at__isnull=False, cancel_mode=CancelMode.IMMEDIATE)
        rows = Run.objects.filter(is_lost | is_cancelled, pk__in=run_ids).order_by()
        columns = ("status", "worker", "segment", "cancelled_by", "cancelled_by_name", "cancel_reason")
        for run_id, age, status, worker, segment, by, by_name, reason in rows.values_list(
            "pk", _AGE, *columns
        ):
            if status not in DRIVEN or worker != self._worker:
                stop_signals.lose(run_id, segment)
            else:
                stop_signals.request(run_id, by=by, by_name=by_name, reason=reason, age=age.total_seconds())
