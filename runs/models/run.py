"""Runs. A run is one user turn."""

from uuid import UUID

from django.conf import settings
from django.db import models
from django.db.models import Q

from runs.models.conversation import Conversation
from runs.models.fields import UsageColumns, uuid7
from runs.states import ACTIVE, RunStatus, StopReason

#: ``Run.left_out_of`` of a run whose messages are sent to no model any more.
LEFT_OUT_OF_ALL = "*"


class Beginning(models.TextChoices):
    """How a run continues its conversation. Empty for a new message behind the branch that is shown."""

    #: A new message behind a message that the client named.
    BRANCH = "branch"
    #: No message of its own: another answer to a message of a user.
    AGAIN = "again"
    #: It goes on behind an answer that was stopped or cut.
    CONTINUE = "continue"


class CancelMode(models.TextChoices):
    """When a cancel takes effect."""

    #: At once, even in the middle of a word.
    IMMEDIATE = "immediate"
    #: At the end of the current step.
    AFTER_STEP = "after_step"


class Run(UsageColumns):
    """One user turn: its request, status, ending and usage.

    Only ``runs.store.transitions`` changes ``status``, by conditional UPDATEs.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    #: The id that the client chose, if another user has a run with it: ``id`` is a substitute then, which no client sees.
    chosen_id = models.UUIDField(null=True, blank=True, editable=False)
    conversation = models.ForeignKey(Conversation, on_delete=models.CASCADE, related_name="runs")
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="runs")
    #: The message behind which the run begins; NULL at the beginning of the conversation.
    parent_id = models.UUIDField(null=True, blank=True, editable=False)
    #: Place in the queue of the conversation, from 1, or 0 for the one that is sent next, even by a paused queue. NULL
    #: for a run that has begun; what was removed from the queue keeps it.
    queue_place = models.PositiveIntegerField(null=True, blank=True, editable=False)
    #: The run at whose next step the model is to hear the queued messages; NULL for usual ones.
    steers_id = models.UUIDField(null=True, blank=True, editable=False)
    #: The API token that queued or started the run, without which it neither begins nor goes on where a worker drives
    #: it; NULL for a session. Tokens are deleted.
    queued_by_token = models.BigIntegerField(null=True, blank=True, editable=False)
    #: What the client called the request that started the run, for log lines.
    request_id = models.CharField(max_length=200, blank=True, default="", db_default="", editable=False)
    begins = models.CharField(
        max_length=16, choices=Beginning.choices, blank=True, default="", db_default="", editable=False
    )
    #: The requested model, as ``provider/name``.
    model = models.CharField(max_length=200)
    #: The system prompt.
    system = models.TextField(blank=True)
    #: The model options of the ``start`` frame.
    options = models.JSONField(default=dict)
    #: The new user messages, as AG-UI messages; empty once the run has ended, because they are messages then.
    input = models.JSONField(default=list)
    #: Names of the server's tools that the model may call.
    tool_names = models.JSONField(default=list, blank=True)
    #: The tools that the client declared and executes.
    client_tools = models.JSONField(default=list, blank=True)
    #: Limits for the whole run: ``tokens``, and ``cost`` in US dollars; empty for no limit.
    budget = models.JSONField(default=dict, blank=True)
    #: Digest of the ``start`` frame. A second start with the same run id and another digest is a conflict.
    request_digest = models.CharField(max_length=64, editable=False)

    status = models.CharField(max_length=24, choices=RunStatus.choices, default=RunStatus.CREATED)
    stop_reason = models.CharField(max_length=32, choices=StopReason.choices, blank=True)
    error_code = models.CharField(max_length=64, blank=True)
    error_message = models.TextField(blank=True)

    #: Segment number, from 1; +1 at each resume.
    segment = models.PositiveIntegerField(default=1, editable=False)
    #: Seconds for which the run was driven up to its last pause or its end, pauses excluded.
    active_seconds = models.FloatField(default=0.0, editable=False)
    #: Approval deadline of a paused run; NULL for no deadline.
    awaiting_until = models.DateTimeField(null=True, blank=True, editable=False)
    #: The process that drives the run.
    worker = models.CharField(max_length=64, blank=True, editable=False)
    #: How often a worker has claimed the run, or its next segment, since it was stored to wait for one.
    claims = models.PositiveSmallIntegerField(default=0, db_default=0, editable=False)
    #: Lease expiry; after it the run may be taken over. NULL for a run that no process has claimed.
    lease_until = models.DateTimeField(null=True, blank=True, editable=False)

    cancel_requested_at = models.DateTimeField(null=True, blank=True, editable=False)
    cancel_mode = models.CharField(max_length=16, choices=CancelMode.choices, blank=True, editable=False)
    cancel_reason = models.CharField(max_length=500, blank=True, editable=False)
    #: A ``CancelledBy``; empty if nobody has asked for the end.
    cancelled_by = models.CharField(max_length=16, blank=True, editable=False)
    #: The name of the person who asked for the end; empty if nobody did.
    cancelled_by_name = models.CharField(
        max_length=150, blank=True, default="", db_default="", editable=False
    )
    #: Whether the cancel cut an open provider stream.
    stream_was_cancelled = models.BooleanField(default=False, editable=False)
    #: Milliseconds from the cancel to the closed connection to the provider.
    upstream_closed_ms = models.FloatField(null=True, blank=True, editable=False)

    #: Requests that leave out the run's messages: empty for none, ``LEFT_OUT_OF_ALL``, or the wire that refused them.
    left_out_of = models.CharField(max_length=32, blank=True, editable=False)

    created_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True, blank=True, editable=False)
    finished_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        ordering = ["-created_at"]
        indexes = [
            models.Index(fields=["owner", "-created_at"], name="run_by_owner"),
            models.Index(fields=["conversation", "created_at"], name="run_by_conversation"),
            # Each of these holds the few rows that a heartbeat or a start looks for. A condition is a test for
            # NULL, which both databases find again in a query; a list of statuses is not found by SQLite.
            models.Index(fields=["lease_until"], condition=Q(lease_until__isnull=False), name="run_by_lease"),
            models.Index(
                fields=["awaiting_until"], condition=Q(awaiting_until__isnull=False), name="run_by_deadline"
            ),
            models.Index(
                fields=["cancel_requested_at"],
                condition=Q(cancel_requested_at__isnull=False, finished_at__isnull=True),
                name="run_being_cancelled",
            ),
            models.Index(
                fields=["owner", "status"], condition=Q(finished_at__isnull=True), name="run_unfinished"
            ),
            models.Index(
                fields=["created_at"], condition=Q(status=RunStatus.CREATED), name="run_for_a_worker"
            ),
            models.Index(fields=["finished_at"], condition=Q(finished_at__isnull=False), name="run_by_end"),
            models.Index(fields=["chosen_id"], condition=Q(chosen_id__isnull=False), name="run_by_chosen_id"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["conversation"], condition=Q(status__in=ACTIVE), name="one_active_run"
            )
        ]

    def __str__(self) -> str:
        return f"{self.model} {self.status}"

    @property
    def shown_id(self) -> UUID:
        """The id under which clients know the run."""
        return self.chosen_id or self.id

    @property
    def last_seq(self) -> int:
        """The highest committed seq of the event log; reads the log's row unless it was selected, too."""
        return self.log.last_seq if hasattr(self, "log") else 0

    @property
    def fence(self) -> int:
        """The fence of the event log; reads the log's row unless it was selected, too."""
        return self.log.fence if hasattr(self, "log") else 0

    @property
    def is_active(self) -> bool:
        """Whether the run has not ended."""
        return self.status in ACTIVE

    @property
    def duration(self) -> float | None:
        """Seconds from start to end, pauses excluded; ``None`` before the end, or if the worker died."""
        if self.started_at is None or self.finished_at is None or self.stop_reason == StopReason.WORKER_LOST:
            return None
        if self.segment > 1:
            return self.active_seconds
        return (self.finished_at - self.started_at).total_seconds()
