"""Ends sessions that nobody has used for ``RUNNEL_SESSION_IDLE_HOURS``.

A session expires that long after its last renewal, in the database too, where open sockets are checked against it.
"""

import time
from collections.abc import Callable

from django.conf import settings
from django.contrib.auth import SESSION_KEY
from django.http import HttpRequest, HttpResponseBase

#: Key of the time of the last renewal, in seconds since 1970.
_RENEWED = "renewed"
#: The share of the idle time after which a request renews the session: not each one writes to the database.
_SHARE = 0.1


def renew_sessions(
    get_response: Callable[[HttpRequest], HttpResponseBase],
) -> Callable[[HttpRequest], HttpResponseBase]:
    """Renew the session of a signed-in user's request. Its place is after Django's session middleware."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        response = get_response(request)
        session = request.session
        # What nobody has read needs no look into the database here.
        if session.accessed and session.get(SESSION_KEY) is not None:
            now = int(time.time())
            if now - session.get(_RENEWED, 0) >= settings.SESSION_COOKIE_AGE * _SHARE:
                session[_RENEWED] = now
        return response

    return middleware
