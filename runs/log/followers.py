"""Who follows a conversation through this process, and is told of its new runs and of what else changes in it.

What this process does is told at once, here and to the other processes (``runs.bus``). What others do comes as a
message, and is found without one by asking the database: one statement for all followed conversations, every
``INTERVAL`` seconds.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

from django.db import connection
from django.db.models import OuterRef, Subquery

from concurrency.tasks import spawn
from concurrency.threads import readers
from runs import bus
from runs.bus import Kind
from runs.models import Conversation, Run
from runs.states import ACTIVE

logger = logging.getLogger("runnel.feed")

#: Seconds between two looks for what other processes have done.
INTERVAL = 0.5

#: The run under way, or else the one that began last.
_NEWEST = Run.objects.filter(conversation=OuterRef("pk"), started_at__isnull=False).order_by("-created_at")
_ACTIVE = Run.objects.filter(conversation=OuterRef("pk"), status__in=ACTIVE).order_by()


@dataclass(frozen=True, slots=True)
class Follower:
    """Who follows a conversation."""

    #: Called with the id of the conversation and the id of its new run.
    run_began: Callable[[UUID, UUID], None]
    #: Called with the id of a conversation of which other things have changed than a run's log, such as the branch
    #: that is shown, and with the run whose command has changed them, if there is one.
    changed: Callable[[UUID, UUID | None], None]


@dataclass(slots=True)
class _Seen:
    """What was last known of a conversation."""

    run_id: UUID | None
    #: Whether that run is under way.
    is_active: bool
    #: Counts changes of the queue; with the branch that is shown, all that ``Follower.changed`` is about.
    revision: int
    shown_run_id: UUID | None


class Followers:
    """The followers of conversations of one event loop."""

    def __init__(self) -> None:
        self._followers: dict[UUID, set[Follower]] = {}
        #: ``None`` for a conversation that was not looked at yet.
        self._seen: dict[UUID, _Seen | None] = {}
        self._is_new = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def follow(self, conversation_id: UUID, follower: Follower) -> None:
        """Notify ``follower`` of what happens in the conversation from now on."""
        self._followers.setdefault(conversation_id, set()).add(follower)
        self._seen.setdefault(conversation_id, None)
        self._is_new.set()
        # Only one process serves a SQLite database.
        if connection.vendor != "sqlite" and (self._task is None or self._task.done()):
            self._task = spawn(self._work(), name="followers", is_shared=True)

    def unfollow(self, conversation_id: UUID, follower: Follower) -> None:
        """Stop notifying ``follower`` of the conversation."""
        followers = self._followers.get(conversation_id, set())
        followers.discard(follower)
        if not followers:
            self._followers.pop(conversation_id, None)
            self._seen.pop(conversation_id, None)
        if not self._followers and self._task is not None:
            self._task.cancel()
            self._task = None

    def began(self, conversation_id: UUID, run_id: UUID) -> None:
        """Notify of a run that begins here, or goes on."""
        self._tell_began(conversation_id, run_id)
        bus.send(Kind.BEGAN, {"conversation_id": str(conversation_id), "run_id": str(run_id)})

    def began_elsewhere(self, conversation_id: UUID, run_id: UUID) -> None:
        """Notify of a run that another process drives, unless that is known."""
        seen = self._seen.get(conversation_id)
        if seen is None or seen.run_id != run_id:
            self._tell_began(conversation_id, run_id)

    def changed(self, conversation_id: UUID, run_id: UUID | None = None) -> None:
        """Notify of a change that this process has made, perhaps by a command about a run."""
        self.changed_elsewhere(conversation_id, run_id)
        named = None if run_id is None else str(run_id)
        bus.send(Kind.CHANGED, {"conversation_id": str(conversation_id), "run_id": named})

    def changed_elsewhere(self, conversation_id: UUID, run_id: UUID | None = None) -> None:
        """Notify of a change that another process has made."""
        for follower in tuple(self._followers.get(conversation_id, ())):
            follower.changed(conversation_id, run_id)

    def _tell_began(self, conversation_id: UUID, run_id: UUID) -> None:
        if (seen := self._seen.get(conversation_id)) is not None:
            seen.run_id = run_id
        for follower in tuple(self._followers.get(conversation_id, ())):
            follower.run_began(conversation_id, run_id)

    async def _work(self) -> None:
        while True:
            self._is_new.clear()
            try:
                found = await readers.run(_read, tuple(self._followers))
            except Exception:
                logger.exception("followed conversations could not be read; the next look tries again")
            else:
                for conversation_id, state in found.items():
                    self._take(conversation_id, state)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(INTERVAL):
                    await self._is_new.wait()

    def _take(self, conversation_id: UUID, state: _Seen) -> None:
        if conversation_id not in self._followers:
            return
        before, self._seen[conversation_id] = self._seen.get(conversation_id), state
        if before is None:
            # A run that began since whoever follows has looked for one. One that is watched already is not told twice.
            if state.is_active and state.run_id is not None:
                self._tell_began(conversation_id, state.run_id)
            return
        if state.run_id is not None and state.run_id != before.run_id:
            self._tell_began(conversation_id, state.run_id)
        if (state.revision, state.shown_run_id) != (before.revision, before.shown_run_id):
            self.changed_elsewhere(conversation_id)


def _read(conversation_ids: tuple[UUID, ...]) -> dict[UUID, _Seen]:
    rows = Conversation.objects.filter(pk__in=conversation_ids).order_by()
    found = rows.values_list(
        "pk",
        Subquery(_ACTIVE.values("pk")[:1]),
        Subquery(_NEWEST.values("pk")[:1]),
        "queue_revision",
        "shown_run_id",
    )
    return {
        key: _Seen(active or newest, active is not None, revision, shown)
        for key, active, newest, revision, shown in found
    }
