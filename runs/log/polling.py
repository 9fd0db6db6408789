"""Asks the database for the states of the runs that other processes drive: one query for all of them."""

import asyncio
import contextlib
import logging
from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.db.models import DurationField, ExpressionWrapper, F
from django.db.models.functions import Now

from concurrency.tasks import spawn
from concurrency.threads import readers
from runs.models import Run
from runs.states import TERMINAL

logger = logging.getLogger("runnel.feed")

#: After so many heartbeats' time without one, the process of a run counts as silent.
SILENT_BEATS = 2.4
#: What is left of a run's lease, by the database's clock.
_LEFT = F("lease_until") - Now()

#: Called with the id of a run, its newest seq, whether it has ended, and whether the process that drives it is silent.
type StateSeen = Callable[[UUID, int, bool, bool], None]


class StatePoll:
    """Reports the state of each added run at once, then every ``interval`` seconds.

    Runs are added one by one all the time: what is asked at once is asked for the new ones only.
    """

    def __init__(self, seen: StateSeen, *, interval: float) -> None:
        """Keep the function that is called with each state. It may remove runs."""
        self._seen = seen
        self._interval = interval
        self._run_ids: set[UUID] = set()
        #: Those that were not reported yet.
        self._new: set[UUID] = set()
        self._is_new = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    @property
    def run_ids(self) -> frozenset[UUID]:
        """The runs that are reported."""
        return frozenset(self._run_ids)

    def add(self, run_id: UUID) -> None:
        """Report the state of a run from now on."""
        self._run_ids.add(run_id)
        self._new.add(run_id)
        self._is_new.set()
        if self._task is None or self._task.done():
            self._task = spawn(self._poll(), name="feed", is_shared=True)

    def remove(self, run_id: UUID) -> None:
        """Report the state of a run no more. The query ends with the last run."""
        self._run_ids.discard(run_id)
        self._new.discard(run_id)
        if not self._run_ids and self._task is not None:
            self._task.cancel()
            self._task = None

    async def _poll(self) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time()
        while True:
            self._is_new.clear()
            if self._new and loop.time() < due:
                asked = tuple(self._new)
            else:
                asked, due = tuple(self._run_ids), loop.time() + self._interval
            self._new.clear()
            try:
                states = await readers.run(_read_states, asked)
            except Exception:
                logger.exception("the states of runs could not be read; the next query tries again")
            else:
                for run_id in asked:
                    # A run that was deleted has ended.
                    self._report(run_id, *states.get(run_id, (0, True, False)))
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout_at(due):
                    await self._is_new.wait()

    def _report(self, run_id: UUID, last_seq: int, has_ended: bool, is_silent: bool) -> None:
        if run_id in self._run_ids:
            try:
                self._seen(run_id, last_seq, has_ended, is_silent)
            except Exception:
                logger.exception(
                    "the state of run %s could not be reported; the next query tries again", run_id
                )


def _read_states(run_ids: tuple[UUID, ...]) -> dict[UUID, tuple[int, bool, bool]]:
    """Return of each run that exists its newest seq, whether it has ended, and whether its process is silent."""
    silent = timedelta(
        seconds=settings.RUNNEL_LEASE_SECONDS - SILENT_BEATS * settings.RUNNEL_HEARTBEAT_SECONDS
    )
    rows = Run.objects.filter(pk__in=run_ids).order_by()
    columns = rows.values_list("pk", "log__last_seq", "status", ExpressionWrapper(_LEFT, DurationField()))
    return {
        run_id: (last_seq or 0, status in TERMINAL, left is not None and left < silent)
        for run_id, last_seq, status, left in columns
    }
