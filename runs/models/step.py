"""Steps: one provider call each, with the tool calls that it led to."""

from django.db import models

from runs.models.fields import UsageColumns, uuid7
from runs.models.run import Run


class Step(UsageColumns):
    """One streamed call to a provider within a run. Statistics are read from these rows.

    Its attempts (retries included) are ``providers.models.ProviderTrace`` rows with this
    ``step_id``.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="steps")
    #: From 1.
    index = models.PositiveIntegerField()
    provider = models.CharField(max_length=64)
    wire = models.CharField(max_length=32)
    model = models.CharField(max_length=200)
    model_served = models.CharField(max_length=200, blank=True)
    response_id = models.CharField(max_length=200, blank=True)

    #: Why the provider stopped, in our words and in its own; empty when it did not come to its end.
    stop_reason = models.CharField(max_length=32, blank=True)
    raw_stop_reason = models.CharField(max_length=100, blank=True)
    error_code = models.CharField(max_length=64, blank=True)
    stream_was_cancelled = models.BooleanField(default=False)

    #: In US dollars; NULL when nobody knows.
    cost = models.DecimalField(max_digits=16, decimal_places=9, null=True, blank=True, editable=False)

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
