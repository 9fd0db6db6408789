"""Closes open sockets when a sign-out or another change makes their credentials invalid.

These changes count: a sign-out, a new password, a user deactivated or deleted, a token revoked. A new password
also revokes the user's API tokens, unless ``keeps_tokens`` is set on the user. Each handler
selects the sockets that may be affected. ``runs.access.authentication`` then checks them against the database
and closes those that it would refuse now. A user who changes their own password gets a new session key; their
page reconnects with it.

Limits: bulk updates (``QuerySet.update``) send no signal. Other processes are told if there is Redis; they find all
of it within ``RUNNEL_RIGHTS_CHECK_SECONDS`` by looking (``runs.access.rights``).
"""

from functools import partial
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.signals import user_logged_in, user_logged_out
from django.db import transaction
from django.db.models.signals import post_delete, post_save
from django.http import HttpRequest

from runs.access import open_sockets
from runs.models import ApiToken

#: The user fields that decide whether a user may sign in.
_DECISIVE = frozenset({"password", "is_active"})


def connect() -> None:
    """Connect the signals. Called once, when Django is set up."""
    user = get_user_model()
    user_logged_out.connect(_signed_out, dispatch_uid="runs")
    user_logged_in.connect(_signed_in, dispatch_uid="runs")
    post_save.connect(_user_saved, sender=user, dispatch_uid="runs")
    post_delete.connect(_user_deleted, sender=user, dispatch_uid="runs")
    post_delete.connect(_token_deleted, sender=ApiToken, dispatch_uid="runs")


def _signed_out(request: HttpRequest, user: Any, **kwargs: Any) -> None:
    if user is not None:
        # Django deletes the session after this signal. A socket that opens in between must be refused.
        request.session.delete()
        _close_refused_of(user.pk)


def _signed_in(request: HttpRequest, **kwargs: Any) -> None:
    # Signing in as another user ends the previous session and sends no sign-out signal.
    if previous := request.COOKIES.get(settings.SESSION_COOKIE_NAME):
        open_sockets.close_refused(lambda identity: identity.session_key == previous)


def _user_saved(
    instance: Any, created: bool, using: str, update_fields: frozenset[str] | None, **kwargs: Any
) -> None:
    if not created and _has_new_password(instance):
        ApiToken.objects.using(using).filter(user_id=instance.pk).delete()
    # A sign-in saves only `last_login`, which changes no right.
    if not created and (update_fields is None or not _DECISIVE.isdisjoint(update_fields)):
        transaction.on_commit(partial(_close_refused_of, instance.pk), using=using)


def _has_new_password(user: Any) -> bool:
    """Return whether the user is being saved with another password, and did not ask to keep the API tokens.

    Django keeps the raw password on the user until ``save`` returns. When it only hashes a password anew, at a sign-in,
    it keeps none.
    """
    return getattr(user, "_password", None) is not None and not getattr(user, "keeps_tokens", False)


def _user_deleted(instance: Any, using: str, **kwargs: Any) -> None:
    transaction.on_commit(partial(_close_refused_of, instance.pk), using=using)


def _token_deleted(instance: ApiToken, using: str, **kwargs: Any) -> None:
    transaction.on_commit(partial(_close_refused_of, instance.user_id), using=using)


def _close_refused_of(user_id: int) -> None:
    open_sockets.close_refused(lambda identity: identity.user_id == user_id)
