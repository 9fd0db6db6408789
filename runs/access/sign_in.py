"""Throttles sign-ins, at the site's door and the admin's. django-axes counts the failures and refuses.

Failures are counted for a user name together with an address, so that nobody can lock a user out from elsewhere,
and for an address alone with a higher limit. A refused sign-in hashes no password. ``axes`` keeps its counts in
the database; an admin can delete them.
"""

import threading
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from http import HTTPStatus
from inspect import iscoroutinefunction
from math import ceil
from typing import Any

from axes.handlers.database import AxesDatabaseHandler
from axes.models import AccessAttempt
from django.conf import settings
from django.db.models import Max, Sum
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.decorators import sync_and_async_middleware

from runs.access import addresses

#: Sign-ins of one address that may wait for the hash of their password at the same time.
AT_ONCE = 64
#: Seconds after which a client may try again that was refused for that reason.
_SOON = 5


class Handler(AxesDatabaseHandler):
    """The counts in the database, with a second limit for the failures of one address with any user name."""

    def is_locked(self, request: Any, credentials: dict[str, Any] | None = None) -> bool:
        """Return whether a sign-in is refused without a look at the password."""
        if super().is_locked(request, credentials):
            return True
        if request.axes_ip_address is None:
            # All whose address the server does not know would share one lock.
            return False
        failures = _of_address(request.axes_ip_address).aggregate(sum=Sum("failures_since_start"))["sum"]
        return (failures or 0) >= settings.RUNNEL_SIGN_IN_FAILURES_PER_ADDRESS


def _of_address(address: str | None) -> Any:
    since = timezone.now() - settings.AXES_COOLOFF_TIME
    return AccessAttempt.objects.filter(ip_address=address, attempt_time__gte=since)


def refused(request: HttpRequest, response: Any = None, credentials: Any = None) -> HttpResponse:
    """Return the page that says how long no sign-in is taken. ``axes`` calls this."""
    last = _of_address(addresses.of_request(request)).aggregate(last=Max("attempt_time"))["last"]
    wait = settings.AXES_COOLOFF_TIME - (timezone.now() - last) if last else timedelta()
    return _too_many(request, max(_SOON, ceil(wait.total_seconds())))


def _too_many(request: HttpRequest, seconds: int) -> HttpResponse:
    minutes = ceil(seconds / 60)
    wait = f"{minutes} minutes" if minutes > 1 else f"{seconds} seconds"
    page = render(request, "account/locked.html", {"wait": wait}, status=HTTPStatus.TOO_MANY_REQUESTS)
    page["Retry-After"] = str(seconds)
    return page


class _Waiting:
    """Counts the sign-ins of each address that wait for their answer."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._by_address: Counter[str | None] = Counter()

    def begin(self, address: str | None) -> bool:
        """Count one more, and return whether it may go on; a caller that may not does not ``end``."""
        with self._lock:
            if self._by_address[address] >= AT_ONCE:
                return False
            self._by_address[address] += 1
        return True

    def end(self, address: str | None) -> None:
        """Count one less."""
        with self._lock:
            self._by_address[address] -= 1
            if not self._by_address[address]:
                del self._by_address[address]


_waiting = _Waiting()


@sync_and_async_middleware
def limit_waiting(get_response: Callable[[HttpRequest], Any]) -> Callable[[HttpRequest], Any]:
    """Refuse a sign-in while ``AT_ONCE`` of its address wait: hashing them takes half a second each."""

    def is_sign_in(request: HttpRequest) -> bool:
        return request.method == "POST" and request.path_info in (settings.LOGIN_URL, reverse("admin:login"))

    async def async_middleware(request: HttpRequest) -> Any:
        if not is_sign_in(request):
            return await get_response(request)
        address = addresses.of_request(request)
        if not _waiting.begin(address):
            return _too_many(request, _SOON)
        try:
            return await get_response(request)
        finally:
            _waiting.end(address)

    def middleware(request: HttpRequest) -> Any:
        if not is_sign_in(request):
            return get_response(request)
        address = addresses.of_request(request)
        if not _waiting.begin(address):
            return _too_many(request, _SOON)
        try:
            return get_response(request)
        finally:
            _waiting.end(address)

    return async_middleware if iscoroutinefunction(get_response) else middleware
