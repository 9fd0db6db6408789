"""Authenticates sockets and requests.

A client authenticates with an API token or with the secret of a share link (its cookies are then ignored), or with a
browser session and an Origin header that matches exactly. A token is never part of a URL.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from importlib import import_module
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY, get_user_model
from django.http import parse_cookie
from django.http.request import split_domain_port, validate_host
from django.utils.crypto import constant_time_compare

from runs.access import last_use, scopes
from runs.models import ApiToken, Share
from runs.services.sharing import Onlooker

SUBPROTOCOL = "runnel.v1"
_BEARER_SUBPROTOCOL = "bearer."
_SHARE_SUBPROTOCOL = "share."


class HandshakeRefused(Exception):  # noqa: N818 - it names what happened
    """The socket may not be opened.

    ``close_code`` is 4401 without valid credentials, and 4403 if the origin is not allowed.
    """

    def __init__(self, close_code: int) -> None:
        super().__init__(close_code)
        self.close_code = close_code


@dataclass(frozen=True, kw_only=True, slots=True)
class Identity:
    """The authenticated user of a socket."""

    user_id: int
    username: str
    #: ``None`` if an API token authenticated the socket.
    session_key: str | None = None
    #: ``None`` if a browser session authenticated the socket.
    token_id: int | None = None
    #: What the credentials allow.
    scopes: frozenset[str] = scopes.ALL
    #: The share whose link authenticated the socket. Its ``user_id`` is negative then, and belongs to nobody.
    share_id: int | None = None

    @property
    def onlooker(self) -> Onlooker:
        """Who looks at conversations."""
        return (
            Onlooker(share_id=self.share_id) if self.share_id is not None else Onlooker(user_id=self.user_id)
        )


@dataclass(frozen=True, slots=True)
class Handshake:
    """The parts of a WebSocket's opening request that authenticate it."""

    token: str | None
    session_key: str | None
    origin: str | None
    own_origin: str
    subprotocol: str | None
    #: The secret of a share link.
    share_secret: str | None = None
    #: Whether the Host header names this server (``ALLOWED_HOSTS``).
    is_for_us: bool = True


def read_handshake(scope: dict[str, Any]) -> Handshake:
    """Return the handshake in an ASGI ``scope``."""
    headers = {name.decode("latin1"): value.decode("latin1") for name, value in scope["headers"]}
    offered: Iterable[str] = scope.get("subprotocols", ())
    token = bearer_token(headers.get("authorization", ""))
    for item in offered:
        if token is None and item.startswith(_BEARER_SUBPROTOCOL):
            token = item.removeprefix(_BEARER_SUBPROTOCOL)
    links = [item.removeprefix(_SHARE_SUBPROTOCOL) for item in offered if item.startswith(_SHARE_SUBPROTOCOL)]
    cookies = parse_cookie(headers.get("cookie", ""))
    scheme = {"wss": "https", "ws": "http"}.get(scope.get("scheme", "ws"), "http")
    if settings.SECURE_PROXY_SSL_HEADER:
        name, secure = settings.SECURE_PROXY_SSL_HEADER
        if headers.get(name.removeprefix("HTTP_").replace("_", "-").lower()) == secure:
            scheme = "https"
    return Handshake(
        token=token,
        session_key=cookies.get(settings.SESSION_COOKIE_NAME),
        origin=headers.get("origin"),
        own_origin=f"{scheme}://{headers.get('host', '')}",
        is_for_us=_is_our_host(headers.get("host", "")),
        subprotocol=SUBPROTOCOL if SUBPROTOCOL in offered else None,
        share_secret=links[0] if links else None,
    )


def _is_our_host(host: str) -> bool:
    """Return whether a Host header names this server, as Django checks it for HTTP."""
    domain, _ = split_domain_port(host)
    return bool(domain) and validate_host(domain, settings.ALLOWED_HOSTS)


