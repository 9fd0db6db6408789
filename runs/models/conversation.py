"""Conversations and their messages."""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Value
from django.db.models.functions import Now
from django.utils import timezone

from providers.text.hidden import visible
from providers.types import Role
from runs.models.fields import FoldedText, uuid7

#: Characters of a conversation's title, which comes from its first message.
TITLE_LENGTH = 80
#: Characters of a folder's name.
FOLDER_LENGTH = 60


class QueuePause(models.TextChoices):
    """Why the queue of a conversation does not go on by itself."""

    #: A run was cancelled while messages were queued.
    CANCELLED = "cancelled"
    #: Somebody paused it.
    PAUSED = "paused"
    #: The next message could not be begun with; ``Conversation.queue_note`` says why.
    NOT_BEGUN = "not_begun"


class NotErased(models.Manager["Conversation"]):
    """The conversations that have not been erased. Every look-up on behalf of a user starts here."""

    def get_queryset(self) -> models.QuerySet["Conversation"]:
        """Return the conversations that have not been erased."""
        return super().get_queryset().filter(erased_at=None)


class Conversation(models.Model):
    """The messages between one user and one or more models. At most one of its runs is active at a time.

    An erased conversation has lost its contents. Its runs and steps stay, because the statistics count them.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="conversations"
    )
    title = models.CharField(max_length=TITLE_LENGTH, blank=True)
    #: Whether a person has chosen the title, so that no model makes another.
    is_title_chosen = models.BooleanField(default=False, db_default=False, editable=False)
    #: The title, for the search.
    folded_title = FoldedText(of="title")
    #: Whether its owner wants it at the top of the list.
    is_pinned = models.BooleanField(default=False, db_default=False)
    #: Whether its owner has put it away: the list shows it only when asked.
    is_archived = models.BooleanField(default=False, db_default=False)
    #: The name of the folder that it is in; empty for none.
    folder = models.CharField(max_length=FOLDER_LENGTH, blank=True, default="", db_default="")
    #: When its owner last looked at it. What ended later is unread.
    seen_at = models.DateTimeField(default=timezone.now, db_default=Now(), editable=False)
    #: When its place in the list, its name or its shares were last changed.
    changed_at = models.DateTimeField(default=timezone.now, db_default=Now(), editable=False)
    #: Names of the server's tools that its runs may use; NULL (no choice yet) means no tools.
    tools = models.JSONField(null=True, blank=True)
    #: What the user's next runs here are started with, such as ``system``; ``runs.http.writing`` says what it may hold.
    settings = models.JSONField(default=dict, db_default=Value({}, models.JSONField()), blank=True)
    #: The last run of the branch that is shown, and whose messages the next run's model gets; NULL without a run.
    shown_run_id = models.UUIDField(null=True, blank=True, editable=False)
    #: A ``QueuePause``; empty while the queue goes on.
    queue_paused = models.CharField(
        max_length=16, choices=QueuePause.choices, blank=True, default="", db_default="", editable=False
    )
    #: A sentence for the user about the pause.
    queue_note = models.TextField(blank=True, default="", db_default="", editable=False)
    #: +1 at each change of the queue. Whoever has read an older one may not take from the queue.
    queue_revision = models.PositiveIntegerField(default=0, db_default=0, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    #: When its newest run was started or ended.
    updated_at = models.DateTimeField(auto_now_add=True)
    #: When retention or an erasure hid it for ever; NULL for one that is kept.
    erased_at = models.DateTimeField(null=True, blank=True, editable=False)
    #: Whether the contents of an erased one are deleted.
    is_emptied = models.BooleanField(default=False, db_default=False, editable=False)
    #: Until when its owner may undo the deletion of an erased one; its contents stay until then. NULL if never.
    restorable_until = models.DateTimeField(null=True, blank=True, editable=False)

    objects = NotErased()
    #: Erased ones too.
    all_rows: ClassVar[models.Manager["Conversation"]] = models.Manager()

    class Meta:
        ordering = ["-updated_at"]
        indexes = [
            models.Index(fields=["owner", "-updated_at"], name="conversation_by_owner"),
            models.Index(fields=["owner", "changed_at"], name="conversation_by_change"),
            models.Index(fields=["owner"], condition=models.Q(is_pinned=True), name="conversation_pinned"),
            models.Index(fields=["owner", "folder"], name="conversation_in_folder"),
            models.Index(
                fields=["erased_at"],
                condition=models.Q(erased_at__isnull=False, is_emptied=False),
                name="conversation_to_empty",
            ),
        ]

    def __str__(self) -> str:
        return visible(self.title) or str(self.id)


class Message(models.Model):
    """One message, in the provider-neutral form and in its provider's own form.

    The messages of a conversation are a tree; ``runs.store.branches`` reads it.

    ``parts``, ``origin`` and ``native`` are the fields of ``providers.types.ChatMessage`` as JSON;
    ``runs.store.history`` converts both ways. ``native`` refers to the texts that are in ``parts`` (``runs.store.native``).
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    conversation = models.ForeignKey(Conversation, on_delete=models.CASCADE, related_name="messages")
    run = models.ForeignKey("runs.Run", on_delete=models.CASCADE, related_name="messages")
    #: The message before it in its branch; NULL at the beginning of the conversation. No foreign key: messages go
    #: only with their conversation, and a key to the same table would make that slow.
    parent_id = models.UUIDField(null=True, blank=True, editable=False)
    #: Order within the conversation in which messages were stored, from 1. A parent comes before its children.
    position = models.PositiveIntegerField()
    role = models.CharField(max_length=16, choices=[(role.value, role.value) for role in Role])
    parts = models.JSONField(default=list)
    origin = models.JSONField(null=True, blank=True)
    native = models.JSONField(default=list)
    #: The text, for the search.
    folded_text = FoldedText(of="text")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["conversation", "position"]
        constraints = [
            models.UniqueConstraint(fields=["conversation", "position"], name="one_message_per_position")
        ]

    def __str__(self) -> str:
        return f"{self.role} {self.position}"

    @property
    def text(self) -> str:
        """The text of the message, without reasoning and tool calls."""
        return "".join(part["text"] for part in self.parts if part["kind"] == "text")
