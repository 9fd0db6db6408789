"""Decides from the head of an upload whether its body is read at all."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from http import HTTPStatus
from typing import Any
from urllib.parse import unquote_to_bytes

from django.conf import settings
from django.contrib.auth.models import User
from django.http import parse_cookie
from django.urls import reverse

from concurrency.threads import readers
from runs.access import addresses, authentication, scopes
from runs.access.wrong_tokens import check_token, count_token
from runs.errors import Forbidden, RateLimited
from runs.store import files

_MEGABYTE = 1024 * 1024


@dataclass(frozen=True, kw_only=True, slots=True)
class Refusal:
    """The answer to an upload whose body is not read."""

    status: HTTPStatus
    code: str
    message: str
    #: Whether a signed-in user is refused.
    of_user: bool = True
    #: Seconds after which the sender may try again, ``None`` if that is not known.
    retry_after: float | None = None


class Upload(Enum):
    """What may be longer than other requests, by the name of its address."""

    FILE = "api_files"
    CONVERSATION = "api_import"


def upload_of(method: bytes, target: bytes) -> Upload | None:
    """Return what a request with this method and target uploads, ``None`` if nothing."""
    if method != b"POST":
        return None
    path = unquote_to_bytes(target.partition(b"?")[0]).rstrip(b"/")
    return next((each for each in Upload if path == reverse(each.value).rstrip("/").encode()), None)


async def admit(
    upload: Upload, headers: Mapping[str, str], size: int | None, peer: str | None
) -> int | Refusal:
    """Return the bytes that an upload of this sender may have, or the refusal.

    Args:
        upload: what is uploaded.
        headers: the request's headers, their names in lower case.
        size: bytes of the body; ``None`` if the request does not say.
        peer: the address at the other end of the connection; ``None`` if it has none.
    """
    header = headers.get("authorization")
    if header is None:
        return await readers.run(_admit, upload, headers, size)
    address = addresses.trusted(peer, headers.get("x-forwarded-for"))
    token = authentication.bearer_token(header) or header
    try:
        await check_token(address, token)
    except RateLimited as limited:
        return Refusal(
            status=HTTPStatus.TOO_MANY_REQUESTS,
            code=limited.code,
            message=limited.message,
            of_user=False,
            retry_after=limited.retry_after,
        )
    admission = await readers.run(_admit, upload, headers, size)
    is_wrong = isinstance(admission, Refusal) and admission.status == HTTPStatus.UNAUTHORIZED
    await count_token(address, token, is_right=not is_wrong)
    return admission


def _admit(upload: Upload, headers: Mapping[str, str], size: int | None) -> int | Refusal:
    user, allowed = _sender(headers)
    if not isinstance(user, User) or not user.is_active:
        return Refusal(
            status=HTTPStatus.UNAUTHORIZED, code="unauthenticated", message="Sign in first.", of_user=False
        )
    try:
        scopes.check_method(allowed, "POST")
    except Forbidden as refusal:
        return Refusal(status=HTTPStatus.FORBIDDEN, code=refusal.code, message=refusal.message)
    if upload is Upload.CONVERSATION:
        return settings.RUNNEL_IMPORT_MB * _MEGABYTE
    most = settings.RUNNEL_UPLOAD_MB * _MEGABYTE
    left = files.room(user.pk)
    if left <= 0 or (size is not None and left < size <= most):
        return Refusal(
            status=HTTPStatus.REQUEST_ENTITY_TOO_LARGE, code="too_large", message=files.no_room(user.pk)
        )
    return min(left, most)


def _sender(headers: Mapping[str, str]) -> tuple[Any, frozenset[str]]:
    """Return who sends a request, ``None`` if nobody knows, and what the credentials allow."""
    if (header := headers.get("authorization")) is not None:
        return authentication.bearer_user(header)
    session_key = parse_cookie(headers.get("cookie", "")).get(settings.SESSION_COOKIE_NAME)
    return None if session_key is None else authentication.user_of_session(session_key), scopes.ALL
