"""The stored trace of every provider call, and the pieces of the requests in them.

A trace's ``run_id`` and ``step_id`` are plain indexed ids: this package knows no run, and a trace outlives one.
"""

import logging
from typing import Self

from django.db import models
from uuid6 import uuid7

from providers.packing import pieces
from providers.types import Json
from providers.types.trace import TraceRecord, TraceStatus

logger = logging.getLogger("runnel.traces")


class TracePiece(models.Model):
    """A part of the payloads of one conversation, stored once. Rows never change."""

    #: It depends on the scope, so equal texts of two conversations are two rows.
    digest = models.BinaryField(primary_key=True, editable=False)
    #: The conversation whose payloads share the piece, and with which it is deleted.
    scope = models.UUIDField(db_index=True, editable=False)
    #: The piece's text with references to others, compressed (``providers.packing.pieces``).
    data = models.BinaryField(editable=False)

    class Meta:
        ordering = ["scope"]

    def __str__(self) -> str:
        return bytes(self.digest).hex()

    @classmethod
    def stored(cls, packed: bytes) -> dict[bytes, bytes]:
        """Return all stored pieces of the conversation that the payload ``packed`` belongs to, by digest."""
        scopes = cls.objects.filter(digest__in=pieces.references(packed)[:1]).values("scope")
        rows = cls.objects.filter(scope__in=scopes).values_list("digest", "data")
        return {bytes(digest): bytes(data) for digest, data in rows}


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

    #: The payloads with references to pieces, compressed (``providers.packing.pieces``); NULL for one that is not kept.
    packed_request = models.BinaryField(null=True, editable=False)
    packed_response = models.BinaryField(null=True, editable=False)
    #: Payloads that an earlier version stored, until ``providers.models.trace_store.pack_old`` has packed them.
    unpacked_request = models.JSONField(null=True, blank=True, db_column="request", editable=False)
    unpacked_response = models.JSONField(null=True, blank=True, db_column="response", editable=False)
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
    #: What stood in the answer's bytes beside plain events.
    oddities = models.JSONField(default=list, blank=True)

    class Meta:
        ordering = ["-started_at", "-id"]
        verbose_name = "provider trace"

    def __str__(self) -> str:
        return f"{self.provider}/{self.model} {self.status}"

    @property
    def request(self) -> Json | None:
        """The request; ``None`` if it is not kept. Reads its pieces from the database."""
        return _restored(self.packed_request) if self.packed_request else self.unpacked_request

    @property
    def response(self) -> Json | None:
        """The response; ``None`` if it is not kept. Reads its pieces from the database."""
        return _restored(self.packed_response) if self.packed_response else self.unpacked_response

    @classmethod
    def from_record(cls, record: TraceRecord) -> Self:
        """Return the unsaved row of ``record`` without its payloads; the provider's names are cut to fit."""
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
            raw_usage=record.raw_usage,
            stream_was_cancelled=record.stream_was_cancelled,
            upstream_closed_ms=record.upstream_closed_ms,
            started_at=record.started_at,
            first_byte_at=record.first_byte_at,
            first_token_at=record.first_token_at,
            ended_at=record.ended_at,
            events=record.events,
            bytes=record.bytes,
            oddities=list(record.oddities),
        )


def _restored(column: bytes | memoryview) -> Json | None:
    packed = bytes(column)
    try:
        payload: Json = pieces.restored(packed, TracePiece.stored(packed))
    except KeyError:
        logger.exception("a piece of a trace is missing")
        return None
    return payload
