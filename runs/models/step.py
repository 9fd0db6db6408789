"""Steps. A step is one provider call with the tool calls in its answer."""

from django.db import models

from runs.models.fields import UsageColumns, uuid7
from runs.models.run import Run


class StepPurpose(models.TextChoices):
    """What a step is for."""

    #: A part of the answer.
    ANSWER = "", "Answer"
    #: The title of the conversation, made when the answer was there.
    TITLE = "title", "Title"


class Step(UsageColumns):
    """One streamed call to a provider within a run, retries included. Statistics use these rows.

    Each attempt is a row of ``providers.models.ProviderTrace`` with this ``step_id``.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="steps")
    #: Order within the run, from 1.
    index = models.PositiveIntegerField()
    purpose = models.CharField(
        max_length=16, choices=StepPurpose.choices, default=StepPurpose.ANSWER, db_default="", blank=True
    )
    provider = models.CharField(max_length=64)
    wire = models.CharField(max_length=32)
    model = models.CharField(max_length=200)
    #: The model's name in the provider's answer.
    model_served = models.CharField(max_length=200, blank=True)
    #: The provider's id of its answer.
    response_id = models.CharField(max_length=200, blank=True)

    #: The ``FinishReason`` of the provider call; empty if the stream did not end normally.
    stop_reason = models.CharField(max_length=32, blank=True)
    #: The provider's own word for it.
    raw_stop_reason = models.CharField(max_length=100, blank=True)
    error_code = models.CharField(max_length=64, blank=True)
    stream_was_cancelled = models.BooleanField(default=False)

    started_at = models.DateTimeField()
    first_byte_at = models.DateTimeField(null=True, blank=True)
    first_token_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["run", "index"]
        constraints = [models.UniqueConstraint(fields=["run", "index"], name="one_step_per_index")]
        indexes = [models.Index(fields=["started_at"], name="step_by_start")]

    def __str__(self) -> str:
        return f"step {self.index}"
