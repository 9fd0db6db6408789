"""Looks up runs and conversations for their owner. Other users' data looks absent."""

from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from concurrency.threads import readers
from runs.errors import NotFound
from runs.models import Conversation, Run, RunEvent
from runs.states import ACTIVE, TERMINAL


@dataclass(frozen=True, kw_only=True, slots=True)
class Position:
    """A run's status and the last seq of its log."""

    run_id: UUID
    last_seq: int
    status: str
    #: Whether retention has deleted the events of the run.
    is_pruned: bool = False

    @property
    def is_finished(self) -> bool:
        """Whether the run has ended."""
        return self.status in TERMINAL


async def locate_run(owner_id: int, run_id: UUID) -> Position:
    """Return the position of a run.

    Raises:
        NotFound: there is no such run, it does not belong to ``owner_id``, or its conversation was erased.
    """

    def read() -> Position | None:
        own = Run.objects.filter(pk=run_id, owner_id=owner_id, conversation__erased_at=None)
        position = _position(own)
        if position is None or not position.is_finished or not position.last_seq:
            return position
        return replace(position, is_pruned=not RunEvent.objects.filter(run_id=run_id).exists())

    position = await readers.run(read)
    if position is None:
        raise NotFound
    return position


async def locate_conversation(owner_id: int, conversation_id: UUID) -> Position | None:
    """Return the position of a conversation's active run, ``None`` if there is none.

    Raises:
        NotFound: there is no such conversation, or it does not belong to ``owner_id``.
    """

    def read() -> tuple[bool, Position | None]:
        if not Conversation.objects.filter(pk=conversation_id, owner_id=owner_id).exists():
            return False, None
        return True, _position(Run.objects.filter(conversation_id=conversation_id, status__in=ACTIVE))

    is_known, position = await readers.run(read)
    if not is_known:
        raise NotFound
    return position


def _position(runs: Any) -> Position | None:
    row = runs.values_list("id", "log__last_seq", "status").first()
    return Position(run_id=row[0], last_seq=row[1] or 0, status=row[2]) if row else None
