"""Stores a conversation that was read from a file, a little at a time, and shows it when all of it is there."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from django.db import models, transaction

from runs.engine import from_threads
from runs.models import Conversation, Message, Run
from runs.store import clock
from runs.store.portable import Imported

#: Rows that are stored in one transaction: others write, too.
_TOGETHER = 50
#: The time after which a conversation that was not imported to its end is deleted.
_UNFINISHED = timedelta(hours=1)


def store(imported: Imported) -> Conversation:
    """Store the rows, and tell the owner's open pages. Return the conversation."""
    conversation = imported.conversation
    # Hidden until it is whole. What stays hidden is deleted with what users delete.
    conversation.erased_at = clock.read()
    conversation.restorable_until = conversation.erased_at + _UNFINISHED
    conversation.save(force_insert=True)
    _insert(Run, imported.runs)
    _insert(Message, imported.messages)
    conversation.erased_at = conversation.restorable_until = None
    conversation.changed_at = clock.read()
    conversation.save(update_fields=["erased_at", "restorable_until", "changed_at"])
    owner_id, key = conversation.owner_id, conversation.pk
    transaction.on_commit(lambda: from_threads.listing_changed(owner_id, key))
    return conversation


def _insert(model: type[models.Model], rows: Sequence[Any]) -> None:
    for first in range(0, len(rows), _TOGETHER):
        model._default_manager.bulk_create(rows[first : first + _TOGETHER])
