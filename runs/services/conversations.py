"""Changes of a conversation by its owner that are no run: its name, its place in the list, its deletion."""

from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models.functions import Now

from providers.text.cleaning import clean
from runs.engine import from_threads
from runs.errors import BadChange, ConversationBusy, NotFound
from runs.models import Conversation
from runs.models.conversation import FOLDER_LENGTH, TITLE_LENGTH
from runs.states import ACTIVE
from runs.store import clock
from runs.store.titles import is_visible


@dataclass(frozen=True, kw_only=True, slots=True)
class Changes:
    """What the owner changes of a conversation; ``None`` leaves a thing as it is."""

    title: str | None = None
    is_pinned: bool | None = None
    is_archived: bool | None = None
    #: The folder's name; empty takes the conversation out of its folder.
    folder: str | None = None
    #: Whether the owner has seen what it holds now.
    is_seen: bool = False

    def columns(self) -> dict[str, Any]:
        """Return the columns to store.

        Raises:
            BadChange: the title or the folder cannot be stored.
        """
        columns: dict[str, Any] = {}
        if self.title is not None:
            columns |= {"title": _line(self.title, TITLE_LENGTH, "title"), "is_title_chosen": True}
        if self.folder is not None:
            columns["folder"] = _line(self.folder, FOLDER_LENGTH, "folder") if self.folder else ""
        if self.is_pinned is not None:
            columns["is_pinned"] = self.is_pinned
        if self.is_archived is not None:
            columns["is_archived"] = self.is_archived
        if self.is_seen:
            columns["seen_at"] = Now()
        return columns


def _line(text: str, longest: int, what: str) -> str:
    line = " ".join(clean(text).split())
    if not is_visible(line) or len(line) > longest:
        raise BadChange(f"A {what} has 1 to {longest} characters.")
    return line


def change_conversation(user: Any, conversation_id: UUID, changes: Changes) -> None:
    """Store ``changes`` of a conversation of ``user``, and tell the user's open pages.

    Raises:
        NotFound: there is no such conversation, or it belongs to another user.
        BadChange: the title or the folder cannot be stored.
    """
    columns = changes.columns()
    conversation = Conversation.objects.filter(pk=conversation_id, owner=user).first()
    if conversation is None:
        raise NotFound
    for name, value in {**columns, "changed_at": Now()}.items():
        setattr(conversation, name, value)
    folded = ["folded_title"] if "title" in columns else []
    conversation.save(update_fields=[*columns, *folded, "changed_at"])
    _tell(conversation)


def rename_folder(user: Any, name: str, new_name: str) -> int:
    """Give a folder of ``user`` another name, empty to dissolve it. Return how many conversations are in it.

    Raises:
        BadChange: the new name cannot be stored.
    """
    columns = Changes(folder=new_name).columns()
    own = Conversation.objects.filter(owner=user, folder=name).exclude(folder="")
    ids = list(own.values_list("pk", flat=True))
    own.update(changed_at=Now(), **columns)
    for conversation_id in ids:
        transaction.on_commit(partial(from_threads.listing_changed, user.pk, conversation_id))
    return len(ids)


def delete_conversation(user: Any, conversation_id: UUID) -> None:
    """Hide a conversation of ``user``. ``restore_conversation`` brings it back for ``RUNNEL_UNDO_SECONDS``.

    Then ``runs.retention`` deletes what is in it, a little at a time: in one transaction, a long conversation would
    keep everybody's tokens waiting.

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
        now = conversation.erased_at = conversation.changed_at = clock.read()
        if settings.RUNNEL_UNDO_SECONDS:
            conversation.restorable_until = now + timedelta(seconds=settings.RUNNEL_UNDO_SECONDS)
        conversation.save(update_fields=["erased_at", "changed_at", "restorable_until"])
    _tell(conversation)


def restore_conversation(user: Any, conversation_id: UUID) -> None:
    """Undo the deletion of a conversation of ``user``.

    Raises:
        NotFound: there is no such conversation, it belongs to another user, or it was deleted too long ago.
    """
    deleted = Conversation.all_rows.filter(
        pk=conversation_id, owner=user, erased_at__isnull=False, is_emptied=False, restorable_until__gt=Now()
    )
    is_restored = deleted.update(erased_at=None, restorable_until=None, changed_at=Now())
    # Asked twice, it is there.
    if not is_restored and not Conversation.objects.filter(pk=conversation_id, owner=user).exists():
        raise NotFound
    from_threads.listing_changed(user.pk, conversation_id)


def _tell(conversation: Conversation) -> None:
    tell = partial(from_threads.listing_changed, conversation.owner_id, conversation.pk)
    transaction.on_commit(tell)
