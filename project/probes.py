"""``/healthz``, ``/readyz`` and ``/metrics``, for those who operate the server.

They are answered before Django looks at the request: a load balancer asks by address, without TLS, and also while
the database is away.
"""

import asyncio
import hmac
import ipaddress
import re
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qs

import orjson
from django.conf import settings
from health_check.exceptions import ServiceWarning

from concurrency.per_loop import PerLoop
from concurrency.tasks import spawn
from project.application import Application
from project.checks import CHECKS
from runs.http import metrics

type Answer = tuple[HTTPStatus, str, bytes]
type Scope = Mapping[str, Any]

_TEXT = "text/plain; charset=utf-8"
_JSON = "application/json"
#: Seconds for which what was found is told to others: strangers may ask as often as they like.
_FRESH = 1.0
#: Headers of a proxy: a request that has one comes from elsewhere, whatever its last hop is.
_FORWARDED = (
    b"forwarded",
    b"x-forwarded-for",
    b"x-forwarded-proto",
    b"x-forwarded-host",
    b"via",
    b"x-real-ip",
)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Found:
    """What a check has found: a sentence, or ``ok``."""

    message: str
    is_failure: bool


class _Readiness:
    """Looks at all checks, for all who ask at the same time once."""

    def __init__(self) -> None:
        self._looking: asyncio.Task[dict[str, _Found]] | None = None
        self._found_at = 0.0
        # A thread of its own: a database that hangs holds it, and nobody else's.
        self._threads = ThreadPoolExecutor(len(CHECKS), thread_name_prefix="runnel-ready")

    async def found(self) -> dict[str, _Found]:
        """Return what each check found within the last second, or finds now."""
        loop = asyncio.get_running_loop()
        is_stale = (
            self._looking is not None and self._looking.done() and loop.time() - self._found_at > _FRESH
        )
        if self._looking is None or is_stale:
            self._looking = spawn(self._look(), name="readiness", is_shared=True)
        return await asyncio.shield(self._looking)

    async def _look(self) -> dict[str, _Found]:
        results = await asyncio.gather(*(check().get_result(self._threads) for check in CHECKS))
        self._found_at = asyncio.get_running_loop().time()
        return {
            check.name: _Found(
                message=result.error.message if result.error else "ok",
                is_failure=bool(result.error) and not isinstance(result.error, ServiceWarning),
            )
            for check, result in zip(CHECKS, results, strict=True)
        }


_readiness = PerLoop(_Readiness)


async def _health(scope: Scope) -> Answer:
    return HTTPStatus.OK, _TEXT, b"ok\n"


async def _ready(scope: Scope) -> Answer:
    """Answer 503 while a check fails that ``?exclude=`` does not name: it may come several times."""
    excluded = set(parse_qs(scope.get("query_string", b"").decode("latin-1")).get("exclude", ()))
    names = [check.name for check in CHECKS]
    if not excluded <= set(names):
        sentence = f"There is no such check to exclude. There are: {', '.join(names)}.\n"
        return HTTPStatus.BAD_REQUEST, _TEXT, sentence.encode()
    found = await _readiness.get().found()
    is_ready = not any(each.is_failure for name, each in found.items() if name not in excluded)
    body = {
        "status": "ready" if is_ready else "not ready",
        "checks": {name: each.message for name, each in found.items()},
    }
    status = HTTPStatus.OK if is_ready else HTTPStatus.SERVICE_UNAVAILABLE
    return status, _JSON, orjson.dumps(body, option=orjson.OPT_APPEND_NEWLINE)


async def _metrics(scope: Scope) -> Answer:
    if not may_read_metrics(scope):
        return HTTPStatus.NOT_FOUND, _TEXT, b"There is nothing here.\n"
    content_type, body = await metrics.exposition()
    return HTTPStatus.OK, content_type, body


PROBES = {"/healthz": _health, "/readyz": _ready, "/metrics": _metrics}


def may_read_metrics(scope: Scope) -> bool:
    """Return whether a request comes with the token, or, where none is set, from this machine by a local name."""
    headers = dict(scope["headers"])
    if settings.RUNNEL_METRICS_TOKEN:
        expected = f"Bearer {settings.RUNNEL_METRICS_TOKEN}".encode()
        return hmac.compare_digest(headers.get(b"authorization", b""), expected)
    peer = (scope.get("client") or ("",))[0]
    # A page whose name leads to this machine would name itself in Host.
    host = re.sub(r":\d+$", "", headers.get(b"host", b"").decode("latin-1")).strip("[]")
    is_proxied = any(name in headers for name in _FORWARDED)
    return not is_proxied and _is_loopback(peer) and (host == "localhost" or _is_loopback(host))


def _is_loopback(address: str) -> bool:
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return False
    mapped = found.ipv4_mapped if isinstance(found, ipaddress.IPv6Address) else None
    return (mapped or found).is_loopback


async def answer(scope: Scope) -> tuple[HTTPStatus, dict[str, str], bytes]:
    """Return status, headers and body of the answer to a request; 404 for what is no probe."""
    probe = PROBES.get(scope["path"])
    if probe is None:
        status, content_type, body = HTTPStatus.NOT_FOUND, _TEXT, b"There is nothing here.\n"
    elif scope["method"] in {"GET", "HEAD"}:
        status, content_type, body = await probe(scope)
    else:
        status, content_type, body = HTTPStatus.METHOD_NOT_ALLOWED, _TEXT, b"Use GET.\n"
    headers = {
        "allow": "GET, HEAD",
        "cache-control": "no-store",
        "content-length": str(len(body)),
        "content-security-policy": "default-src 'none'",
        "content-type": content_type,
        "x-content-type-options": "nosniff",
    }
    return status, headers, b"" if scope["method"] == "HEAD" else body


def answer_probes(application: Application) -> Application:
    """Answer the probes, and pass all other requests to ``application``."""

    async def wrapped(scope: Any, receive: Any, send: Any) -> None:
        if scope["path"] not in PROBES:
            await application(scope, receive, send)
            return
        status, headers, body = await answer(scope)
        raw = [(name.encode(), value.encode()) for name, value in headers.items()]
        await send({"type": "http.response.start", "status": status.value, "headers": raw})
        await send({"type": "http.response.body", "body": body})

    return wrapped
