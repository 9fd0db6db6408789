"""Writes groups of the journal, one after the other, and again and again while the database cannot be reached."""

import asyncio
import logging
import time
from collections.abc import Callable

from django.db import InterfaceError, OperationalError

from concurrency.availability import Availability
from concurrency.threads import DatabaseThreads
from runs.log.writer import Group, Outcomes, write_group

logger = logging.getLogger("runnel.journal")

#: Seconds without the database after which runs end, and callers are told that it fails. Until then nobody loses anything.
OUTAGE_SECONDS = 30.0
#: Seconds that a large group may take to be written while people are told nothing.
SLOW_SECONDS = 4.0
#: Seconds between two attempts to write a group.
PAUSE_SECONDS = 0.2
#: Seconds of an outage after which a process that stops waits no longer for the database.
GIVE_UP = 5.0

#: What waits, for ``Availability``.
_WRITES, _FAILS = "journal", "journal, again"


class PatientWriter:
    """The writer of one journal: one thread, one group at a time."""

    def __init__(self, availability: Availability) -> None:
        """Take what is told when a group waits for the database."""
        self._availability = availability
        self._thread = DatabaseThreads("runnel-journal", workers=1)

    async def write(self, group: Group, *, give_up: Callable[[Exception], None]) -> Outcomes:
        """Write a group and return its outcomes, however long the database is away.

        ``give_up`` is called after each failed attempt once that takes longer than ``OUTAGE_SECONDS``.
        """
        give_up_at = time.monotonic() + OUTAGE_SECONDS
        self._availability.asks(_WRITES, takes=SLOW_SECONDS)
        while True:
            try:
                outcomes = await self._thread.run(write_group, group)
            except (OperationalError, InterfaceError) as error:
                self._availability.asks(_FAILS)
                logger.warning("the database does not answer", exc_info=True)
                if time.monotonic() > give_up_at:
                    give_up(error)
                await asyncio.sleep(PAUSE_SECONDS)
            else:
                self._availability.is_answered(_WRITES)
                self._availability.is_answered(_FAILS)
                return outcomes

    @property
    def is_given_up(self) -> bool:
        """Whether nobody who wants to end should wait for the database any more."""
        return self._availability.waiting > GIVE_UP

    async def close(self) -> None:
        """End the thread."""
        await self._thread.close()
