"""Ends sessions that nobody has used for ``RUNNEL_SESSION_IDLE_HOURS``, and notes for their users from where they are used.

A session expires that long after its last renewal, in the database too, where open sockets are checked against it.
"""

import time
from collections.abc import Callable
from inspect import iscoroutinefunction
from typing import Any

from asgiref.sync import sync_to_async
from django.conf import settings
from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.backends.base import SessionBase
from django.http import HttpRequest
from django.utils.decorators import sync_and_async_middleware

from runs.access import browser_sessions

#: Key of the time of the last renewal, in seconds since 1970.
_RENEWED = "renewed"
#: The share of the idle time after which a request renews the session: not each one writes to the database.
_SHARE = 0.1
#: Seconds after which it does so at the latest, so that its user sees when it was used.
_LATEST = 600.0


@sync_and_async_middleware
def renew_sessions(get_response: Callable[[HttpRequest], Any]) -> Callable[[HttpRequest], Any]:
    """Renew the session of a signed-in user's request. Its place is after Django's session middleware."""

    async def async_middleware(request: HttpRequest) -> Any:
        response = await get_response(request)
        session = request.session
        if session.accessed and await session.aget(SESSION_KEY) is not None and _renew(session):
            await sync_to_async(browser_sessions.note)(request)
        return response

    def middleware(request: HttpRequest) -> Any:
        response = get_response(request)
        session = request.session
        # What nobody has read needs no look into the database here.
        if session.accessed and session.get(SESSION_KEY) is not None and _renew(session):
            browser_sessions.note(request)
        return response

    return async_middleware if iscoroutinefunction(get_response) else middleware


def _renew(session: SessionBase) -> bool:
    """Renew a session that was read, unless that was done a short while ago. Return whether its use is to be noted."""
    now = int(time.time())
    is_due = now - session.get(_RENEWED, 0) >= min(settings.SESSION_COOKIE_AGE * _SHARE, _LATEST)
    if is_due:
        session[_RENEWED] = now
    return is_due or not browser_sessions.is_noted(session)
