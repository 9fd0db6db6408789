"""Providers from the admin."""

from contextlib import suppress
from typing import Any

from django.core.validators import MinValueValidator, RegexValidator
from django.db import models

from providers.security import vault
from providers.security.addresses import LONGEST_URL, origin_of
from providers.security.redaction import remember


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
