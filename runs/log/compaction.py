"""Compacts the logs of ended runs: few rows, compressed. Every seq stays a cursor, and no frame changes.

A block of consecutive rows becomes one row in one transaction, so a reader sees either the rows or the block,
and a process that dies leaves either. What it had compacted until then stays compact. Reading and compressing happen
on a thread of their own; only the replacement runs on the journal's thread, because it alone writes.
"""

import asyncio
import logging
from dataclasses import dataclass
from functools import partial
from uuid import UUID

from django.db import DatabaseError
from django.utils import timezone

from concurrency.threads import DatabaseThreads
from providers.packing.compression import compressed
from runs.log.journal import Journal
from runs.log.packing import frame_head, frames, is_compressed, pack, unpack
from runs.log.rows import PAGE
from runs.models import EventLog, Run, RunEvent

logger = logging.getLogger("runnel.compaction")

#: Rows that one transaction replaces: 1 to 2 ms of the journal's thread on SQLite.
MAX_ROWS = 500
#: Logs that are looked up at once.
BATCH = 100
#: Seconds between two transactions.
PAUSE = 0.02


class Overtaken(Exception):  # noqa: N818 - it names what happened
    """Another process has compacted or deleted the rows meanwhile."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Block:
    """Consecutive rows of a log, as one."""

    #: ``(primary key, last seq)`` of each row.
    rows: list[tuple[int, int]]
    #: The events of all rows; ``None`` if the rows stay as they are.
    packed: bytes | None

    @property
    def last_seq(self) -> int:
        """The seq of the last event."""
        return self.rows[-1][1]


class Compactor:
    """Compacts the logs of ended runs every ``interval`` seconds, a block at a time."""

    def __init__(self, journal: Journal, *, interval: float) -> None:
        self._journal = journal
        self._interval = interval
        self._thread = DatabaseThreads("runnel-compact", workers=1)

    async def repeat(self) -> None:
        """Compact until cancelled, beginning after ``interval`` seconds."""
        try:
            while True:
                await asyncio.sleep(self._interval)
                try:
                    await self.sweep()
                except Exception:
                    logger.exception("logs could not be compacted; the next attempt follows")
        finally:
            await self._thread.close()

    async def sweep(self) -> int:
        """Compact the logs of all runs that have ended. Return how many logs there were."""
        count, last = 0, None
        while run_ids := await self._thread.run(find, last):
            for run_id in run_ids:
                await self._compact(run_id)
            count, last = count + len(run_ids), run_ids[-1]
        return count

    async def _compact(self, run_id: UUID) -> None:
        after = 0
        try:
            while block := await self._thread.run(read_block, run_id, after):
                if block.packed is not None:
                    await self._journal.execute(partial(replace, block))
                    await asyncio.sleep(PAUSE)
                after = block.last_seq
        except Overtaken:
            return
        except DatabaseError:
            raise
        except Exception:
            # It would fail again. The rows stay as they are.
            logger.exception("the log of run %s cannot be compacted", run_id)
        await self._journal.execute(partial(finish, run_id))


def find(after: UUID | None) -> list[UUID]:
    """Return the next runs, by their id, that have ended and whose logs are not compact yet."""
    logs = EventLog.objects.filter(compacted_at__isnull=True)
    if after is not None:
        logs = logs.filter(run_id__gt=after)
    unfinished = Run.objects.filter(finished_at__isnull=True).order_by().values("pk")
    return list(
        logs.exclude(run_id__in=unfinished).order_by("run_id").values_list("run_id", flat=True)[:BATCH]
    )


def read_block(run_id: UUID, after: int) -> Block | None:
    """Return the block of an ended run that begins after the seq ``after``; ``None`` at the end of the log.

    A block has about ``PAGE`` characters of frames, which is what a reader unpacks at once.

    Raises:
        ValueError: a row does not hold the events that it should.
    """
    rows: list[tuple[int, int]] = []
    events: list[str] = []
    size = 0
    stored = RunEvent.objects.filter(run_id=run_id, first_seq__gt=after).order_by("first_seq")
    for key, first_seq, last_seq, packed in stored.values_list("pk", "first_seq", "last_seq", "packed")[
        :MAX_ROWS
    ].iterator(chunk_size=16):
        if is_compressed(packed):
            if not rows:
                return Block(rows=[(key, last_seq)], packed=None)
            break
        found = unpack(run_id, packed)
        if len(found) != last_seq - first_seq + 1 or (rows and first_seq != rows[-1][1] + 1):
            raise ValueError(
                f"the row from seq {first_seq} is not the next {last_seq - first_seq + 1} events"
            )
        added = sum(map(len, frames(frame_head(run_id), first_seq, found)))
        if rows and size + added > PAGE:
            break
        rows.append((key, last_seq))
        events += found
        size += added
    return Block(rows=rows, packed=compressed(pack(events)[0].encode())) if rows else None


def replace(block: Block) -> None:
    """Put a block into the place of its rows. Belongs into a transaction.

    Raises:
        Overtaken: the rows are not as they were read.
    """
    (first, first_last_seq), *others = block.rows
    row = RunEvent.objects.filter(pk=first, last_seq=first_last_seq)
    if not row.update(packed=block.packed, last_seq=block.last_seq):
        raise Overtaken
    deleted, _ = RunEvent.objects.filter(pk__in=[key for key, _ in others]).delete()
    if deleted != len(others):
        raise Overtaken


def finish(run_id: UUID) -> None:
    """Note that the log of an ended run is compact."""
    EventLog.objects.filter(run_id=run_id).update(compacted_at=timezone.now())
