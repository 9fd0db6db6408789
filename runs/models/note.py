"""Notes that a model writes in a conversation, with a person's approval."""

from django.db import models

from providers.text.hidden import visible
from runs.models.conversation import Conversation
from runs.models.fields import uuid7
from runs.models.run import Run

#: Characters of one note.
LONGEST_NOTE = 10_000


class Note(models.Model):
    """A text that is kept with a conversation, outside its messages."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    conversation = models.ForeignKey(Conversation, on_delete=models.CASCADE, related_name="notes")
    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="notes")
    #: The id of the ``ToolCall`` that wrote it. Unique, so that a repeated call writes no second note.
    call_id = models.UUIDField(unique=True, editable=False)
    text = models.TextField(max_length=LONGEST_NOTE)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["created_at", "id"]

    def __str__(self) -> str:
        return visible(self.text[:80])
