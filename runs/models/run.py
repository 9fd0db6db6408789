"""Runs: one user turn each."""

from django.conf import settings
from django.db import models
from django.db.models import Q

from runs.models.conversation import Conversation
from runs.models.fields import UsageColumns, uuid7
from runs.states import ACTIVE, RunStatus, StopReason


class CancelMode(models.TextChoices):
    """When a cancel takes effect."""

    #: At once, in the middle of a word if need be.
    IMMEDIATE = "immediate"
    #: When the step that is under way has ended.
    AFTER_STEP = "after_step"


class Run(UsageColumns):
    """One user turn: what was asked, how far it is, how it ended, what it used.

    ``status`` changes only by conditional UPDATEs in ``runs.store.transitions``.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    conversation = models.ForeignKey(Conversation, on_delete=models.CASCADE, related_name="runs")
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="runs")
    #: ``provider/name`` as it was asked for.
    model = models.CharField(max_length=200)
    system = models.TextField(blank=True)
    options = models.JSONField(default=dict)
    #: The new user messages, as AG-UI has them.
    input = models.JSONField(default=list)
    #: Names of the server's tools that the model may call, and the tools that the client declared.
    tool_names = models.JSONField(default=list, blank=True)
    client_tools = models.JSONField(default=list, blank=True)
    #: What it may use: ``tokens``, ``cost``; empty when nobody set a limit.
    budget = models.JSONField(default=dict, blank=True)
    #: Digest of the ``start`` frame: tells a repeated start from a conflicting one.
    request_digest = models.CharField(max_length=64, editable=False)

    status = models.CharField(max_length=24, choices=RunStatus.choices, default=RunStatus.CREATED)
    stop_reason = models.CharField(max_length=32, choices=StopReason.choices, blank=True)
    error_code = models.CharField(max_length=64, blank=True)
    error_message = models.TextField(blank=True)

    #: How often it has begun or gone on: one more than the pauses behind it.
    segment = models.PositiveIntegerField(default=1, editable=False)
    #: Seconds that it was driven, up to its last pause or its end; a pause does not count.
    active_seconds = models.FloatField(default=0.0, editable=False)
    #: When nobody may decide any more about what it waits for.
    awaiting_until = models.DateTimeField(null=True, blank=True, editable=False)
    #: The highest committed seq of its event log.
    last_seq = models.PositiveIntegerField(default=0, editable=False)
    #: Grows when another process takes the run over; who holds an older one may not write.
    fence = models.PositiveIntegerField(default=0, editable=False)
    #: Which process drives it.
    worker = models.CharField(max_length=64, blank=True, editable=False)
    #: Until when that process has promised to be alive.
    lease_until = models.DateTimeField(null=True, blank=True, editable=False)

    cancel_requested_at = models.DateTimeField(null=True, blank=True, editable=False)
    cancel_mode = models.CharField(max_length=16, choices=CancelMode.choices, blank=True, editable=False)
    cancel_reason = models.CharField(max_length=500, blank=True, editable=False)
    #: ``user``, ``admin`` or ``server``.
    cancelled_by = models.CharField(max_length=16, blank=True, editable=False)
    #: True exactly when an open provider stream was cut.
    stream_was_cancelled = models.BooleanField(default=False, editable=False)
    #: Milliseconds from the cancel to the closed upstream connection.
    upstream_closed_ms = models.FloatField(null=True, blank=True, editable=False)

    #: In US dollars; NULL when nobody knows.
    cost = models.DecimalField(max_digits=16, decimal_places=9, null=True, blank=True, editable=False)

    created_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True, blank=True, editable=False)
    finished_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        ordering = ["-created_at"]
        indexes = [
            models.Index(fields=["owner", "-created_at"], name="run_by_owner"),
            models.Index(fields=["conversation", "created_at"], name="run_by_conversation"),
            models.Index(fields=["lease_until"], condition=Q(status__in=ACTIVE), name="run_by_lease"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["conversation"], condition=Q(status__in=ACTIVE), name="one_active_run"
            )
        ]

    def __str__(self) -> str:
        return f"{self.model} {self.status}"

    @property
    def is_active(self) -> bool:
        """Whether something may still happen to it."""
        return self.status in ACTIVE

    @property
    def duration(self) -> float | None:
        """Seconds from its begin to its end without its pauses; unknown when its worker died, who knows when."""
        if self.started_at is None or self.finished_at is None or self.stop_reason == StopReason.WORKER_LOST:
            return None
        if self.segment > 1:
            return self.active_seconds
        return (self.finished_at - self.started_at).total_seconds()
