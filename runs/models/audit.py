"""The audit log: who did what that needs a privilege, when, and from where."""

from dataclasses import dataclass
from typing import Any, NoReturn

from django.conf import settings
from django.db import models

#: Characters of a summary.
_LONGEST = 500


class AuditAction(models.TextChoices):
    """What was done."""

    #: Somebody looked at what other people wrote.
    VIEWED = "viewed"
    ADDED = "added"
    CHANGED = "changed"
    DELETED = "deleted"
    #: An admin cancelled a run.
    CANCELLED = "cancelled"
    #: A person decided that a call of a tool is executed, as shown or edited.
    APPROVED = "approved"
    #: A person decided that it is not.
    DENIED = "denied"
    SIGNED_IN = "signed in"
    SIGNED_OUT = "signed out"
    #: A sign-in had a wrong password, or the name of nobody.
    SIGN_IN_FAILED = "sign-in failed"
    #: So many failed that no more are taken for a while.
    LOCKED_OUT = "locked out"


@dataclass(frozen=True, kw_only=True, slots=True)
class Actor:
    """Who acts, and from which address. Without a user it is a command, or the server itself."""

    user_id: int | None = None
    name: str = ""
    address: str = ""


class AuditEntry(models.Model):
    """One privileged action, or a sign-in. An entry is never changed; retention deletes it if that is switched on."""

    at = models.DateTimeField(auto_now_add=True, db_index=True)
    #: ``None`` for a command, and once the user is deleted.
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    #: The user's name at that time; it stays when the user is deleted.
    actor_name = models.CharField(max_length=150, blank=True)
    address = models.CharField(max_length=64, blank=True)
    action = models.CharField(max_length=16, choices=AuditAction.choices)
    #: The model of the row, as ``runs.run``.
    target = models.CharField(max_length=64)
    target_id = models.CharField(max_length=64, blank=True)
    #: What it was, in words. It holds no secret and nothing that people wrote to models.
    summary = models.CharField(max_length=_LONGEST, blank=True)

    class Meta:
        ordering = ["-at", "-pk"]
        verbose_name = "audit entry"
        verbose_name_plural = "audit log"

    def __str__(self) -> str:
        return f"{self.actor_name or 'a command'} {self.action} {self.target} {self.target_id}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Store a new entry.

        Raises:
            TypeError: the entry is stored already.
        """
        if not self._state.adding:
            raise TypeError("An entry of the audit log is not changed.")
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> NoReturn:
        """Refuse.

        Raises:
            TypeError: always.
        """
        raise TypeError("An entry of the audit log is not deleted.")

    @classmethod
    def note(
        cls, actor: Actor, action: AuditAction, target: str, target_id: object, summary: str = ""
    ) -> None:
        """Store an entry, in the transaction of the caller if there is one.

        Args:
            actor: who acts.
            action: what is done.
            target: the row's model, as ``runs.run``.
            target_id: the row's primary key.
            summary: what it is, in words; cut at 500 characters.
        """
        cls.objects.create(
            actor_id=actor.user_id,
            actor_name=actor.name[:150],
            address=actor.address[:64],
            action=action,
            target=target,
            target_id=str(target_id)[:64],
            summary=summary[:_LONGEST],
        )
