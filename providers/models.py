"""Providers from the admin, and the stored trace of every provider call.

A trace's ``run_id`` and ``step_id`` are plain indexed ids: this package knows no run, and a trace outlives one.
"""

from contextlib import suppress
from typing import Any, Self

from django.core.validators import MinValueValidator, RegexValidator
from django.db import models
from uuid6 import uuid7

from providers.security import vault
from providers.security.addresses import LONGEST_URL, origin_of
from providers.security.redaction import remember
from providers.types.trace import TraceRecord, TraceStatus


class Provider(models.Model):
    """A provider from the admin. Its key is stored encrypted and never shown.

    Nothing reads these rows while a call is made: ``providers.catalog.cache`` has them ready.
    """

    #: What stands before the slash in a model's name.
    slug = models.CharField(
        "name",
        max_length=40,
        unique=True,
        validators=[
            RegexValidator(
                r"^[a-z0-9]+(-[a-z0-9]+)*\Z",
                "A name has lower-case letters, digits and single hyphens between them.",
            )
        ],
    )
    label = models.CharField("title", max_length=100)
    #: A preset's slug: it says which wire is spoken, and with which quirks.
    kind = models.CharField(max_length=40)
    #: Empty for the preset's own address.
    base_url = models.CharField("base URL", max_length=LONGEST_URL, blank=True)
    sealed_key = models.TextField(blank=True, editable=False)
    is_enabled = models.BooleanField("enabled", default=True)

    #: Calls under way at the same time, in one process.
    concurrency = models.PositiveIntegerField(
        "calls at the same time", null=True, blank=True, validators=[MinValueValidator(1)]
    )
    requests_per_minute = models.PositiveIntegerField(
        null=True, blank=True, validators=[MinValueValidator(1)]
    )

    #: Names to suggest; any other works too.
    model_names = models.JSONField("models to suggest", default=list, blank=True)
    model_names_fetched_at = models.DateTimeField(null=True, blank=True, editable=False)

    #: Empty for a test that asks no model anything.
    test_model = models.CharField("model to test with", max_length=200, blank=True)
    tested_at = models.DateTimeField(null=True, blank=True, editable=False)
    test_passed = models.BooleanField(null=True, editable=False)
    test_message = models.TextField(blank=True, editable=False)
    #: The admin's whole story of a test that failed, redacted.
    test_story = models.JSONField(null=True, blank=True, editable=False)

    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    #: What ``manage.py reseal_keys`` seals anew.
    sealed_column = "sealed_key"

    class Meta:
        ordering = ["slug"]

    def __str__(self) -> str:
        return self.slug

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Store the row; a key that an older ``SECRET_KEY`` has sealed is sealed anew with the current one."""
        if self.sealed_key and kwargs.get("update_fields") is None:
            # One that nobody can open is kept as it is: the secret that sealed it may come back.
            with suppress(vault.Unsealable):
                self.sealed_key = vault.reseal(self.sealed_key, purpose=self.purpose)
        super().save(*args, **kwargs)

    @property
    def purpose(self) -> str:
        """What the key is sealed for: the origin that was entered, else the provider type, whose address is fixed."""
        return origin_of(self.base_url) if self.base_url else self.kind

    def seal(self, key: str) -> None:
        """Keep ``key`` for the address that this row has now; an empty one is none."""
        remember(key)
        self.sealed_key = vault.seal(key, purpose=self.purpose) if key else ""

    def unseal(self) -> str:
        """Return the key, empty when there is none. Raises ``vault.Unsealable``."""
        if not self.sealed_key:
            return ""
        key = vault.unseal(self.sealed_key, purpose=self.purpose)
        remember(key)
        return key


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
    #: What stood in the answer's bytes beside plain events.
    oddities = models.JSONField(default=list, blank=True)

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
            oddities=list(record.oddities),
        )
