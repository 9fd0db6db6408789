"""The stored trace of every provider call.

``run_id`` and ``step_id`` are plain indexed ids: this package knows no run, and a trace outlives one.
"""

from typing import Self

from django.db import models
from uuid6 import uuid7

from providers.traces import TraceRecord, TraceStatus


class ProviderTrace(models.Model):
    """One provider call: what was asked, what came back, how long it took. Holds no credential."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    run_id = models.UUIDField(db_index=True)
    step_id = models.UUIDField(db_index=True)
    #: 1 for the first attempt of a step.
    attempt = models.PositiveSmallIntegerField(default=1)

    provider = models.CharField(max_length=64)
    wire = models.CharField(max_length=64)
    #: As it was asked for.
    model = models.CharField(max_length=200)
    #: As the provider names what answered.
    model_served = models.CharField(max_length=200, blank=True)
    #: Host and path, without query.
    url = models.CharField(max_length=500, blank=True)

    status = models.CharField(max_length=16, choices=[(status.value, status.value) for status in TraceStatus])
    http_status = models.PositiveSmallIntegerField(null=True, blank=True)
    error_code = models.CharField(max_length=64, blank=True)
    error = models.JSONField(null=True, blank=True)
    upstream_request_id = models.CharField(max_length=200, blank=True)
    raw_stop_reason = models.CharField(max_length=200, blank=True)

    request = models.JSONField(null=True, blank=True)
    response = models.JSONField(null=True, blank=True)
    raw_usage = models.JSONField(null=True, blank=True)

    #: True exactly when an open stream was cut.
    stream_was_cancelled = models.BooleanField(default=False)
    #: Milliseconds from the cancel to the closed upstream connection.
    upstream_closed_ms = models.FloatField(null=True, blank=True)

    started_at = models.DateTimeField(db_index=True)
    first_byte_at = models.DateTimeField(null=True, blank=True)
    first_token_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField()
    #: Decoded upstream events.
    events = models.PositiveIntegerField(null=True, blank=True)
    bytes = models.PositiveBigIntegerField(null=True, blank=True)

    class Meta:
        ordering = ["-started_at", "-id"]
        verbose_name = "provider trace"

    def __str__(self) -> str:
        return f"{self.provider}/{self.model} {self.status}"

    @classmethod
    def from_record(cls, record: TraceRecord) -> Self:
        """Return the unsaved row that keeps ``record``; the provider's names are cut to fit."""
        return cls(
            run_id=record.run_id,
            step_id=record.step_id,
            attempt=record.attempt,
            provider=record.origin.provider,
            wire=record.origin.wire,
            model=record.origin.model,
            model_served=(record.model_served or "")[:200],
            url=record.url[:500],
            status=record.status.value,
            http_status=record.http_status,
            error_code=record.error_code or "",
            error=record.error,
            upstream_request_id=(record.upstream_request_id or "")[:200],
            raw_stop_reason=(record.raw_stop_reason or "")[:200],
            request=record.request,
            response=record.response,
            raw_usage=record.raw_usage,
            stream_was_cancelled=record.stream_was_cancelled,
            upstream_closed_ms=record.upstream_closed_ms,
            started_at=record.started_at,
            first_byte_at=record.first_byte_at,
            first_token_at=record.first_token_at,
            ended_at=record.ended_at,
            events=record.events,
            bytes=record.bytes,
        )
