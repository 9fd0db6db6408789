"""API tokens, with which programs sign in."""

import hashlib
import secrets
from typing import Any

from django.conf import settings
from django.db import models


class ApiToken(models.Model):
    """A bearer token of a user. Only its digest is stored; the token itself is shown once."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="api_tokens")
    name = models.CharField(max_length=100, blank=True)
    digest = models.CharField(max_length=64, unique=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-created_at"]
        verbose_name = "API token"

    def __str__(self) -> str:
        return self.name or f"token {self.pk} of {self.created_at:%Y-%m-%d}"

    @staticmethod
    def digest_of(token: str) -> str:
        """Return the SHA-256 digest of ``token``. Tokens are random, so a hash without salt is enough."""
        return hashlib.sha256(token.encode()).hexdigest()

    @classmethod
    def issue(cls, user: Any, name: str = "") -> tuple["ApiToken", str]:
        """Store a new token of ``user``; return its row and its text, which cannot be read again."""
        text = f"rnl_{secrets.token_urlsafe(32)}"
        return cls.objects.create(user=user, name=name, digest=cls.digest_of(text)), text
