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

from providers.text.hidden import visible
from runs.access import addresses, audit

#: Sign-ins of one address that may wait for the hash of their password at the same time.
AT_ONCE = 64
#: Seconds after which a client may try again that was refused for that reason.
_SOON = 5
#: Characters of a user's name on a page, and as it is counted; no user has a longer one.
_LONGEST_NAME = 150


class Handler(AxesDatabaseHandler):
    """The counts in the database, with a second limit for the failures of one address with any user name."""

    def is_locked(self, request: Any, credentials: dict[str, Any] | None = None) -> bool:
        """Return whether a sign-in is refused without a look at the password."""
        if super().is_locked(request, credentials):
            return True
        if request.axes_ip_address is None:
            # All whose address the server does not know would share one lock.
            return False
        return self._is_address_locked(request.axes_ip_address)

    def user_login_failed(
        self, sender: Any, credentials: dict[str, Any], request: Any = None, **kwargs: Any
    ) -> None:
        """Count a failure, and note it in the audit log; also when it locks the name or the address."""
        # What a lock refuses is counted nowhere: a flood would fill the tables.
        was_refused = request is None or request.axes_locked_out
        super().user_login_failed(sender, credentials, request, **kwargs)
        if was_refused:
            return
        name = name_of(request, credentials)
        audit.note_failed_sign_in(name)
        if request.axes_locked_out:
            audit.note_lock(name)
        elif request.axes_ip_address is not None and self._is_address_locked(request.axes_ip_address):
            audit.note_lock("")

    def _is_address_locked(self, address: str) -> bool:
        return _failures(_of_address(address)) >= settings.RUNNEL_SIGN_IN_FAILURES_PER_ADDRESS


def name_of(request: Any, credentials: dict[str, Any] | None = None) -> str:
    """Return the name that somebody signs in with, as long as a user's may be. ``axes`` counts by it."""
    given = (credentials or request.POST).get("username") or ""
    return str(given)[:_LONGEST_NAME]


def _of_address(address: str | None) -> Any:
    since = timezone.now() - settings.AXES_COOLOFF_TIME
    return AccessAttempt.objects.filter(ip_address=address, attempt_time__gte=since)


def refused(request: HttpRequest, response: Any = None, credentials: Any = None) -> HttpResponse:
    """Return the page that says what is locked, and for how long. ``axes`` calls this."""
    name = name_of(request, credentials)
    all_names = _of_address(addresses.of_request(request))
    this_name = all_names.filter(username=name)
    is_name = _failures(this_name) >= settings.RUNNEL_SIGN_IN_FAILURES
    found = this_name if is_name else all_names
    last = found.aggregate(last=Max("attempt_time"))["last"]
    wait = settings.AXES_COOLOFF_TIME - (timezone.now() - last) if last else timedelta()
    told = {"name": visible(name) if is_name else "", "failures": _failures(found)}
    return _too_many(request, max(_SOON, ceil(wait.total_seconds())), **told)


def _failures(attempts: Any) -> int:
    return attempts.aggregate(sum=Sum("failures_since_start"))["sum"] or 0


def _too_many(request: HttpRequest, seconds: int, **told: Any) -> HttpResponse:
    """Return the page; without ``told`` nothing is locked, and too many sign-ins wait."""
    minutes = ceil(seconds / 60)
    wait = f"{minutes} minutes" if minutes > 1 else f"{seconds} seconds"
    context = {"wait": wait, "back": request.path_info, **told}
    page = render(request, "account/locked.html", context, status=HTTPStatus.TOO_MANY_REQUESTS)
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
