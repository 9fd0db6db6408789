"""Doorbells between the process that drives a run and those whose viewers watch it: (run, newest seq), no events.

Who watches runs of other processes says so to all of them, again and again; who drives one of them rings after each
commit. So a process whose runs nobody else watches rings for none. A bell that is lost costs time only: the feed asks
the database for the states of such runs all the time.
"""

import asyncio
import time
from collections.abc import Callable, Iterable
from uuid import UUID

from runs import bus
from runs.bus import Kind

#: Seconds for which an announcement holds. It is repeated after each ``RUNNEL_HEARTBEAT_SECONDS``.
HOLDS = 12.0


class Doorbells:
    """The doorbells of one event loop."""

    def __init__(self, watched: Callable[[], Iterable[UUID]], last_seq: Callable[[UUID], int]) -> None:
        """Take what returns the runs of others that are watched here, and the newest seq of a run that is driven here."""
        self._watched = watched
        self._last_seq = last_seq
        #: Runs that other processes watch, and until when that holds (``time.monotonic``).
        self._wanted: dict[UUID, float] = {}
        self._new: set[UUID] = set()

    def committed(self, run_id: UUID, last_seq: int) -> None:
        """Ring for a run if another process watches it."""
        if self._wanted and run_id in self._wanted:
            bus.ring(run_id, last_seq)

    def watch(self, run_id: UUID) -> None:
        """Ask for the bells of a run from now on; all of one turn are asked for together."""
        if not self._new:
            asyncio.get_running_loop().call_soon(self._announce_new)
        self._new.add(run_id)

    def repeat(self) -> None:
        """Ask again for the bells of all runs that are watched, and forget who has not asked for long."""
        now = time.monotonic()
        self._wanted = {run_id: until for run_id, until in self._wanted.items() if until > now}
        self._announce(self._watched())

    def wanted(self, run_ids: Iterable[UUID]) -> None:
        """Ring for these runs, which another process watches: now, and for a while after each commit."""
        until = time.monotonic() + HOLDS
        for run_id in run_ids:
            self._wanted[run_id] = until
            if seq := self._last_seq(run_id):
                # It may have missed what was committed since it looked.
                bus.ring(run_id, seq)

    def _announce_new(self) -> None:
        new, self._new = self._new, set()
        self._announce(new)

    def _announce(self, run_ids: Iterable[UUID]) -> None:
        if named := [str(run_id) for run_id in run_ids]:
            bus.send(Kind.WATCHED, {"run_ids": named})
