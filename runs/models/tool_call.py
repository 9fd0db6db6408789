"""Function calls that a model asked for."""

from django.db import models

from runs.models.fields import uuid7
from runs.models.run import Run
from runs.models.step import Step

#: Characters of a call's id that are stored; providers use 20 to 70.
LONGEST_CALL_ID = 200


class ToolCallStatus(models.TextChoices):
    """What became of a function call."""

    #: The run ended with it pending: nothing here can execute it.
    UNANSWERED = "unanswered"
    #: The stream was cut before its arguments were complete.
    INCOMPLETE = "incomplete"


class ToolCall(models.Model):
    """One function call of a step, as the model asked for it."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="tool_calls")
    step = models.ForeignKey(Step, on_delete=models.CASCADE, related_name="tool_calls")
    #: The id that events and the provider use.
    call_id = models.CharField(max_length=LONGEST_CALL_ID)
    name = models.CharField(max_length=200)
    #: JSON text as it was streamed.
    arguments = models.TextField(blank=True)
    status = models.CharField(max_length=24, choices=ToolCallStatus.choices)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["created_at", "id"]
        constraints = [models.UniqueConstraint(fields=["run", "call_id"], name="one_tool_call_per_id")]

    def __str__(self) -> str:
        return self.name
