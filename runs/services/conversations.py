"""Deleting a conversation."""

from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from runs.errors import ConversationBusy, NotFound
from runs.models import Conversation
from runs.states import ACTIVE


def delete_conversation(user: Any, conversation_id: UUID) -> None:
    """Hide a conversation of ``user`` for ever. ``runs.retention`` deletes what is in it, a little at a time.

    In one transaction, a long conversation would keep everybody's tokens waiting.

    Raises:
        NotFound: there is no such conversation, or it belongs to another user.
        ConversationBusy: the conversation has an unfinished run.
    """
    with transaction.atomic():
        own = Conversation.objects.select_for_update(no_key=True)
        conversation = own.filter(pk=conversation_id, owner=user).first()
        if conversation is None:
            raise NotFound
        if conversation.runs.filter(status__in=ACTIVE).exists():
            raise ConversationBusy
        conversation.erased_at = timezone.now()
        conversation.save(update_fields=["erased_at"])
