"""Looks up runs and conversations for their owner, and for those with whom they are shared. All else looks absent."""

from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from concurrency.threads import readers
from runs.errors import NotFound
from runs.models import Conversation, Run, RunEvent, Share
from runs.services.new_run import StartRequest, WhenBusy
from runs.services.sharing import Onlooker, share_for, share_for_run
from runs.states import ACTIVE, TERMINAL, RunStatus


@dataclass(frozen=True, kw_only=True, slots=True)
class Position:
    """A run's status and the last seq of its log."""

    run_id: UUID
    last_seq: int
    status: str
    #: Whether retention has deleted the events of the run.
    is_pruned: bool = False
    #: The share through which it is looked at; ``None`` for the owner.
    share: Share | None = None

    @property
    def is_finished(self) -> bool:
        """Whether the run has ended."""
        return self.status in TERMINAL


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """A conversation that somebody may look at."""

    #: The position of its active run; ``None`` if there is none.
    active: Position | None
    #: The share through which it is looked at; ``None`` for the owner.
    share: Share | None


async def locate_run(onlooker: Onlooker, run_id: UUID) -> Position:
    """Return the position of a run.

    Raises:
        NotFound: there is no such run, ``onlooker`` may not look at it, or its conversation was erased.
    """

    def read() -> Position | None:
        run = Run.objects.filter(pk=run_id, conversation__erased_at=None)
        position, share = _position(run.filter(owner_id=onlooker.user_id)), None
        if position is None and (share := share_for_run(onlooker, run_id)) is not None:
            position = _position(run)
        if position is not None:
            position = replace(position, share=share)
        if position is None or not position.is_finished or not position.last_seq:
            return position
        return replace(position, is_pruned=not RunEvent.objects.filter(run_id=run_id).exists())

    position = await readers.run(read)
    if position is None:
        raise NotFound
    return position


async def locate_conversation(onlooker: Onlooker, conversation_id: UUID) -> Place:
    """Return a conversation's active run, and the share through which it is looked at.

    Raises:
        NotFound: there is no such conversation, or ``onlooker`` may not look at it.
    """

    def read() -> Place | None:
        share = None
        if not Conversation.objects.filter(pk=conversation_id, owner_id=onlooker.user_id).exists():
            share = share_for(onlooker, conversation_id)
            if share is None:
                return None
        active = _position(Run.objects.filter(conversation_id=conversation_id, status__in=ACTIVE))
        return Place(active=active, share=share)

    if (place := await readers.run(read)) is None:
        raise NotFound
    return place


async def run_to_be_cancelled(owner_id: int, request: StartRequest) -> UUID | None:
    """Return the run that a start asks to cancel, ``None`` if there is none."""
    interrupts = request.when_busy == WhenBusy.INTERRUPT
    if request.conversation_id is None or not (interrupts or request.options.get("cancel_pending")):
        return None
    its = Run.objects.filter(conversation_id=request.conversation_id, owner_id=owner_id)
    active = its.filter(status__in=ACTIVE if interrupts else [RunStatus.AWAITING_APPROVAL])
    others = active.exclude(pk=request.run_id).order_by().values_list("pk", flat=True)
    return await readers.run(others.first)


async def run_under_way_with(owner_id: int, run_id: UUID) -> UUID | None:
    """Return the active run in the conversation of a user's run, ``None`` if there is none."""
    own = Run.objects.filter(pk=run_id, owner_id=owner_id).values("conversation_id")
    active = Run.objects.filter(conversation_id__in=own, status__in=ACTIVE).order_by()
    return await readers.run(active.values_list("pk", flat=True).first)


def _position(runs: Any) -> Position | None:
    row = runs.values_list("id", "log__last_seq", "status").first()
    return Position(run_id=row[0], last_seq=row[1] or 0, status=row[2]) if row else None
