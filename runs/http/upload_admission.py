"""Decides from the head of an upload whether its body is read at all."""

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from urllib.parse import unquote_to_bytes

from django.conf import settings
from django.contrib.auth.models import User
from django.http import parse_cookie
from django.urls import reverse

from concurrency.threads import readers
from runs.access import authentication
from runs.store import files


@dataclass(frozen=True, kw_only=True, slots=True)
class Refusal:
    """The answer to an upload whose body is not read."""

    status: HTTPStatus
    code: str
    message: str
    #: Whether a signed-in user is refused.
    of_user: bool = True


def is_upload(method: bytes, target: bytes) -> bool:
    """Return whether a request's method and target are those of an upload."""
    path = unquote_to_bytes(target.partition(b"?")[0])
    return method == b"POST" and path.rstrip(b"/") == reverse("api_files").rstrip("/").encode()


async def admit(headers: Mapping[str, str], size: int | None) -> int | Refusal:
    """Return the bytes that a file of this sender may have, or the refusal.

    Args:
        headers: the request's headers, their names in lower case.
        size: bytes of the body; ``None`` if the request does not say.
    """
    return await readers.run(_admit, headers, size)


def _admit(headers: Mapping[str, str], size: int | None) -> int | Refusal:
    user = _user(headers)
    if not isinstance(user, User) or not user.is_active:
        return Refusal(
            status=HTTPStatus.UNAUTHORIZED, code="unauthenticated", message="Sign in first.", of_user=False
        )
    most = settings.RUNNEL_UPLOAD_MB * 1024 * 1024
    left = files.room(user.pk)
    if left <= 0 or (size is not None and left < size <= most):
        return Refusal(
            status=HTTPStatus.REQUEST_ENTITY_TOO_LARGE, code="too_large", message=files.no_room(user.pk)
        )
    return min(left, most)


def _user(headers: Mapping[str, str]) -> Any:
    if (header := headers.get("authorization")) is not None:
        return authentication.bearer_user(header)[0]
    session_key = parse_cookie(headers.get("cookie", "")).get(settings.SESSION_COOKIE_NAME)
    return None if session_key is None else authentication.user_of_session(session_key)
