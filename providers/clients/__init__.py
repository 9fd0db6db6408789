"""The official SDKs: one client per event loop, credential and address, over two HTTP pools per loop.

The only package beside ``wires`` that knows an SDK: a module for each, and what they hand out are plain
dicts. SDKs are imported when they are first needed: together they take seconds. They never retry (a
caller that has shown half an answer must decide), never follow a redirect (they would take the key along)
and never wait for a free connection (a stream holds one for minutes). Providers from the admin have a pool of
their own, which connects to checked addresses only (``pinned``).
"""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import replace
from functools import cache as remembered
from importlib import import_module
from typing import Any

import httpx2
from django.conf import settings

from concurrency.per_loop import PerLoop
from providers import catalog, emulation
from providers.catalog import Target, cache
from providers.clients import anthropic_sdk, credentials, exchange, gemini_sdk, openai_sdk
from providers.clients.sdk import Sdk, WireCalls
from providers.security.pinned import PinnedTransport
from providers.security.redaction import remember
from providers.types import Json

logger = logging.getLogger("runnel.providers")

#: Idle connections that are kept for the next call, per loop.
_KEPT_CONNECTIONS = 100

#: Local servers (the emulator, Ollama, vLLM) are never behind the proxy that the environment names.
_LOCAL = {f"all://{host}": None for host in ("127.0.0.1", "localhost", "[::1]")}

_HOOKS: Any = {"request": [exchange.on_request], "response": [exchange.on_response]}

_SDKS = {
    "openai": Sdk(module="openai", make=openai_sdk.make, models=openai_sdk.models),
    "azure": Sdk(module="openai", make=openai_sdk.make_azure, models=openai_sdk.models),
    "anthropic": Sdk(module="anthropic", make=anthropic_sdk.make, models=anthropic_sdk.models),
    "bedrock": Sdk(
        module="anthropic",
        make=anthropic_sdk.make_bedrock,
        prepare=anthropic_sdk.prepare_bedrock,
        models=anthropic_sdk.models,
    ),
    "bedrock-runtime": Sdk(
        module="anthropic",
        make=anthropic_sdk.make_bedrock_runtime,
        prepare=anthropic_sdk.prepare_bedrock_runtime,
        models=anthropic_sdk.models,
    ),
    "vertex-anthropic": Sdk(
        module="anthropic",
        make=anthropic_sdk.make_vertex,
        prepare=anthropic_sdk.prepare_vertex,
        models=anthropic_sdk.models,
    ),
    "gemini": Sdk(module="google.genai", make=gemini_sdk.make, models=gemini_sdk.models),
    "vertex": Sdk(
        module="google.genai",
        make=gemini_sdk.make_vertex,
        prepare=gemini_sdk.prepare_vertex,
        models=gemini_sdk.models,
    ),
}

_WIRE_CALLS = {
    "openai-chat": WireCalls(sdk="openai", base_path="/v1", post=openai_sdk.post_chat),
    "openai-responses": WireCalls(
        sdk="openai", base_path="/v1", post=openai_sdk.post_responses, count=openai_sdk.count_responses
    ),
    "anthropic-messages": WireCalls(
        sdk="anthropic", base_path="", post=anthropic_sdk.post, count=anthropic_sdk.count
    ),
    "gemini-generate": WireCalls(sdk="gemini", base_path="", post=gemini_sdk.post, count=gemini_sdk.count),
}


#: Whom to trust, read once: it takes a tenth of a second.
_trusted = remembered(httpx2.create_ssl_context)


def _open_pool(limits: httpx2.Limits) -> httpx2.AsyncClient:
    """Return the HTTP pool for providers from the environment. It uses the environment's proxies."""
    return httpx2.AsyncClient(
        verify=_trusted(), limits=limits, follow_redirects=False, mounts=_LOCAL, event_hooks=_HOOKS
    )


def _guarded_pool(limits: httpx2.Limits) -> httpx2.AsyncClient:
    """Return the HTTP pool for providers from the admin: checked addresses only, no proxies."""
    transport = PinnedTransport(
        limits=limits,
        allow_loopback=lambda: settings.RUNNEL_ALLOW_LOOPBACK_PROVIDERS,
        ssl_context=_trusted(),
    )
    return httpx2.AsyncClient(
        transport=transport, trust_env=False, follow_redirects=False, event_hooks=_HOOKS
    )


