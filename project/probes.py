"""``/healthz``, ``/readyz`` and ``/metrics``, for those who operate the server.

They are answered before Django looks at the request: a load balancer asks by address, without TLS, and also while
the database is away.
"""

import asyncio
import hmac
import ipaddress
import re
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from typing import Any

import orjson
from django.conf import settings
from health_check.exceptions import ServiceWarning

from concurrency.per_loop import PerLoop
from concurrency.tasks import spawn
from project.checks import CHECKS
from runs.http import metrics

type Application = Callable[[Any, Any, Any], Awaitable[None]]
type Answer = tuple[HTTPStatus, str, bytes]

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


class _Readiness:
    """Looks at all checks, for all who ask at the same time once."""

    def __init__(self) -> None:
        self._looking: asyncio.Task[Answer] | None = None
        self._found_at = 0.0
        # A thread of its own: a database that hangs holds it, and nobody else's.
        self._threads = ThreadPoolExecutor(len(CHECKS), thread_name_prefix="runnel-ready")

    async def answer(self) -> Answer:
        """Return what was found within the last second, or is found now."""
        loop = asyncio.get_running_loop()
        is_stale = (
            self._looking is not None and self._looking.done() and loop.time() - self._found_at > _FRESH
        )
        if self._looking is None or is_stale:
            self._looking = spawn(self._look(), name="readiness", is_shared=True)
        return await asyncio.shield(self._looking)

    async def _look(self) -> Answer:
        results = await asyncio.gather(*(check().get_result(self._threads) for check in CHECKS))
        self._found_at = asyncio.get_running_loop().time()
        failures = [
            result for result in results if result.error and not isinstance(result.error, ServiceWarning)
        ]
        body = {
            "status": "not ready" if failures else "ready",
            "checks": {
                check.name: result.error.message if result.error else "ok"
                for check, result in zip(CHECKS, results, strict=True)
            },
        }
        status = HTTPStatus.SERVICE_UNAVAILABLE if failures else HTTPStatus.OK
        return status, _JSON, orjson.dumps(body, option=orjson.OPT_APPEND_NEWLINE)


_readiness = PerLoop(_Readiness)


async def _health(scope: Mapping[str, Any]) -> Answer:
    return HTTPStatus.OK, _TEXT, b"ok\n"


async def _ready(scope: Mapping[str, Any]) -> Answer:
    return await _readiness.get().answer()


async def _metrics(scope: Mapping[str, Any]) -> Answer:
    if not may_read_metrics(scope):
        return HTTPStatus.NOT_FOUND, _TEXT, b"There is nothing here.\n"
    content_type, body = await metrics.exposition()
    return HTTPStatus.OK, content_type, body


PROBES = {"/healthz": _health, "/readyz": _ready, "/metrics": _metrics}


def may_read_metrics(scope: Mapping[str, Any]) -> bool:
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


def answer_probes(application: Application) -> Application:
    """Answer the probes, and pass all other requests to ``application``."""

    async def wrapped(scope: Any, receive: Any, send: Any) -> None:
        answer = PROBES.get(scope["path"])
        if answer is None:
            await application(scope, receive, send)
            return
        if scope["method"] in {"GET", "HEAD"}:
            status, content_type, body = await answer(scope)
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
        raw = [(name.encode(), value.encode()) for name, value in headers.items()]
        await send({"type": "http.response.start", "status": status.value, "headers": raw})
        await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})

    return wrapped
