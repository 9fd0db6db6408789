"""Shares: who else may look at a conversation."""

import hashlib
import secrets
from typing import Any

from django.conf import settings
from django.db import models

from runs.models.conversation import Conversation

#: Bytes of randomness in a link.
_SECRET_BYTES = 32


class Share(models.Model):
    """One link to a conversation, or one user with whom it is shared. Deleting the row revokes it.

    Of a link only the digest of its secret is stored; the link itself is shown once.
    """

    conversation = models.ForeignKey(Conversation, on_delete=models.CASCADE, related_name="shares")
    #: The user who may look; ``None`` for a link, with which anybody may.
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        related_name="shared_with_me",
    )
    #: The digest of the link's secret; ``None`` for a user.
    digest = models.CharField(max_length=64, unique=True, null=True, blank=True, editable=False)
    #: Whether those who look may stop an answer.
    may_stop = models.BooleanField(default=False, db_default=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-created_at"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(user=None, digest__isnull=False)
                | models.Q(user__isnull=False, digest=None),
                name="share_with_a_user_or_by_a_link",
            ),
            models.UniqueConstraint(fields=["conversation", "user"], name="one_share_with_each_user"),
        ]

    def __str__(self) -> str:
        whom = "a link" if self.user_id is None else f"user {self.user_id}"
        return f"{whom} to conversation {self.conversation_id}"

    @staticmethod
    def digest_of(secret: str) -> str:
        """Return the SHA-256 digest of a link's secret. Secrets are random, so a hash without salt is enough."""
        return hashlib.sha256(secret.encode(errors="replace")).hexdigest()

    @classmethod
    def valid(cls) -> models.QuerySet["Share"]:
        """Return the shares through which somebody may look now."""
        rows = cls.objects.filter(conversation__erased_at=None, conversation__owner__is_active=True)
        return rows if settings.RUNNEL_SHARE_LINKS else rows.exclude(user=None)

    @classmethod
    def of_link(cls, secret: str) -> "Share | None":
        """Return the valid share of a link, ``None`` for an unknown or revoked one."""
        found = cls.valid().select_related("conversation__owner").filter(digest=cls.digest_of(secret))
        return found.first()

    @classmethod
    def make_link(cls, conversation: Conversation, *, may_stop: bool) -> tuple["Share", str]:
        """Store a new link to a conversation; return its row and its secret, which cannot be read again."""
        secret = secrets.token_urlsafe(_SECRET_BYTES)
        row = cls.objects.create(conversation=conversation, digest=cls.digest_of(secret), may_stop=may_stop)
        return row, secret

    def shown(self) -> dict[str, Any]:
        """Return what the owner is told of the share."""
        return {
            "id": self.pk,
            "kind": "link" if self.user_id is None else "user",
            "username": None if self.user is None else self.user.get_username(),
            "may_stop": self.may_stop,
            "created_at": self.created_at.isoformat(),
        }