def identify(handshake: Handshake) -> Identity:
    """Return the user who opened the socket. Reads the database.

    Raises:
        HandshakeRefused: the token or the session is missing or invalid, or the host or the origin is not allowed.
    """
    if not handshake.is_for_us:
        raise HandshakeRefused(4403)
    if handshake.token is not None:
        token = _live_token(handshake.token)
        if token is None:
            raise HandshakeRefused(4401)
        last_use.note(token.pk)
        return Identity(
            user_id=token.user_id,
            username=token.user.get_username(),
            token_id=token.pk,
            scopes=token.scope_set,
        )
    if handshake.share_secret is not None:
        return _identify_by_link(handshake)
    if not is_origin_allowed(handshake):
        # A client with neither a session nor an origin is no browser: it lacks a token.
        raise HandshakeRefused(4401 if handshake.session_key is None and handshake.origin is None else 4403)
    if handshake.session_key is None:
        raise HandshakeRefused(4401)
    user = user_of_session(handshake.session_key)
    if user is None:
        raise HandshakeRefused(4401)
    return Identity(user_id=user.pk, username=user.get_username(), session_key=handshake.session_key)


def _identify_by_link(handshake: Handshake) -> Identity:
    """Return the identity of somebody with a share link; cookies are ignored. No page of another site may use it."""
    if handshake.origin is not None and not is_origin_allowed(handshake):
        raise HandshakeRefused(4403)
    share = Share.of_link(handshake.share_secret or "")
    if share is None:
        raise HandshakeRefused(4401)
    allowed = scopes.OF_LINKS | ({scopes.STOP} if share.may_stop else frozenset())
    return Identity(user_id=-share.pk, username="", share_id=share.pk, scopes=allowed)


def is_origin_allowed(handshake: Handshake) -> bool:
    """Return whether the socket's origin is this server, or one of ``RUNNEL_ALLOWED_ORIGINS``."""
    if handshake.origin is None:
        return False
    given = _normal(handshake.origin)
    return given is not None and given in {
        _normal(allowed) for allowed in (handshake.own_origin, *settings.RUNNEL_ALLOWED_ORIGINS)
    }


def _normal(origin: str) -> tuple[str, str, int | None] | None:
    try:
        parts = urlsplit(origin)
        port = parts.port or {"http": 80, "https": 443}.get(parts.scheme)
    except ValueError:
        return None
    # An origin has neither a user nor a path, not even an empty query (RFC 6454, section 6.2).
    is_origin = parts.hostname and "@" not in parts.netloc and origin == f"{parts.scheme}://{parts.netloc}"
    return (parts.scheme, parts.hostname or "", port) if is_origin else None


def bearer_token(header: str) -> str | None:
    """Return the bearer token of an ``Authorization`` header, ``None`` if it holds none."""
    scheme, _, token = header.partition(" ")
    return token.strip() if scheme.lower() == "bearer" and token.strip() else None


def bearer_user(header: str) -> tuple[Any, frozenset[str]]:
    """Return the user whose token an ``Authorization`` header holds, and the token's scopes.

    The user is ``None`` if the header holds no valid token.
    """
    token = bearer_token(header)
    found = None if token is None else _live_token(token)
    if found is None:
        return None, frozenset()
    last_use.note(found.pk)
    return found.user, found.scope_set


def _live_token(token: str) -> ApiToken | None:
    return ApiToken.live().select_related("user").filter(digest=ApiToken.digest_of(token)).first()


def user_of_session(session_key: str) -> Any:
    """Return the active user who is signed in with this session, or ``None``.

    Like ``django.contrib.auth.get_user``, this checks the session hash: a changed password ends the session.
    """
    store = import_module(settings.SESSION_ENGINE).SessionStore(session_key)
    user_id = store.get(SESSION_KEY)
    if user_id is None or store.get(BACKEND_SESSION_KEY) not in settings.AUTHENTICATION_BACKENDS:
        return None
    model = get_user_model()
    user = model._default_manager.filter(pk=model._meta.pk.to_python(user_id), is_active=True).first()
    if user is None:
        return None
    stored = store.get(HASH_SESSION_KEY, "")
    hashes = [user.get_session_auth_hash(), *user.get_session_auth_fallback_hash()]
    return user if any(constant_time_compare(stored, valid) for valid in hashes) else None


def is_current(identity: Identity) -> bool:
    """Return whether the credentials still belong to the same active user."""
    if identity.share_id is not None:
        return Share.valid().filter(pk=identity.share_id).exists()
    if identity.token_id is not None:
        return ApiToken.live().filter(pk=identity.token_id).exists()
    user = None if identity.session_key is None else user_of_session(identity.session_key)
    return user is not None and user.pk == identity.user_id
