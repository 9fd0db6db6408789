"""The common base of all JSON views: authentication, methods, CSRF, the form of an error."""

import functools
import json
import math
import re
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any, Concatenate
from uuid import uuid4

from django.contrib.auth.models import User
from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.middleware.csrf import CsrfViewMiddleware
from django.utils.decorators import decorator_from_middleware
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt

from concurrency.log_context import bound
from providers.text.cleaning import clean
from runs.access import authentication, scopes
from runs.access.addresses import of_request
from runs.access.wrong_tokens import admit_token, note_token
from runs.errors import Forbidden, RateLimited
from runs.models.token import Scope

#: An X-Request-ID that is safe to log. Any other is replaced by a new one.
_REQUEST_ID = re.compile(r"[A-Za-z0-9._:-]{1,64}")


def error(status: HTTPStatus, code: str, message: str) -> JsonResponse:
    """Return an error response with a code of the protocol and a sentence for the user."""
    return JsonResponse({"code": code, "message": message}, status=status)


def not_found() -> JsonResponse:
    """Return the response for data that does not exist or belongs to another user."""
    return error(HTTPStatus.NOT_FOUND, "not_found", "There is nothing here.")


def sent_object(request: HttpRequest, types: Mapping[str, type]) -> dict[str, Any] | None:
    """Return the JSON object in a request's body; ``None`` if it is none, or names or types differ from ``types``.

    Its texts have no character that no database stores.
    """
    try:
        sent = json.loads(request.body)
    except (ValueError, RecursionError, RequestDataTooBig):
        return None
    if not isinstance(sent, dict) or not sent.keys() <= types.keys():
        return None
    if not all(type(value) is types[name] for name, value in sent.items()):
        return None
    return {name: clean(value) if isinstance(value, str) else value for name, value in sent.items()}


def rate_limited(refusal: RateLimited) -> JsonResponse:
    """Return the response to a request that comes too often."""
    response = error(HTTPStatus.TOO_MANY_REQUESTS, refusal.code, refusal.message)
    response["Retry-After"] = str(math.ceil(refusal.retry_after or 1))
    return response


class _CsrfAsJson(CsrfViewMiddleware):
    """Django's CSRF check, with a JSON response."""

    def _reject(self, request: HttpRequest, reason: str) -> HttpResponse:
        return error(HTTPStatus.FORBIDDEN, "csrf_failed", "Reload the page and try again.")


def _request_id(request: HttpRequest) -> str:
    given = request.headers.get("X-Request-ID", "")
    return given if _REQUEST_ID.fullmatch(given) else uuid4().hex


type _View[**P] = Callable[Concatenate[HttpRequest, User, P], HttpResponseBase]


def api[**P](
    *methods: str, scope: Scope | None = None
) -> Callable[[_View[P]], Callable[Concatenate[HttpRequest, P], HttpResponseBase]]:
    """Return a decorator that makes a JSON view for ``methods`` of a function.

    The function takes the request, the user and the parameters of the URL. ``scope`` is what a token needs for
    methods that change something, if that is another scope than ``run``.

    A request with an ``Authorization`` header is authenticated by that header alone. Cookies are ignored, so
    another site cannot forge the request, and no CSRF token is needed.
    """

    def decorate(view: _View[P]) -> Callable[Concatenate[HttpRequest, P], HttpResponseBase]:
        guarded = decorator_from_middleware(_CsrfAsJson)(view)

        @csrf_exempt
        @never_cache
        @functools.wraps(view)
        def respond(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
            header = request.headers.get("Authorization")
            user, allowed = (
                authentication.bearer_user(header) if header is not None else (request.user, scopes.ALL)
            )
            if not isinstance(user, User) or not user.is_active:
                return error(HTTPStatus.UNAUTHORIZED, "unauthenticated", "Sign in first.")
            if request.method not in methods:
                response = error(
                    HTTPStatus.METHOD_NOT_ALLOWED, "method_not_allowed", f"Use {' or '.join(methods)}."
                )
                response["Allow"] = ", ".join(methods)
                return response
            try:
                scopes.check_method(allowed, request.method, scope)
            except Forbidden as refusal:
                return error(HTTPStatus.FORBIDDEN, refusal.code, refusal.message)
            chosen = view if header is not None else guarded
            with bound(request_id=_request_id(request), user_id=user.pk):
                return chosen(request, user, *args, **kwargs)

        return _throttled(respond)

    return decorate


def _throttled[**P](
    respond: Callable[Concatenate[HttpRequest, P], HttpResponseBase],
) -> Callable[Concatenate[HttpRequest, P], HttpResponseBase]:
    """Wrap a view: answer 429 when too many wrong tokens came from an address."""

    @functools.wraps(respond)
    def throttle(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        header = request.headers.get("Authorization")
        if header is None:
            return respond(request, *args, **kwargs)
        address, token = of_request(request), authentication.bearer_token(header) or header
        try:
            admit_token(address, token)
        except RateLimited as refusal:
            return rate_limited(refusal)
        response = respond(request, *args, **kwargs)
        note_token(address, token, is_right=response.status_code != HTTPStatus.UNAUTHORIZED)
        return response

    return throttle
