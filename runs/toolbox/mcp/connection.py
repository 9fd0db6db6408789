"""Opens the connection to an MCP server: a process of this machine, or a checked address.

Whoever enters a connection must leave it in the same task, and never be cancelled by ``Task.cancel``: the
library shields what ends the process only from its own scopes.
"""

import asyncio
import os
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from functools import cache
from importlib import import_module
from ssl import SSLContext
from typing import TYPE_CHECKING, Any, Self

import httpx2

from providers.security.pinned import PinnedTransport
from providers.security.redaction import redact_text
from providers.text import clean
from runs.toolbox.mcp.target import McpEndpoint, may_be_here

if TYPE_CHECKING:
    from mcp import Client

#: Seconds for a TCP connection, and for sending. An answer has as long as its call has.
_HTTP_TIMEOUT = httpx2.Timeout(10.0, read=None)
#: Bytes of one answer over HTTP. A model is shown a small part of that.
_LONGEST_ANSWER = 32 * 1024 * 1024
#: Bytes of what a server says beside the protocol that are kept.
_LONGEST_ASIDE = 4_096

#: Whom to trust, read once: it takes a tenth of a second.
_trusted: Callable[[], SSLContext] = cache(httpx2.create_ssl_context)


class Aside:
    """The end of what a server says beside the protocol: on its standard error, by an HTTP status."""

    def __init__(self) -> None:
        self._pieces: deque[bytes] = deque()
        self._size = 0

    def add(self, piece: bytes) -> None:
        """Keep ``piece``, and forget the oldest ones."""
        self._pieces.append(piece)
        self._size += len(piece)
        while self._size - len(self._pieces[0]) >= _LONGEST_ASIDE:
            self._size -= len(self._pieces.popleft())

    @property
    def tail(self) -> str:
        """What was kept, without credentials."""
        text = b"".join(self._pieces)[-_LONGEST_ASIDE:].decode(errors="replace").strip()
        return clean(redact_text(text))


async def load() -> Any:
    """Return the library, imported off the loop: everybody's events would wait for it."""
    return await asyncio.to_thread(import_module, "mcp")


@asynccontextmanager
async def connect(
    target: McpEndpoint, *, on_end: Callable[[], None], aside: Aside
) -> AsyncIterator["Client"]:
    """Open a connection to ``target`` and close it again, with the process behind it.

    Args:
        target: which server.
        on_end: called when the server has ended the connection.
        aside: takes what the server says beside the protocol.
    """
    mcp = await load()
    async with AsyncExitStack() as stack:
        if target.command:
            transport = _process(target, aside)
        else:
            transport = await _http(target, aside, stack)
        yield await stack.enter_async_context(mcp.Client(_watched(transport, on_end), cache=None))


@asynccontextmanager
async def _process(target: McpEndpoint, aside: Aside) -> AsyncIterator[Any]:
    """Start the program, with a few harmless variables of ours (``HOME``, ``PATH``, …) and its own."""
    from mcp.client.stdio import StdioServerParameters, stdio_client

    command, *arguments = target.command
    server = StdioServerParameters(command=command, args=arguments, env=dict(target.secrets))
    async with _listening(aside) as writable:
        with os.fdopen(writable, "w") as errors:
            starting = stdio_client(server, errlog=errors)
            streams = await starting.__aenter__()
        # From here on the process alone can write there.
        async with AsyncExitStack() as stack:
            stack.push_async_exit(starting)
            yield streams


@asynccontextmanager
async def _listening(aside: Aside) -> AsyncIterator[int]:
    """Read a pipe into ``aside``; yield its other end."""
    readable, writable = os.pipe()
    reading, _ = await asyncio.get_running_loop().connect_read_pipe(
        lambda: _Reader(aside), os.fdopen(readable, "rb", buffering=0)
    )
    try:
        yield writable
    finally:
        # Children of the process may hold the other end for ever.
        reading.close()


class _Reader(asyncio.Protocol):
    def __init__(self, aside: Aside) -> None:
        self._aside = aside

    def data_received(self, data: bytes) -> None:
        self._aside.add(data)


async def _http(target: McpEndpoint, aside: Aside, stack: AsyncExitStack) -> Any:
    from mcp.client.streamable_http import streamable_http_client

    async def note(response: httpx2.Response) -> None:
        if response.is_error:
            aside.add(f"HTTP status {response.status_code}\n".encode())

    transport = _Bounded(
        limits=httpx2.Limits(max_connections=None, max_keepalive_connections=4),
        allow_loopback=may_be_here,
        ssl_context=await asyncio.to_thread(_trusted),
    )
    client = httpx2.AsyncClient(
        transport=transport,
        headers={**dict(target.secrets), "accept-encoding": "identity"},
        timeout=_HTTP_TIMEOUT,
        trust_env=False,
        follow_redirects=False,
        event_hooks={"response": [note]},
    )
    await stack.enter_async_context(client)
    return streamable_http_client(target.url, http_client=client, max_sse_event_size=_LONGEST_ANSWER)


class _Bounded(PinnedTransport):
    """Connects to checked addresses only, and reads no answer without an end."""

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send the request; what its answer unpacks to could not be bounded, so it must not be packed."""
        response = await super().handle_async_request(request)
        if response.headers.get("content-encoding", "identity").lower() != "identity":
            await response.aclose()
            raise httpx2.DecodingError("the answer is compressed, which was not asked for", request=request)
        response.stream = _Measured(response.stream)
        return response


class _Measured(httpx2.AsyncByteStream):
    def __init__(self, stream: Any) -> None:
        self._stream = stream

    async def __aiter__(self) -> AsyncIterator[bytes]:
        read = 0
        async for piece in self._stream:
            read += len(piece)
            if read > _LONGEST_ANSWER:
                raise httpx2.ReadError(f"the answer is longer than {_LONGEST_ANSWER} bytes")
            yield piece

    async def aclose(self) -> None:
        await self._stream.aclose()


@asynccontextmanager
async def _watched(transport: Any, on_end: Callable[[], None]) -> AsyncIterator[Any]:
    async with transport as (reading, writing):
        yield _Watched(reading, on_end), writing


class _Watched:
    """A stream that tells when there is nothing more to read."""

    def __init__(self, stream: Any, on_end: Callable[[], None]) -> None:
        self._stream = stream
        self._on_end = on_end

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    async def __aenter__(self) -> Self:
        await self._stream.__aenter__()
        return self

    async def __aexit__(self, *failure: object) -> Any:
        return await self._stream.__aexit__(*failure)

    def __aiter__(self) -> "_Watched":
        return self

    async def __anext__(self) -> Any:
        try:
            return await self._stream.__anext__()
        except StopAsyncIteration:
            self._on_end()
            raise
