"""Divides work on many rows into short transactions with pauses, so that live runs hardly notice it."""

import threading
import time
from collections.abc import Callable, Sequence

from django.db import transaction

#: Seconds that one transaction should hold the database: SQLite has one writer, and tokens wait for it.
HOLD = 0.008
#: Pauses in proportion to the work before them.
PAUSES = 4.0
#: Seconds of the shortest and of the longest pause.
SHORTEST, LONGEST = 0.01, 1.0
#: Rows of the first transaction, and the most of any.
FIRST, MOST = 8, 500


class Stopped(Exception):  # noqa: N818 - it names what happened
    """The server is stopping: the rest is done another time."""


class Pace:
    """The speed of one kind of upkeep. It learns how many rows fit into ``HOLD`` seconds."""

    def __init__(self, *, stop: threading.Event, before_each: Callable[[], None] = lambda: None) -> None:
        """Take the event that stops the work, and a function to call before each transaction."""
        self._stop = stop
        self._before_each = before_each
        self._rows = FIRST
        #: Seconds of the longest transaction.
        self.longest = 0.0

    def each_part[T](self, items: Sequence[T], work: Callable[[Sequence[T]], object]) -> None:
        """Call ``work`` with a part of ``items`` at a time, each in a transaction of its own.

        Raises:
            Stopped: the event was set; the parts until then are committed.
        """
        done = 0
        while done < len(items):
            if self._stop.is_set():
                raise Stopped
            self._before_each()
            part = items[done : done + self._rows]
            with transaction.atomic():
                # From here, because waiting for the write lock is no reason to take fewer rows.
                begin = time.monotonic()
                work(part)
            self._learn(time.monotonic() - begin, len(part))
            done += len(part)

    def _learn(self, took: float, rows: int) -> None:
        """Take more or fewer rows next time, then pause."""
        self.longest = max(self.longest, took)
        fitting = int(rows * HOLD / max(took, 1e-6))
        self._rows = max(1, min(fitting, 2 * rows, MOST)) if took > HOLD or rows >= self._rows else self._rows
        self._stop.wait(min(max(PAUSES * took, SHORTEST), LONGEST))
