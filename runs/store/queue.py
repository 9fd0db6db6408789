"""The queues of conversations: runs that are stored and have not begun.

Each change counts up the conversation's revision, in the same transaction. Who takes from the queue names the
revision that was read, so that nothing begins twice, and nothing that was edited, moved or removed meanwhile.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import Exists, F, OuterRef, QuerySet

from runs.models import Conversation, Run
from runs.models.conversation import QueuePause
from runs.states import ACTIVE, RunStatus
from runs.store import statements

#: The place of the run that is sent next.
NEXT = 0


class QueueChanged(Exception):  # noqa: N818 - it names what happened
    """The queue is not as it was read."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Waiting:
    """Queued runs of one conversation, as they were read."""

    conversation_id: UUID
    #: The revision of the queue before they were read.
    revision: int
    rows: tuple[Run, ...]

    def take(self) -> None:
        """Take the runs out of the queue: delete their rows. Runs in a transaction of the caller.

        Raises:
            QueueChanged: the queue was changed since they were read.
        """
        if not changed(self.conversation_id, revision=self.revision):
            raise QueueChanged
        for row in self.rows:
            deletion = statements.delete(
                Run, key=row.pk, condition='"status" = %s', values=[RunStatus.QUEUED]
            )
            if not deletion.execute():
                raise QueueChanged


def queued(**of: Any) -> QuerySet[Run]:
    """Return the queued runs with these columns, in their order. What is being removed is not among them."""
    found = Run.objects.filter(status=RunStatus.QUEUED, finished_at=None, cancel_requested_at=None, **of)
    return found.order_by("queue_place", "created_at")


def changed(conversation_id: UUID, *, revision: int | None = None, **columns: Any) -> bool:
    """Count up the revision of a queue and change ``columns`` of its conversation; a change of the queue follows.

    Returns:
        Whether there is such a conversation, and its revision is the given one.
    """
    rows = Conversation.objects.filter(pk=conversation_id)
    if revision is not None:
        rows = rows.filter(queue_revision=revision)
    return bool(rows.update(queue_revision=F("queue_revision") + 1, **columns))


def pause_if_any(run_id: UUID) -> UUID | None:
    """Pause the queue of a run that is cancelled. Return its conversation, ``None`` if nothing is queued there."""
    of_run = Run.objects.filter(pk=run_id).values("conversation_id")
    found = Conversation.objects.filter(
        Exists(queued(conversation=OuterRef("pk"))), pk__in=of_run, queue_paused=""
    )
    if not found.update(
        queue_revision=F("queue_revision") + 1, queue_paused=QueuePause.CANCELLED, queue_note=""
    ):
        return None
    return of_run.values_list("conversation_id", flat=True).get()


def next_of(conversation_id: UUID) -> Waiting | None:
    """Return the run that may begin now; ``None`` if there is none, a run is under way, or the queue is paused."""
    conversation = Conversation.objects.filter(pk=conversation_id).first()
    if conversation is None:
        return None
    if Run.objects.filter(conversation_id=conversation_id, status__in=ACTIVE).exists():
        return None
    row = queued(conversation_id=conversation_id).first()
    if row is None or (conversation.queue_paused and row.queue_place != NEXT):
        return None
    return Waiting(conversation_id=conversation_id, revision=conversation.queue_revision, rows=(row,))


def for_step_of(run_id: UUID, conversation_id: UUID) -> Waiting | None:
    """Return what the model of a run is to hear at its next step; ``None`` if there is nothing."""
    revision = (
        Conversation.objects.filter(pk=conversation_id).values_list("queue_revision", flat=True).first()
    )
    rows = tuple(queued(conversation_id=conversation_id, steers_id=run_id))
    if revision is None or not rows:
        return None
    return Waiting(conversation_id=conversation_id, revision=revision, rows=rows)


def ready_to_begin() -> list[UUID]:
    """Return the conversations in which a queued run may begin now."""
    # Without a join, which databases begin with the conversations: mostly nothing is queued, and they are many.
    places: dict[UUID, list[int | None]] = {}
    for conversation_id, place in queued().order_by().values_list("conversation_id", "queue_place"):
        places.setdefault(conversation_id, []).append(place)
    if not places:
        return []
    its = Conversation.objects.filter(pk__in=places, erased_at=None)
    busy = set(
        Run.objects.filter(conversation_id__in=places, status__in=ACTIVE)
        .order_by()
        .values_list("conversation_id", flat=True)
    )
    return [
        conversation_id
        for conversation_id, paused in its.order_by().values_list("pk", "queue_paused")
        if conversation_id not in busy and (not paused or NEXT in places[conversation_id])
    ]


def goes_on(conversation_id: UUID) -> bool:
    """Return whether something is queued in a conversation, and begins by itself."""
    return queued(conversation_id=conversation_id, conversation__queue_paused="").exists()


def add(row: Run, *, is_next: bool = False) -> None:
    """Insert the row of a queued run at its place: next, behind what steers the same run, or last.

    Runs in a transaction of the caller, which counts the queue's revision up.
    """
    row.status = RunStatus.QUEUED
    waiting = list(queued(conversation_id=row.conversation_id))
    places = [each.queue_place or NEXT for each in waiting]
    row.queue_place = NEXT if is_next else max(places, default=0) + 1
    if not statements.insert([row], or_nothing=True).execute():
        raise QueueChanged
    if row.steers_id is not None:
        before = sum(each.queue_place == NEXT or each.steers_id == row.steers_id for each in waiting)
        order = [each.pk for each in waiting]
        order.insert(before, row.pk)
        arrange(row.conversation_id, order)


def arrange(conversation_id: UUID, order: Sequence[UUID]) -> None:
    """Give the queued runs of a conversation their places in this order. What is sent next stays in front."""
    its = queued(conversation_id=conversation_id).exclude(queue_place=NEXT)
    for place, key in enumerate(order, 1):
        its.filter(pk=key).exclude(queue_place=place).update(queue_place=place)
