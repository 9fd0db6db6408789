"""Ends the runs that nobody drives: paused ones, queued ones, and those that wait for a worker."""

import logging
from collections.abc import Callable
from uuid import UUID

from concurrency.threads import readers
from runs.engine import paused, queued
from runs.engine.listings import Listings
from runs.log.feed import Feed
from runs.log.journal import Fenced, Journal
from runs.states import RunStatus
from runs.store.transitions import LostRace
from runs.telemetry import notes

logger = logging.getLogger("runnel.engine")


class Undriven:
    """Ends such runs through the journal of one event loop, and tells those who watch."""

    def __init__(
        self,
        *,
        journal: Journal,
        feed: Feed,
        listings: Listings,
        is_driven: Callable[[UUID], bool],
        on_free: Callable[[UUID], None],
    ) -> None:
        """Prepare it.

        Args:
            journal: stores the ends.
            feed: delivers them.
            listings: tells the lists of conversations.
            is_driven: whether this process drives a run by now.
            on_free: called with a conversation that may be free.
        """
        self._journal = journal
        self._feed = feed
        self._listings = listings
        self._is_driven = is_driven
        self._on_free = on_free

    async def end(self, run_id: UUID) -> None:
        """End a run that nobody drives and whose cancel was stored, or a paused one whose deadline has passed."""
        found = await readers.run(paused.read, run_id)
        if found is None:
            await self._end_waiting(run_id)
            return
        events, ending, outcomes = paused.ending(found)
        log = self._journal.open(run_id, fence=found.row.fence, last_seq=found.row.last_seq)
        self._feed.open(run_id, found.row.conversation_id)
        has_ended = False
        try:
            await self._journal.commit(log, events, lambda: paused.end(found, ending, outcomes))
            has_ended = True
            notes.run_ended(run_id, found.row.owner_id, ending, seconds=found.row.active_seconds)
        except (Fenced, LostRace):
            logger.info("run %s is no longer paused: another change came first", run_id)
        finally:
            if not self._is_driven(run_id):
                self._feed.close(run_id, has_ended=has_ended)
                self._on_free(found.row.conversation_id)
            self._listings.changed(found.row.owner_id, found.row.conversation_id)

    async def _end_waiting(self, run_id: UUID) -> None:
        run = await readers.run(queued.cancelled, run_id)
        if run is None:
            return
        outcomes = await readers.run(queued.unanswered, run)
        events, ending = queued.ending(run, outcomes)
        log = self._journal.open(run_id, fence=run.fence, last_seq=run.last_seq)
        # Nobody but its own viewers need hear of a run that never began.
        self._feed.expect(run_id)
        has_ended = False
        try:
            await self._journal.commit(log, events, lambda: queued.end(run, ending, outcomes))
            has_ended = True
            if run.status == RunStatus.CREATED:
                notes.run_ended(run_id, run.owner_id, ending)
                self._on_free(run.conversation_id)
                self._listings.changed(run.owner_id, run.conversation_id)
        except (Fenced, LostRace):
            logger.info("run %s does not wait any more: another change came first", run_id)
        finally:
            if not self._is_driven(run_id):
                self._feed.close(run_id, has_ended=has_ended)

    async def end_overdue(self) -> None:
        """End all that are due: those whose cancel was stored, and paused ones whose deadline has passed."""
        for run_id in await readers.run(paused.overdue):
            try:
                await self.end(run_id)
            except Exception:
                logger.exception(
                    "run %s, which nobody drives, could not be ended; the next heartbeat tries again", run_id
                )
