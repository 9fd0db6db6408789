"""Ends sessions that nobody has used for ``RUNNEL_SESSION_IDLE_HOURS``.

A session expires that long after its last renewal, in the database too, where open sockets are checked against it.
"""

import time
from collections.abc import Callable
from inspect import iscoroutinefunction
from typing import Any

from django.conf import settings
from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.backends.base import SessionBase
from django.http import HttpRequest
from django.utils.decorators import sync_and_async_middleware

#: Key of the time of the last renewal, in seconds since 1970.
_RENEWED = "renewed"
#: The share of the idle time after which a request renews the session: not each one writes to the database.
_SHARE = 0.1


@sync_and_async_middleware
def renew_sessions(get_response: Callable[[HttpRequest], Any]) -> Callable[[HttpRequest], Any]:
    """Renew the session of a signed-in user's request. Its place is after Django's session middleware."""

    async def async_middleware(request: HttpRequest) -> Any:
        response = await get_response(request)
        session = request.session
        if session.accessed and await session.aget(SESSION_KEY) is not None:
            _renew(session)
        return response

    def middleware(request: HttpRequest) -> Any:
        response = get_response(request)
        session = request.session
        # What nobody has read needs no look into the database here.
        if session.accessed and session.get(SESSION_KEY) is not None:
            _renew(session)
        return response

    return async_middleware if iscoroutinefunction(get_response) else middleware


def _renew(session: SessionBase) -> None:
    """Renew a session that was read, unless that was done a short while ago."""
    now = int(time.time())
    if now - session.get(_RENEWED, 0) >= settings.SESSION_COOKIE_AGE * _SHARE:
        session[_RENEWED] = now
