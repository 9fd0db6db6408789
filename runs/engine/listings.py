"""Tells the open pages of a user which entries of their list of conversations have changed.

A change in this process is told at once, also to the other processes; several of them within ``GATHER`` seconds are
read together. What nobody has told is found by one query for all users who are followed here, every ``POLL`` seconds.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable
from datetime import datetime
from uuid import UUID

from django.db import connection

from concurrency.tasks import spawn
from concurrency.threads import readers
from providers.types import Json
from runs import bus
from runs.bus import Kind
from runs.store import listing

logger = logging.getLogger("runnel.listings")

#: Seconds for which changes are gathered before they are read.
GATHER = 0.05
#: Seconds between two looks for changes by other processes. With SQLite these are commands only.
POLL = {"postgresql": 0.5}
POLL_OF_COMMANDS = 5.0
#: Entries that are remembered; then they may be told twice.
_MOST_TOLD = 20_000

#: Called with an entry of the list; one that is gone has the fields ``id`` and ``deleted`` only.
type Tell = Callable[[Json], None]


class Listings:
    """Who follows whose list in this process, and what they have been told."""

    def __init__(self) -> None:
        self._followers: dict[int, set[Tell]] = {}
        #: What was told last of each conversation to each user.
        self._told: dict[tuple[UUID, int], Json] = {}
        self._dirty: dict[UUID, set[int]] = {}
        self._is_dirty = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        #: When the last look was, by the database's clock; ``None`` before the first one.
        self._looked_at: datetime | None = None

    @property
    def is_followed(self) -> bool:
        """Whether anybody follows a list."""
        return bool(self._followers)

    def follow(self, user_id: int, tell: Tell) -> None:
        """Call ``tell`` for each entry of the user's list that changes from now on."""
        self._followers.setdefault(user_id, set()).add(tell)
        if self._task is None or self._task.done():
            self._looked_at = None
            self._task = spawn(self._work(), name="listings", is_shared=True)

    def unfollow(self, user_id: int, tell: Tell) -> None:
        """Stop calling ``tell``."""
        followers = self._followers.get(user_id, set())
        followers.discard(tell)
        if not followers:
            self._followers.pop(user_id, None)
        if not self._followers:
            self._told.clear()
            if self._task is not None:
                self._task.cancel()
                self._task = None

    def changed(self, user_id: int, conversation_id: UUID) -> None:
        """Tell those whose list has a conversation, and ``user_id``, soon what it shows now."""
        self.changed_elsewhere(user_id, conversation_id)
        bus.send(Kind.LISTED, {"conversation_id": str(conversation_id), "user_id": user_id})

    def changed_elsewhere(self, user_id: int, conversation_id: UUID) -> None:
        """Do the same for a change that another process has made, and has told everybody of."""
        if self._followers:
            self._dirty.setdefault(conversation_id, set()).add(user_id)
            self._is_dirty.set()

    async def _work(self) -> None:
        while True:
            poll = POLL.get(connection.vendor, POLL_OF_COMMANDS)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(poll):
                    await self._is_dirty.wait()
            try:
                if self._is_dirty.is_set():
                    await asyncio.sleep(GATHER)
                    self._is_dirty.clear()
                    dirty, self._dirty = self._dirty, {}
                    await self._read(dirty)
                else:
                    await self._look()
            except Exception:
                logger.exception("changes of the list could not be read; the next look tries again")
                await asyncio.sleep(poll)

    async def _look(self) -> None:
        """Find what has changed without a word to this process."""
        owners, self._looked_at = await readers.run(
            listing.changed_since, tuple(self._followers), self._looked_at
        )
        await self._read({conversation_id: {owner} for conversation_id, owner in owners.items()})

    async def _read(self, concerned: dict[UUID, set[int]]) -> None:
        """Read what the lists show of some conversations, and tell what is new to those who follow.

        Args:
            concerned: by conversation, users who may have lost or won it.
        """
        if not concerned:
            return
        followers = tuple(self._followers)
        found = await readers.run(listing.of_ids, concerned)
        shared = await readers.run(listing.onlookers, concerned, followers)
        entries = {UUID(entry["id"]): entry for entry in found}
        for conversation_id, user_ids in concerned.items():
            entry = entries.get(conversation_id)
            owner = {entry["owner_id"]} if entry is not None else set()
            others = {user_id for shared_id, user_id in shared if shared_id == conversation_id}
            for user_id in (user_ids | owner | others) & set(followers):
                seen = entry if user_id in owner else None
                if user_id in others and entry is not None:
                    seen = listing.for_onlooker(entry)
                self._tell(
                    user_id,
                    conversation_id,
                    listing.shown(seen or {"id": str(conversation_id), "deleted": True}),
                )

    def _tell(self, user_id: int, conversation_id: UUID, entry: Json) -> None:
        if self._told.get((conversation_id, user_id)) == entry:
            return
        if len(self._told) > _MOST_TOLD:
            self._told.clear()
        self._told[conversation_id, user_id] = entry
        for tell in tuple(self._followers.get(user_id, ())):
            tell(entry)
