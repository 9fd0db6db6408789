"""API tokens, with which programs sign in."""

import hashlib
import secrets
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import models
from django.utils import timezone

from providers.text.hidden import visible


class Scope(models.TextChoices):
    """What a token may do, at most: never more than its user."""

    #: Read conversations, files and tools; follow runs.
    READ = "read", "Read: conversations, files, runs"
    #: Start and cancel runs, upload files, change and delete conversations.
    RUN = "run", "Run: start and stop answers, change conversations"
    #: Decide about the calls of tools.
    APPROVE = "approve", "Approve: decide about calls of tools"
    #: All of these.
    ADMIN = "admin", "Admin: everything that you may do"


#: The scopes of a token for which nobody chose any: what every token could do before there were scopes.
USUAL_SCOPES = (Scope.READ, Scope.RUN, Scope.APPROVE)
#: The most days until a token expires that has an expiry.
LONGEST_DAYS = 3_650
_USUAL = " ".join(USUAL_SCOPES)


class ApiToken(models.Model):
    """A bearer token of a user. Only its digest is stored; the token itself is shown once."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="api_tokens")
    name = models.CharField(max_length=100, blank=True)
    digest = models.CharField(max_length=64, unique=True, editable=False)
    #: The scopes, with spaces between them.
    scopes = models.CharField(max_length=100, default=_USUAL, db_default=_USUAL, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    #: ``None`` if it never expires.
    expires_at = models.DateTimeField(null=True, blank=True, editable=False)
    #: Correct to about a minute; ``None`` if it was never used.
    last_used_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        ordering = ["-created_at"]
        verbose_name = "API token"

    def __str__(self) -> str:
        return visible(self.name) or f"token {self.pk} of {self.created_at:%Y-%m-%d}"

    @property
    def scope_set(self) -> frozenset[str]:
        """The scopes."""
        return frozenset(self.scopes.split())

    @property
    def scope_list(self) -> str:
        """The scopes in one text for people: ``read, run``."""
        return ", ".join(self.scopes.split())

    @property
    def has_expired(self) -> bool:
        """Whether the token is not accepted any more because of its age."""
        return self.expires_at is not None and self.expires_at <= timezone.now()

    @classmethod
    def live(cls) -> models.QuerySet["ApiToken"]:
        """Return the tokens with which a program can sign in now."""
        unexpired = models.Q(expires_at__isnull=True) | models.Q(expires_at__gt=timezone.now())
        return cls.objects.filter(unexpired, user__is_active=True)

    @staticmethod
    def digest_of(token: str) -> str:
        """Return the SHA-256 digest of ``token``. Tokens are random, so a hash without salt is enough."""
        return hashlib.sha256(token.encode()).hexdigest()

    @classmethod
    def issue(
        cls,
        user: Any,
        name: str = "",
        *,
        scopes: Iterable[str] = USUAL_SCOPES,
        expires_at: datetime | None = None,
    ) -> tuple["ApiToken", str]:
        """Store a new token of ``user``; return its row and its text, which cannot be read again.

        Args:
            user: the owner.
            name: what the token is for.
            scopes: members of ``Scope``.
            expires_at: the end of its validity; ``None`` for no end.
        """
        text = f"rnl_{secrets.token_urlsafe(32)}"
        row = cls.objects.create(
            user=user,
            name=name,
            digest=cls.digest_of(text),
            scopes=" ".join(sorted(scopes)),
            expires_at=expires_at,
        )
        return row, text
