"""The official SDKs: one client per event loop, credential and address, over one HTTP pool per loop.

The only module beside ``wires`` that knows an SDK, and what it hands out are plain dicts. SDKs
are imported when they are first needed: together they take seconds. They never retry (a caller that
has shown half an answer must decide), never follow a redirect (they would take the key along) and
never wait for a free connection (a stream holds one for minutes).
"""

import asyncio
import json
import logging
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any, cast
from urllib.parse import quote

import httpx2

from providers import catalog, exchange
from providers.catalog import Target
from providers.redaction import remember
from providers.types import Json, Origin

logger = logging.getLogger("runnel.providers")

#: Idle connections that are kept for the next call, per loop.
_KEPT_CONNECTIONS = 100

#: Local servers (the emulator, Ollama, vLLM) are never behind the proxy that the environment names.
_LOCAL = {f"all://{host}": None for host in ("127.0.0.1", "localhost", "[::1]")}


@dataclass(frozen=True, kw_only=True, slots=True)
class _Sdk:
    """How one wire's SDK is made and asked for a stream."""

    module: str
    #: What the emulator's address continues with.
    base_path: str
    make: Callable[[httpx2.AsyncClient, str, str | None], Any]
    #: Returns once a successful answer's headers have come.
    post: Callable[[Any, Origin, Json], Awaitable[AsyncIterator[Any]]]


def _make_openai(http: httpx2.AsyncClient, api_key: str, base_url: str | None) -> Any:
    from openai import AsyncOpenAI

    return AsyncOpenAI(api_key=api_key, base_url=base_url, max_retries=0, http_client=http)


def _make_anthropic(http: httpx2.AsyncClient, api_key: str, base_url: str | None) -> Any:
    from anthropic import AsyncAnthropic

    return AsyncAnthropic(api_key=api_key, base_url=base_url, max_retries=0, http_client=http)


def _make_gemini(http: httpx2.AsyncClient, api_key: str, base_url: str | None) -> Any:
    from google.genai import Client
    from google.genai.types import HttpOptions

    # Without a client of ours it takes aiohttp where that is installed.
    options = HttpOptions(base_url=base_url, httpx_async_client=http)
    return Client(api_key=api_key, vertexai=False, http_options=options)


async def _post_openai(path: str, client: Any, body: Json) -> AsyncIterator[Any]:
    from openai import AsyncStream

    # The documented low-level call: everything but the models, which cost four times the rest.
    return cast(
        AsyncIterator[Any],
        await client.post(
            path, cast_to=object, body={**body, "stream": True}, stream=True, stream_cls=AsyncStream[object]
        ),
    )


async def _post_chat(client: Any, origin: Origin, body: Json) -> AsyncIterator[Any]:
    return await _post_openai("/chat/completions", client, body)


async def _post_responses(client: Any, origin: Origin, body: Json) -> AsyncIterator[Any]:
    return await _post_openai("/responses", client, body)


async def _post_anthropic(client: Any, origin: Origin, body: Json) -> AsyncIterator[Any]:
    from anthropic import AsyncStream

    return cast(
        AsyncIterator[Any],
        await client.post(
            "/v1/messages",
            cast_to=object,
            body={**body, "stream": True},
            stream=True,
            stream_cls=AsyncStream[object],
        ),
    )


async def _post_gemini(client: Any, origin: Origin, body: Json) -> AsyncIterator[Any]:
    # Private, and twice as fast as the models; tests/providers/test_clients.py pins how it behaves.
    stream = await client._api_client.async_request_streamed("post", gemini_path(origin.model), dict(body))
    return (json.loads(chunk.body) async for chunk in stream)


def gemini_path(model: str) -> str:
    """Return the path of ``model``'s stream; a plain name is one segment, whatever is in it."""
    is_resource = model.startswith(("models/", "tunedModels/"))
    name = quote(model, safe="/") if is_resource else f"models/{quote(model, safe='')}"
    return f"{name}:streamGenerateContent?alt=sse"


