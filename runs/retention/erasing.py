"""Erases a user: everything that they wrote and got, and who they were. What they used stays in the statistics."""

from axes.models import AccessAttempt
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.contrib.contenttypes.models import ContentType
from django.db import transaction

from providers.models import ProviderTrace
from runs.log.renaming import rename_who_stopped
from runs.models import (
    ApiToken,
    AuditEntry,
    BrowserSession,
    Conversation,
    File,
    Message,
    Preferences,
    Run,
    Share,
    StandingDecision,
    WritingChoices,
)
from runs.retention import contents
from runs.retention.pace import Pace
from runs.states import ACTIVE

#: The name of the turn in which users are erased.
TURN = "erase"


class StillActive(Exception):  # noqa: N818 - it names what happened
    """The user has active runs, which must end first."""


def counts(user: User) -> dict[str, int]:
    """Return how much of each kind belongs to the user."""
    runs = Run.objects.filter(owner=user)
    return {
        "conversations": Conversation.objects.filter(owner=user).count(),
        "messages": Message.objects.filter(conversation__owner=user).count(),
        "traces": ProviderTrace.objects.filter(run_id__in=runs.values("pk")).count(),
        "files": File.objects.filter(owner=user).count(),
        "API tokens": ApiToken.objects.filter(user=user).count(),
    }


def erase(user: User, pace: Pace) -> str:
    """Erase the user's contents and identity. Return the name under which the statistics count them now.

    The account is closed first, so that nothing is added meanwhile, and loses its name last, so that it is found
    again. If it is interrupted, call it again.

    Raises:
        StillActive: a run of the user is active. If it was before, nothing was changed; if it began while the
            account was being closed, its conversation is left.
    """
    if Run.objects.filter(owner=user, status__in=ACTIVE).exists():
        raise StillActive
    name = f"erased-{user.pk}"
    _close_account(user)
    contents.erase(Conversation.objects.filter(owner=user), pace)
    Conversation.all_rows.filter(owner=user).update(restorable_until=None)
    contents.empty(pace)
    contents.delete(File.objects.filter(owner=user), pace)
    WritingChoices.objects.filter(user=user).delete()
    if Conversation.objects.filter(owner=user).exists():
        raise StillActive
    _forget(user, name)
    return name


def _close_account(user: User) -> None:
    with transaction.atomic():
        for token in ApiToken.objects.filter(user=user):
            token.delete()
        StandingDecision.objects.filter(owner=user).delete()
        BrowserSession.objects.filter(user=user).delete()
        Preferences.objects.filter(user=user).delete()
        user.groups.clear()
        for share in Share.objects.filter(user=user):
            share.delete()
        user.user_permissions.clear()
        user.set_unusable_password()
        user.is_active = user.is_staff = user.is_superuser = False
        # Saved, not updated: the signal closes the user's sockets.
        user.save()


def _forget(user: User, name: str) -> None:
    """Replace the user's name by ``name``, here and where others have noted it."""
    with transaction.atomic():
        AccessAttempt.objects.filter(username=user.get_username()).delete()
        stopped = Run.objects.filter(cancelled_by_name=user.get_username())
        for run_id in stopped.values_list("pk", flat=True):
            rename_who_stopped(run_id, user.get_username(), name)
        stopped.update(cancelled_by_name=name)
        user.username, user.first_name, user.last_name, user.email = name, "", "", ""
        user.save()
        content_type = ContentType.objects.get_for_model(User)
        about = LogEntry.objects.filter(content_type=content_type, object_id=str(user.pk))
        about.update(object_repr=name, change_message="")
        _close_audit(user, name)


def _close_audit(user: User, name: str) -> None:
    """Leave in the audit log what was done and when, but neither the user's name nor addresses and words of theirs."""
    AuditEntry.objects.filter(actor=user).update(actor_name=name, address="")
    AuditEntry.objects.filter(target="auth.user", target_id=str(user.pk)).update(summary=name)
    owned = f"(of user {user.pk})"
    owning = ("runs.apitoken", "runs.standingdecision")
    AuditEntry.objects.filter(target__in=owning, summary__endswith=owned).update(summary=owned)
