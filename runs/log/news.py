"""Reads what other processes have committed to watched runs: one query for all of them, however many viewers each has.

While a query is under way, the next bells and states gather. What is read is offered to the viewers as if it were
committed here; a viewer that is further behind reads its own pages.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping
from uuid import UUID

from django.db import InterfaceError, OperationalError

from concurrency.tasks import spawn
from concurrency.threads import readers
from runs.log.rows import read_news
from runs.log.run_log import Committed
from runs.models import EventLog

logger = logging.getLogger("runnel.feed")

#: Seconds until the events are read again after the database was away.
AGAIN = 0.5

#: Called with a run, what was read of it, and the newest seq that the database is known to have.
type NewsRead = Callable[[UUID, list[Committed], int], None]


class News:
    """The events of watched runs that are to be read on one event loop."""

    def __init__(self, known: Callable[[UUID], int], read: NewsRead) -> None:
        """Take what returns the newest seq of a run that was read, and what is called for each run after a query."""
        self._known = known
        self._read = read
        #: By run: the newest seq that is to be read.
        self._wanted: dict[UUID, int] = {}
        self._task: asyncio.Task[None] | None = None

    def want(self, run_id: UUID, last_seq: int) -> None:
        """Read the events of a run up to ``last_seq`` soon."""
        self._wanted[run_id] = max(last_seq, self._wanted.get(run_id, 0))
        if self._task is None or self._task.done():
            self._task = spawn(self._work(), name="news", is_shared=True)

    async def _work(self) -> None:
        while self._wanted:
            wanted, self._wanted = self._wanted, {}
            known = {run_id: self._known(run_id) for run_id in wanted}
            # What was under way may have brought it.
            after = {run_id: seq for run_id, seq in known.items() if seq < wanted[run_id]}
            if not after:
                continue
            newest: Mapping[UUID, int] = wanted
            try:
                found, newest = await readers.run(_read, after, wanted)
            except (OperationalError, InterfaceError):
                logger.warning("events of other processes cannot be read: trying again", exc_info=True)
                self._wanted = wanted | self._wanted
                await asyncio.sleep(AGAIN)
                continue
            except Exception:
                # Viewers read for themselves then.
                logger.exception("events of other processes could not be read")
                found = {}
            for run_id in after:
                batches = [
                    Committed(run_id=run_id, first_seq=first, last_seq=last, frames=frames)
                    for first, last, frames in found.get(run_id, ())
                ]
                self._read(run_id, batches, newest[run_id])


def _read(
    after: Mapping[UUID, int], wanted: Mapping[UUID, int]
) -> tuple[dict[UUID, list[tuple[int, int, list[str]]]], dict[UUID, int]]:
    """Return what ``read_news`` returns, and the newest seq of each run: a bell may name one that there is not."""
    found = read_news(after)
    short = [run_id for run_id in after if run_id not in found or found[run_id][-1][1] < wanted[run_id]]
    if not short:
        return found, {**wanted}
    stored = dict(EventLog.objects.filter(run_id__in=short).values_list("run_id", "last_seq"))
    return found, {**wanted, **{run_id: stored.get(run_id, 0) for run_id in short}}
