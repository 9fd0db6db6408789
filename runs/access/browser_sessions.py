"""The browsers in which a user is signed in: noted, listed, ended."""

from collections.abc import Iterable
from importlib import import_module
from typing import Any

from django.conf import settings
from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.backends.base import SessionBase
from django.contrib.sessions.models import Session
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone

from providers.text.cleaning import clean
from runs.access import addresses, open_sockets
from runs.access.authentication import user_of_session
from runs.models import BrowserSession
from runs.models.browser_session import LONGEST_AGENT

#: Key of the session's own key when it was noted last: a sign-in and a new password change it.
NOTED = "noted"


def is_noted(session: SessionBase) -> bool:
    """Return whether a session that was read is noted under its present key."""
    return bool(session.get(NOTED) == session.session_key)


def note(request: HttpRequest) -> None:
    """Note that the session of a signed-in user's request was used now, and from where. Writes to the database."""
    session, user = request.session, request.user
    if session.session_key is None or not user.is_authenticated:
        # A session has no key before it is stored; the next request has one.
        return
    BrowserSession.objects.update_or_create(
        session_key=session.session_key,
        defaults={
            "user_id": user.pk,
            "agent": clean(request.headers.get("User-Agent", ""))[:LONGEST_AGENT],
            "address": addresses.of_request(request) or "",
        },
    )
    session[NOTED] = session.session_key


def of(user: Any) -> list[BrowserSession]:
    """Return the sessions with which ``user`` is signed in, the last used first. Those that have ended are forgotten."""
    found: list[BrowserSession] = []
    ended: list[BrowserSession] = []
    for row in BrowserSession.objects.filter(user=user):
        owner = user_of_session(row.session_key)
        (found if owner is not None and owner.pk == user.pk else ended).append(row)
    BrowserSession.objects.filter(pk__in=[row.pk for row in ended]).delete()
    return found


def end(user: Any, session_id: int) -> bool:
    """End one session of ``user`` and close its sockets. Return whether there was one."""
    row = BrowserSession.objects.filter(pk=session_id, user=user).first()
    if row is not None:
        _end([row.session_key])
    return row is not None


def end_others(user: Any, session_key: str | None) -> None:
    """End all sessions of ``user`` but the one with ``session_key``, and close their sockets."""
    noted = BrowserSession.objects.filter(user=user)
    keys = set(noted.values_list("session_key", flat=True)) | set(_unnoted(user))
    _end(keys - {session_key})


def _unnoted(user: Any) -> Iterable[str]:
    """Yield the keys of the user's sessions that were not used since sessions are noted."""
    known = BrowserSession.objects.values("session_key")
    unknown: QuerySet[Session] = Session.objects.filter(expire_date__gt=timezone.now())
    for session in unknown.exclude(session_key__in=known).iterator():
        if session.get_decoded().get(SESSION_KEY) == str(user.pk):
            yield session.session_key


def _end(keys: Iterable[str]) -> None:
    ended = set(keys)
    store = import_module(settings.SESSION_ENGINE).SessionStore
    for key in ended:
        store(key).delete()
    BrowserSession.objects.filter(session_key__in=ended).delete()
    open_sockets.close_refused(lambda identity: identity.session_key in ended)
