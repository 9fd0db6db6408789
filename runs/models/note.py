"""Notes: what a model wrote down in a conversation, with somebody's approval."""

from django.db import models

from runs.models.conversation import Conversation
from runs.models.fields import uuid7
from runs.models.run import Run

#: Characters of one note.
LONGEST_NOTE = 10_000


class Note(models.Model):
    """A few words that stay with a conversation, beside what was said in it."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    conversation = models.ForeignKey(Conversation, on_delete=models.CASCADE, related_name="notes")
    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="notes")
    #: The ``ToolCall`` that wrote it; one call writes one note, however often it is made.
    call_id = models.UUIDField(unique=True, editable=False)
    text = models.TextField(max_length=LONGEST_NOTE)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["created_at", "id"]

    def __str__(self) -> str:
        return self.text[:80]
