"""Deletes the contents of conversations that are erased: all that was said, but neither runs nor steps."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.db.models.functions import Now
from django.utils import timezone

from providers.models import ProviderTrace, TracePiece, trace_store
from runs.models import Conversation, File, Message, Note, Run, RunEvent, Share, ToolCall
from runs.models.file import delete_unused
from runs.retention.pace import Pace
from runs.states import ACTIVE, RunStatus

#: The columns of a run that hold what somebody wrote.
_SAID: dict[str, Any] = {
    "system": "",
    "options": {},
    "input": [],
    "tool_names": [],
    "client_tools": [],
    "request_digest": "",
    "error_message": "",
    "cancel_reason": "",
    "cancelled_by_name": "",
}

#: The same of a conversation.
_TOLD: dict[str, Any] = {
    "title": "",
    "folded_title": "",
    "folder": "",
    "tools": None,
    "settings": {},
    "queue_note": "",
}

#: Conversations whose contents are deleted together.
_TOGETHER = 20


def idle(conversations: QuerySet[Conversation]) -> QuerySet[Conversation]:
    """Return those of ``conversations`` in which no run is active."""
    active = Run.objects.filter(conversation=OuterRef("pk"), status__in=ACTIVE)
    return conversations.exclude(Exists(active))


def erase(conversations: QuerySet[Conversation], pace: Pace) -> None:
    """Hide ``conversations`` for ever; ``empty`` then deletes what is in them. Those with an active run stay."""

    def hide(part: Sequence[UUID]) -> None:
        idle(conversations.filter(pk__in=part)).update(erased_at=timezone.now(), restorable_until=None)

    pace.each_part(list(conversations.values_list("pk", flat=True)), hide)


def empty(pace: Pace) -> None:
    """Delete the contents of all erased conversations, also of those that an earlier call has not reached.

    Those whose owner may still undo the deletion are left.
    """
    final = Q(restorable_until=None) | Q(restorable_until__lt=Now())
    erased = idle(Conversation.all_rows.filter(final, erased_at__isnull=False, is_emptied=False))
    ids = list(erased.values_list("pk", flat=True))
    for first in range(0, len(ids), _TOGETHER):
        _empty(ids[first : first + _TOGETHER], pace)


def delete_stray_pieces(pace: Pace) -> None:
    """Delete the pieces of conversations that were deleted or emptied while a call was about to refer to them."""
    delete(trace_store.pieces_outside(Conversation.all_rows.filter(is_emptied=False).values("pk")), pace)


def delete(rows: QuerySet[Any], pace: Pace) -> None:
    """Delete ``rows``, a part at a time. The bytes of files go after the commit that deletes their row."""

    def delete_part(part: Sequence[Any]) -> None:
        rows.model._default_manager.filter(pk__in=part).delete()

    pace.each_part(list(rows.order_by().values_list("pk", flat=True)), delete_part)


def _empty(conversations: Sequence[UUID], pace: Pace) -> None:
    # Nothing of what has not begun is counted by the statistics.
    Run.objects.filter(conversation_id__in=conversations, status=RunStatus.QUEUED).delete()
    run_ids = list(Run.objects.filter(conversation_id__in=conversations).values_list("pk", flat=True))
    of_conversations, of_runs = {"conversation_id__in": conversations}, {"run_id__in": run_ids}
    uploads = list(
        File.objects.filter(conversations__in=conversations).values_list("pk", flat=True).distinct()
    )
    delete(File.conversations.through.objects.filter(**of_conversations), pace)
    pace.each_part(uploads, delete_unused)
    for rows in (
        Message.objects.filter(**of_conversations),
        Note.objects.filter(**of_conversations),
        RunEvent.objects.filter(**of_runs),
        ToolCall.objects.filter(**of_runs),
        File.objects.filter(**of_runs),
        ProviderTrace.objects.filter(**of_runs),
        TracePiece.objects.filter(scope__in=conversations),
        Share.objects.filter(**of_conversations),
    ):
        delete(rows, pace)
    pace.each_part(run_ids, lambda part: Run.objects.filter(pk__in=part).update(**_SAID))
    pace.each_part(
        conversations,
        lambda part: Conversation.all_rows.filter(pk__in=part).update(**_TOLD, is_emptied=True),
    )
