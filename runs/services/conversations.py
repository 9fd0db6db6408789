"""Deleting a conversation."""

from typing import Any
from uuid import UUID

from django.db import transaction

from providers import trace_store
from runs.errors import ConversationBusy, NotFound
from runs.models import Conversation
from runs.states import ACTIVE


def delete_conversation(user: Any, conversation_id: UUID) -> None:
    """Delete a conversation of ``user`` with its runs, log and traces.

    Raises:
        NotFound: there is no such conversation, or it belongs to another user.
        ConversationBusy: the conversation has an unfinished run.
    """
    with transaction.atomic():
        conversation = Conversation.objects.filter(pk=conversation_id, owner=user).first()
        if conversation is None:
            raise NotFound
        if conversation.runs.filter(status__in=ACTIVE).exists():
            raise ConversationBusy
        run_ids = list(conversation.runs.values_list("id", flat=True))
        trace_store.delete(run_ids, [conversation_id])
        conversation.delete()
