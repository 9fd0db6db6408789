"""Function calls that a model asked for, what was decided about them, and what came of them."""

import hashlib

from django.conf import settings
from django.db import models

from runs.models.fields import uuid7
from runs.models.run import Run
from runs.models.step import Step


def digest_of(arguments: str) -> str:
    """Return what tells ``arguments``, JSON text as it was shown, from any other."""
    return hashlib.sha256(arguments.encode()).hexdigest()


class ToolCallStatus(models.TextChoices):
    """What became of a function call."""

    #: The run ended with it pending: nothing here can execute it.
    UNANSWERED = "unanswered"
    #: The stream was cut before its arguments were complete.
    INCOMPLETE = "incomplete"
    #: It waits for a person's decision, or for the result of the client that executes it.
    PENDING = "pending"
    #: It needs no decision, and waits for those about its siblings.
    HELD = "held"
    #: It is decided, and being executed.
    RUNNING = "running"
    #: It has a result.
    SUCCEEDED = "succeeded"
    #: It was answered with an error: bad arguments, an unknown tool, or the tool failed.
    FAILED = "failed"
    #: The tool took longer than it may.
    TIMED_OUT = "timed_out"
    #: A person decided that it is not executed.
    DENIED = "denied"
    #: Nobody decided in time.
    EXPIRED = "expired"
    #: The run ended before it was executed.
    CANCELLED = "cancelled"
    #: The run ended while it was being executed: whether it took effect is not known.
    INTERRUPTED = "interrupted"


#: A call in one of these has no result yet.
OPEN = frozenset({ToolCallStatus.PENDING, ToolCallStatus.HELD, ToolCallStatus.RUNNING})


class Decision(models.TextChoices):
    """What a person, or a client, decided about a call that waited."""

    #: Execute it as it was shown.
    APPROVED = "approved"
    #: Execute it with other arguments.
    EDITED = "edited"
    #: Do not execute it.
    DENIED = "denied"
    #: The client has executed it, and handed in its result.
    RESULT = "result"


class ToolCall(models.Model):
    """One function call of a step, as the model asked for it, and its answer."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="tool_calls")
    step = models.ForeignKey(Step, on_delete=models.CASCADE, related_name="tool_calls")
    #: Order within the step, from 1.
    position = models.PositiveIntegerField(default=1)
    #: The id that events and the provider use; unique within a step for most, not all, of them.
    call_id = models.TextField()
    name = models.CharField(max_length=200)
    #: JSON text as it was streamed.
    arguments = models.TextField(blank=True)
    #: Who executes it: an app's label, ``mcp:<server>``, ``client``; empty when nobody can.
    source = models.CharField(max_length=100, blank=True)
    requires_approval = models.BooleanField(default=False)
    status = models.CharField(max_length=24, choices=ToolCallStatus.choices)

    #: What was decided, if it waited. A decision holds for the arguments that were shown, by their digest.
    decision = models.CharField(max_length=16, choices=Decision.choices, blank=True, editable=False)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        editable=False,
        related_name="+",
    )
    decided_at = models.DateTimeField(null=True, blank=True, editable=False)
    decided_digest = models.CharField(max_length=64, blank=True, editable=False)
    reason = models.TextField(blank=True, editable=False)
    #: JSON text that is executed instead of ``arguments``.
    edited_arguments = models.TextField(blank=True, editable=False)

    #: What the model reads.
    result = models.TextField(blank=True, editable=False)
    is_error = models.BooleanField(default=False, editable=False)
    #: What only an admin reads: the traceback of a tool that failed, a result that came too late.
    note = models.TextField(blank=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True, blank=True, editable=False)
    finished_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        ordering = ["step__index", "position", "id"]
        constraints = [
            models.UniqueConstraint(fields=["step", "position"], name="one_tool_call_per_position")
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def digest(self) -> str:
        """What tells these arguments from any others."""
        return digest_of(self.arguments)

    @property
    def executable(self) -> str:
        """The arguments to execute: those that the model asked for, or a person's instead."""
        return self.edited_arguments or self.arguments
