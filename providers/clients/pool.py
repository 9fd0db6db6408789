"""The HTTP pools and SDK clients of each event loop: one client per credential and address, over two pools.

Providers of the environment share an open pool. Providers from the admin have a guarded pool, which connects
to checked addresses only (``providers.security.pinned``). Neither follows a redirect, because the request
would take the key along, and neither waits for a free connection, because a stream holds one for minutes.
"""

import asyncio
from contextlib import suppress
from functools import cache as cached
from typing import Any
from urllib.request import getproxies

import httpx2
from django.conf import settings

from concurrency.per_loop import PerLoop
from providers import catalog
from providers.catalog import Target, cache
from providers.clients import exchange
from providers.clients.sdk_table import SDKS, name_of_sdk
from providers.network.streams import AsyncioBackend
from providers.network.transport import Transport
from providers.security.pinned import PinnedTransport
from providers.security.redaction import remember

#: Idle connections that are kept for the next call, per loop.
_KEPT_CONNECTIONS = 100
#: Seconds between two looks for connections that were idle for too long.
_INTERVAL = 5.0

#: Local servers (the emulator, Ollama, vLLM) are never behind the proxy that the environment names.
_LOCAL = tuple(f"all://{host}" for host in ("127.0.0.1", "localhost", "[::1]"))

_HOOKS: Any = {"request": [exchange.on_request], "response": [exchange.on_response]}

#: Whom to trust, read once: it takes a tenth of a second.
_trusted = cached(httpx2.create_ssl_context)


def _open_pool(direct: Transport, limits: httpx2.Limits) -> httpx2.AsyncClient:
    """Return the pool for providers of the environment. It uses the environment's proxies."""
    # httpx2 prefers a proxy of one scheme to this; one for all schemes would have the same pattern.
    patterns = _LOCAL if "all" in getproxies() else (*_LOCAL, "all://")
    return httpx2.AsyncClient(
        verify=_trusted(),
        limits=limits,
        follow_redirects=False,
        mounts=dict.fromkeys(patterns, direct),
        event_hooks=_HOOKS,
    )


def _guarded_pool(transport: Transport) -> httpx2.AsyncClient:
    """Return the pool for providers from the admin. It takes nothing from the environment."""
    return httpx2.AsyncClient(
        transport=transport, trust_env=False, follow_redirects=False, event_hooks=_HOOKS
    )


class _LoopClients:
    """The HTTP pools of one event loop and the SDK clients over them."""

    def __init__(self) -> None:
        limits = httpx2.Limits(max_connections=None, max_keepalive_connections=_KEPT_CONNECTIONS)
        direct = Transport(AsyncioBackend(), limits=limits, ssl_context=_trusted())
        pinned = PinnedTransport(
            limits=limits,
            allow_loopback=lambda: settings.RUNNEL_ALLOW_LOOPBACK_PROVIDERS,
            ssl_context=_trusted(),
        )
        self._transports = (direct, pinned)
        self.http, self.guarded = _open_pool(direct, limits), _guarded_pool(pinned)
        self._sdk_clients: dict[tuple[object, ...], Any] = {}

    def sdk_client(self, target: Target, base_url: str | None) -> Any:
        sdk = name_of_sdk(target)
        who = (target.is_guarded, target.api_key, base_url)
        key = (who, sdk, target.headers, target.project, target.region)
        if key not in self._sdk_clients:
            remember(target.api_key)
            http = self.guarded if target.is_guarded else self.http
            self._sdk_clients[key] = SDKS[sdk].make(http, target, base_url)
        return self._sdk_clients[key]

    def forget(self, target: Target) -> None:
        """Drop the clients that hold the key of ``target``. Running streams keep theirs."""
        who = (target.is_guarded, target.api_key, target.base_url)
        for key in [key for key in self._sdk_clients if key[0] == who]:
            del self._sdk_clients[key]

    async def close_expired(self) -> None:
        for transport in self._transports:
            await transport.close_expired()

    async def close(self) -> None:
        await self.http.aclose()
        await self.guarded.aclose()


of_this_loop = PerLoop(_LoopClients)


def connect() -> None:
    """Drop a provider's clients when its row is retired. Called once, when Django is set up."""
    cache.retired.connect(_retired, dispatch_uid="providers")


def _retired(row: cache.CachedProvider, **kwargs: Any) -> None:
    if row.problem is None:
        forget(catalog.target_of(row, "any"))


def forget(target: Target) -> None:
    """Drop every client that holds the key of ``target``, on all loops; from any thread."""
    for loop, clients in of_this_loop.running():
        # A loop that has closed meanwhile takes its clients along.
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(clients.forget, target)


async def keep_few() -> None:
    """Close connections that nobody has used for some seconds, until the task is cancelled."""
    while True:
        await asyncio.sleep(_INTERVAL)
        await of_this_loop.get().close_expired()


async def close_all() -> None:
    """Close the running loop's pools; the next call makes new ones."""
    clients = of_this_loop.pop()
    if clients is not None:
        await clients.close()