_SDKS = {
    "openai-chat": _Sdk(module="openai", base_path="/v1", make=_make_openai, post=_post_chat),
    "openai-responses": _Sdk(module="openai", base_path="/v1", make=_make_openai, post=_post_responses),
    "anthropic-messages": _Sdk(module="anthropic", base_path="", make=_make_anthropic, post=_post_anthropic),
    "gemini-generate": _Sdk(module="google.genai", base_path="", make=_make_gemini, post=_post_gemini),
}


class _LoopClients:
    """The HTTP pool of one event loop and the SDK clients over it."""

    def __init__(self) -> None:
        self.http = httpx2.AsyncClient(
            limits=httpx2.Limits(max_connections=None, max_keepalive_connections=_KEPT_CONNECTIONS),
            follow_redirects=False,
            mounts=_LOCAL,
            event_hooks={"request": [exchange.on_request], "response": [exchange.on_response]},
        )
        self._sdk_clients: dict[tuple[str, str, str | None], Any] = {}

    def sdk_client(self, sdk: _Sdk, api_key: str, base_url: str | None) -> Any:
        key = (sdk.module, api_key, base_url)
        if key not in self._sdk_clients:
            remember(api_key)
            self._sdk_clients[key] = sdk.make(self.http, api_key, base_url)
        return self._sdk_clients[key]


_loops: dict[asyncio.AbstractEventLoop, _LoopClients] = {}


def _of_this_loop() -> _LoopClients:
    loop = asyncio.get_running_loop()
    if loop not in _loops:
        # A pool is bound to its loop; what belongs to a closed one can only be dropped.
        for closed in [other for other in _loops if other.is_closed()]:
            del _loops[closed]
        _loops[loop] = _LoopClients()
    return _loops[loop]


async def open_stream(target: Target, body: Json) -> AsyncIterator[Any]:
    """Send ``body`` to ``target``; return its decoded events once a successful answer has begun.

    Raises:
        Exception: whatever the SDK or httpx2 raises, here and from the iterator;
            ``providers.failures.from_exception`` knows what it means.
    """
    sdk = _SDKS[target.origin.wire]
    await _load(sdk)
    client = _of_this_loop().sdk_client(sdk, target.api_key, await _base_url(target, sdk))
    return await sdk.post(client, target.origin, body)


async def _load(sdk: _Sdk) -> None:
    """Import the SDK where it does not stop the loop for as long as that takes."""
    if sdk.module not in sys.modules:
        await asyncio.to_thread(import_module, sdk.module)


async def _base_url(target: Target, sdk: _Sdk) -> str | None:
    if not target.emulated:
        return target.base_url
    from providers import emulator

    return (await emulator.shared()).origin + sdk.base_path


def preload() -> None:
    """Import every SDK now: seconds that a starting server has while it makes its database ready."""
    for module in {sdk.module for sdk in _SDKS.values()}:
        import_module(module)


async def warm_up() -> None:
    """Pay once, before anyone waits, what the first stream of every provider in use would pay.

    That is the imports, the clients, the certificate store and what SDKs build lazily; nothing is sent.
    """
    for target in catalog.targets_in_use():
        try:
            await _warm(target)
        except Exception:
            # A mistake in one provider's configuration is told to whoever calls that provider.
            logger.exception("The provider %s could not be warmed up.", target.origin.provider)


async def _warm(target: Target) -> None:
    sdk = _SDKS[target.origin.wire]
    await _load(sdk)
    clients = _of_this_loop()
    if not target.emulated:
        clients.sdk_client(sdk, target.api_key, target.base_url)
    async with httpx2.AsyncClient(transport=httpx2.MockTransport(_first_event)) as http:
        client = sdk.make(http, "warm-up", "http://127.0.0.1")
        async for _ in await sdk.post(client, target.origin, {}):
            pass


def _first_event(request: httpx2.Request) -> httpx2.Response:
    # Without a name: google-genai reads nothing but data.
    body = b"data: {}\n\n"
    return httpx2.Response(200, headers={"content-type": "text/event-stream"}, content=body)


async def close_all() -> None:
    """Close the running loop's clients; the next call makes new ones."""
    clients = _loops.pop(asyncio.get_running_loop(), None)
    if clients is not None:
        await clients.http.aclose()
