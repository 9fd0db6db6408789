"""Tool calls of models, the decisions about them, and their answers."""

import hashlib

from django.conf import settings
from django.db import models

from runs.models.fields import uuid7
from runs.models.run import Run
from runs.models.step import Step


def digest_of(arguments: str, tool: str = "") -> str:
    """Return the SHA-256 digest of a call, in hexadecimal.

    Args:
        arguments: the JSON text as it was shown.
        tool: the identity of the tool that executes the call, ``Tool.identity``; empty if the client does.
    """
    # A NUL can stand in neither text.
    return hashlib.sha256(f"{tool}\0{arguments}".encode() if tool else arguments.encode()).hexdigest()


class ToolCallStatus(models.TextChoices):
    """The state of a tool call."""

    #: The run ended without an answer, because nothing here can execute the call.
    UNANSWERED = "unanswered"
    #: The stream was cut before the arguments were complete.
    INCOMPLETE = "incomplete"
    #: The call waits for a person's decision, or for the result of the client that executes it.
    PENDING = "pending"
    #: The call needs no decision, but waits for the decisions about its siblings.
    HELD = "held"
    #: The call is being executed.
    RUNNING = "running"
    #: The call has a result.
    SUCCEEDED = "succeeded"
    #: The call was answered with an error: bad arguments, an unknown tool, or the tool failed.
    FAILED = "failed"
    #: The tool exceeded its time limit.
    TIMED_OUT = "timed_out"
    #: A person denied the call.
    DENIED = "denied"
    #: The approval deadline passed without a decision.
    EXPIRED = "expired"
    #: The run ended before the call was executed.
    CANCELLED = "cancelled"
    #: The run ended while the call was being executed, so it may or may not have taken effect.
    INTERRUPTED = "interrupted"


#: The statuses of a call without a result.
OPEN = frozenset({ToolCallStatus.PENDING, ToolCallStatus.HELD, ToolCallStatus.RUNNING})


class Decision(models.TextChoices):
    """The decision of a person or a client about a pending call."""

    #: Execute the call as it was shown.
    APPROVED = "approved"
    #: Execute the call with other arguments.
    EDITED = "edited"
    #: Do not execute the call.
    DENIED = "denied"
    #: The client has executed the call and sent the result.
    RESULT = "result"


class ToolCall(models.Model):
    """One tool call of a step, as the model requested it, with its decision and its answer."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="tool_calls")
    step = models.ForeignKey(Step, on_delete=models.CASCADE, related_name="tool_calls")
    #: Order within the step, from 1.
    position = models.PositiveIntegerField(default=1)
    #: The provider's id, which events use too. Some providers repeat ids within a step.
    call_id = models.TextField()
    name = models.CharField(max_length=200)
    #: The streamed text, which should be JSON.
    arguments = models.TextField(blank=True)
    #: The executor: an app's label, ``mcp:<server>`` or ``client``; empty if there is none.
    source = models.CharField(max_length=100, blank=True)
    requires_approval = models.BooleanField(default=False)
    status = models.CharField(max_length=24, choices=ToolCallStatus.choices)

    #: Empty for a call that was never pending.
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
    #: Digest of what a person is asked about: the tool and the arguments. Empty for a call that needs no decision,
    #: and for one that waited while Runnel was upgraded from a version without this column.
    shown_digest = models.CharField(max_length=64, blank=True, default="", db_default="", editable=False)
    #: The digest that the decision named; the decision is valid for that only.
    decided_digest = models.CharField(max_length=64, blank=True, editable=False)
    #: The number of the standing decision that decided, which may have been revoked since; NULL if a person decided.
    standing_decision = models.BigIntegerField(null=True, blank=True, db_default=None, editable=False)
    #: The person's reason for the decision.
    reason = models.TextField(blank=True, editable=False)
    #: JSON text of the arguments to execute instead of ``arguments``; empty unless a person edited them.
    edited_arguments = models.TextField(blank=True, editable=False)

    #: The answer that the model reads.
    result = models.TextField(blank=True, editable=False)
    is_error = models.BooleanField(default=False, editable=False)
    #: The files that the tool made, as ``runs.store.made.MadeFile.shown`` tells them.
    files = models.JSONField(default=list, blank=True, editable=False)
    #: Shown to admins only: the traceback of a failed tool, or a result that arrived too late.
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
        """The digest of what a person is asked about."""
        return self.shown_digest or digest_of(self.arguments)

    @property
    def executable(self) -> str:
        """The arguments to execute: the edited ones if there are any, else the model's."""
        return self.edited_arguments or self.arguments
