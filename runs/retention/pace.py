"""Divides work on many rows into short transactions with pauses, so that live runs hardly notice it."""

import threading
import time
from collections.abc import Callable, Sequence

from django.db import connection, transaction

#: Seconds that one transaction should hold the database: SQLite has one writer, and tokens wait for it.
HOLD = 0.008
#: Pauses in proportion to the work before them.
PAUSES = 4.0
#: Seconds of the shortest and of the longest pause.
SHORTEST, LONGEST = 0.01, 1.0
#: Rows of the first transaction, and the most of any.
FIRST, MOST = 8, 500

#: Transactions between two checkpoints of SQLite's write-ahead log. Each makes the next commit wait for the disk.
_CHECKPOINT_EVERY = 16


class Stopped(Exception):  # noqa: N818 - it names what happened
    """The server is stopping: the rest is done another time."""


class Pace:
    """The speed of one kind of upkeep. It learns how many rows fit into ``HOLD`` seconds."""

    def __init__(self, *, stop: threading.Event, before_each: Callable[[], None] = lambda: None) -> None:
        """Take the event that stops the work, and a function to call before each transaction."""
        self._stop = stop
        self._before_each = before_each

    def each_part[T](self, items: Sequence[T], work: Callable[[Sequence[T]], object]) -> None:
        """Call ``work`` with a part of ``items`` at a time, each in a transaction of its own.

        Raises:
            Stopped: the event was set; the parts until then are committed.
        """
        done, rows, transactions = 0, FIRST, 0
        while done < len(items):
            if self._stop.is_set():
                raise Stopped
            self._before_each()
            part = items[done : done + rows]
            with transaction.atomic():
                # From here, because waiting for the write lock is no reason to take fewer rows.
                begin = time.monotonic()
                work(part)
            took = time.monotonic() - begin
            transactions += 1
            if transactions % _CHECKPOINT_EVERY == 0:
                _checkpoint()
            done += len(part)
            rows = max(1, min(int(len(part) * HOLD / max(took, 1e-6)), 2 * rows, MOST))
            # Checkpoints take time of the disk, which others need too.
            self._stop.wait(min(max(PAUSES * (time.monotonic() - begin), SHORTEST), LONGEST))


def _checkpoint() -> None:
    """Copy SQLite's write-ahead log into the database now: else a live run's commit would have to, and wait for it."""
    if connection.vendor == "sqlite" and not connection.in_atomic_block:
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA wal_checkpoint(PASSIVE)")