class _LoopClients:
    """The HTTP pools of one event loop and the SDK clients over them."""

    def __init__(self) -> None:
        limits = httpx2.Limits(max_connections=None, max_keepalive_connections=_KEPT_CONNECTIONS)
        self.http, self.guarded = _open_pool(limits), _guarded_pool(limits)
        self._sdk_clients: dict[tuple[object, ...], Any] = {}

    def sdk_client(self, target: Target, base_url: str | None) -> Any:
        sdk = _name_of_sdk(target)
        who = (target.is_guarded, target.api_key, base_url)
        key = (who, sdk, target.headers, target.project, target.region)
        if key not in self._sdk_clients:
            remember(target.api_key)
            http = self.guarded if target.is_guarded else self.http
            self._sdk_clients[key] = _SDKS[sdk].make(http, target, base_url)
        return self._sdk_clients[key]

    def forget(self, target: Target) -> None:
        """Drop the clients that hold the key of ``target``. Running streams keep theirs."""
        who = (target.is_guarded, target.api_key, target.base_url)
        for key in [key for key in self._sdk_clients if key[0] == who]:
            del self._sdk_clients[key]

    async def close(self) -> None:
        await self.http.aclose()
        await self.guarded.aclose()


_of_this_loop = PerLoop(_LoopClients)


def connect() -> None:
    """Drop the clients that hold a key whenever its provider changes. Called once, when Django is set up."""
    cache.retired.connect(_retired, dispatch_uid="providers")


def _retired(row: cache.CachedProvider, **kwargs: Any) -> None:
    if row.problem is None:
        forget(catalog.target_of(row, "any"))


def forget(target: Target) -> None:
    """Drop all clients for ``target``, on all event loops. Callable from any thread."""
    for loop, clients in _of_this_loop.running():
        # A loop that has closed meanwhile takes its clients along.
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(clients.forget, target)


async def open_stream(target: Target, body: Json) -> AsyncIterator[Any]:
    """Send ``body`` to ``target``; return its decoded events once a successful answer has begun.

    Raises:
        Exception: whatever the SDK or httpx2 raises, here and from the iterator;
            ``providers.errors.translation.from_exception`` knows what it means.
    """
    await _load(target)
    try:
        client = _of_this_loop.get().sdk_client(target, await _base_url(target))
        return await _WIRE_CALLS[target.origin.wire].post(client, target, body)
    except Exception as exc:
        error = credentials.explain(exc)
        if error is None:
            raise
    # Out here, so that it does not drag along what may hold a secret.
    raise error


async def count_input(target: Target, body: Json) -> object:
    """Return the provider's count of input tokens in ``body``, as reported; ``None`` if it cannot count.

    Sets no limit to its time.

    Raises:
        Exception: as ``open_stream`` does.
    """
    if (count := _WIRE_CALLS[target.origin.wire].count) is None:
        return None
    await _load(target)
    return await count(_of_this_loop.get().sdk_client(target, await _base_url(target)), target, body)


async def list_models(target: Target) -> tuple[str, ...]:
    """Return the model names that ``target``'s provider reports. Has no time limit of its own.

    Raises:
        Exception: as ``open_stream`` does.
    """
    await _load(target)
    sdk = _SDKS[_name_of_sdk(target)]
    return await sdk.models(_of_this_loop.get().sdk_client(target, await _base_url(target)), target)


def _name_of_sdk(target: Target) -> str:
    return target.sdk or _WIRE_CALLS[target.origin.wire].sdk


#: The SDKs that are loaded, by their names in ``_SDKS``.
_loaded: set[str] = set()


async def _load(target: Target) -> None:
    """Import the SDK on a thread, so that the event loop does not wait."""
    if (name := _name_of_sdk(target)) not in _loaded:
        await asyncio.to_thread(_load_now, name)


def _load_now(name: str) -> None:
    import_module(_SDKS[name].module)
    _SDKS[name].prepare()
    _loaded.add(name)


async def _base_url(target: Target) -> str | None:
    if not target.emulated:
        return target.base_url
    return await emulation.upstream().origin() + _WIRE_CALLS[target.origin.wire].base_path


async def warm_up() -> None:
    """Do the work in advance that the first stream of each configured provider would do.

    That is the imports, the clients, the certificate store and what SDKs build lazily; nothing is sent.
    """
    for target in catalog.targets_in_use():
        try:
            await _warm(target)
        except Exception:
            # A mistake in one provider's configuration is told to whoever calls that provider.
            logger.exception("The provider %s could not be warmed up.", target.origin.provider)


async def _warm(target: Target) -> None:
    await _load(target)
    if not target.emulated:
        _of_this_loop.get().sdk_client(target, target.base_url)
    if not target.api_key:
        # A request would ask the cloud for credentials.
        return
    sdk, calls = _SDKS[_name_of_sdk(target)], _WIRE_CALLS[target.origin.wire]
    async with httpx2.AsyncClient(transport=httpx2.MockTransport(_first_event)) as http:
        mute = replace(target, api_key="warm-up", headers=())
        async for _ in await calls.post(sdk.make(http, mute, "http://127.0.0.1"), mute, {}):
            pass


def _first_event(request: httpx2.Request) -> httpx2.Response:
    # Without a name: google-genai reads nothing but data.
    body = b"data: {}\n\n"
    return httpx2.Response(200, headers={"content-type": "text/event-stream"}, content=body)


async def close_all() -> None:
    """Close the running loop's clients; the next call makes new ones."""
    clients = _of_this_loop.pop()
    if clients is not None:
        await clients.close()
