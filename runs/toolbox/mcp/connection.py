"""Opens the connection to an MCP server: a process on this machine, or a checked address.

The task that enters a connection must also leave it, and must not be cancelled by ``Task.cancel``: the
library protects the end of the process from cancels by its own scopes only.
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
from runs.toolbox.mcp.target import McpEndpoint, is_loopback_allowed

if TYPE_CHECKING:
    from mcp import Client

#: Seconds to connect and to send. Reading has no limit here, because each call has its own.
_HTTP_TIMEOUT = httpx2.Timeout(10.0, read=None)
#: Bytes of one answer over HTTP. A model reads only a small part of a long one.
_LONGEST_ANSWER = 32 * 1024 * 1024
#: Bytes that are kept of a server's messages outside the protocol.
_LONGEST_DIAGNOSTICS = 4_096

#: Returns the TLS settings with the trusted certificates. Cached, because loading takes 0.1 s.
_ssl_context: Callable[[], SSLContext] = cache(httpx2.create_ssl_context)


class Diagnostics:
    """The newest messages of a server outside the protocol: its standard error, or HTTP error statuses."""

    def __init__(self) -> None:
        self._pieces: deque[bytes] = deque()
        self._size = 0

    def add(self, piece: bytes) -> None:
        """Add ``piece``, and remove old pieces above ``_LONGEST_DIAGNOSTICS`` bytes."""
        self._pieces.append(piece)
        self._size += len(piece)
        while self._size - len(self._pieces[0]) >= _LONGEST_DIAGNOSTICS:
            self._size -= len(self._pieces.popleft())

    @property
    def tail(self) -> str:
        """The kept text, with credentials redacted."""
        text = b"".join(self._pieces)[-_LONGEST_DIAGNOSTICS:].decode(errors="replace").strip()
        return clean(redact_text(text))


async def load() -> Any:
    """Return the library ``mcp``, imported on a thread, because the import would block the event loop."""
    return await asyncio.to_thread(import_module, "mcp")


@asynccontextmanager
async def connect(
    target: McpEndpoint, *, on_end: Callable[[], None], diagnostics: Diagnostics
) -> AsyncIterator["Client"]:
    """Open a connection to ``target``; close it on exit, and end the server's process if it has one.

    Args:
        target: the server.
        on_end: called when the server has ended the connection.
        diagnostics: collects the server's messages outside the protocol.

    Raises:
        Exception: the library could not connect, or the server broke the protocol; ``errors.sentence``
            words the exception.
    """
    mcp = await load()
    async with AsyncExitStack() as stack:
        if target.command:
            transport = _process(target, diagnostics)
        else:
            transport = await _http(target, diagnostics, stack)
        yield await stack.enter_async_context(mcp.Client(_with_end_callback(transport, on_end), cache=None))


@asynccontextmanager
async def _process(target: McpEndpoint, diagnostics: Diagnostics) -> AsyncIterator[Any]:
    """Start the program with its own environment variables and a few harmless ones of this process.

    The library chooses the latter (``HOME``, ``PATH`` and the like).
    """
    from mcp.client.stdio import StdioServerParameters, stdio_client

    command, *arguments = target.command
    server = StdioServerParameters(command=command, args=arguments, env=dict(target.secrets))
    async with _pipe_into(diagnostics) as writable:
        with os.fdopen(writable, "w") as errors:
            starting = stdio_client(server, errlog=errors)
            streams = await starting.__aenter__()
        # Our copy of the pipe's writing end is closed now; only the process can write to it.
        async with AsyncExitStack() as stack:
            stack.push_async_exit(starting)
            yield streams


@asynccontextmanager
async def _pipe_into(diagnostics: Diagnostics) -> AsyncIterator[int]:
    """Open a pipe whose content is added to ``diagnostics``; yield the descriptor of its writing end."""
    readable, writable = os.pipe()
    reading, _ = await asyncio.get_running_loop().connect_read_pipe(
        lambda: _Reader(diagnostics), os.fdopen(readable, "rb", buffering=0)
    )
    try:
        yield writable
    finally:
        # Closed here, because children of the process may keep the writing end open for ever.
        reading.close()


class _Reader(asyncio.Protocol):
    def __init__(self, diagnostics: Diagnostics) -> None:
        self._diagnostics = diagnostics

    def data_received(self, data: bytes) -> None:
        self._diagnostics.add(data)


async def _http(target: McpEndpoint, diagnostics: Diagnostics, stack: AsyncExitStack) -> Any:
    from mcp.client.streamable_http import streamable_http_client

    async def record_error_status(response: httpx2.Response) -> None:
        if response.is_error:
            diagnostics.add(f"HTTP status {response.status_code}\n".encode())

    transport = _LimitedTransport(
        limits=httpx2.Limits(max_connections=None, max_keepalive_connections=4),
        allow_loopback=is_loopback_allowed,
        ssl_context=await asyncio.to_thread(_ssl_context),
    )
    client = httpx2.AsyncClient(
        transport=transport,
        headers={**dict(target.secrets), "accept-encoding": "identity"},
        timeout=_HTTP_TIMEOUT,
        trust_env=False,
        follow_redirects=False,
        event_hooks={"response": [record_error_status]},
    )
    await stack.enter_async_context(client)
    return streamable_http_client(target.url, http_client=client, max_sse_event_size=_LONGEST_ANSWER)


class _LimitedTransport(PinnedTransport):
    """Connects to checked addresses only, and limits the size of answers."""

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send the request and limit its answer to ``_LONGEST_ANSWER`` bytes.

        A compressed answer is refused, because its unpacked size could not be limited here.

        Raises:
            httpx2.DecodingError: the answer is compressed.
        """
        response = await super().handle_async_request(request)
        if response.headers.get("content-encoding", "identity").lower() != "identity":
            await response.aclose()
            raise httpx2.DecodingError("the answer is compressed, which was not asked for", request=request)
        response.stream = _LimitedStream(response.stream)
        return response


class _LimitedStream(httpx2.AsyncByteStream):
    """Passes on an answer's bytes; raises ``httpx2.ReadError`` above ``_LONGEST_ANSWER``."""

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
async def _with_end_callback(transport: Any, on_end: Callable[[], None]) -> AsyncIterator[Any]:
    async with transport as (reading, writing):
        yield _EndCallbackStream(reading, on_end), writing


class _EndCallbackStream:
    """A stream that calls ``on_end`` when the other side has closed it."""

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

    def __aiter__(self) -> "_EndCallbackStream":
        return self

    async def __anext__(self) -> Any:
        try:
            return await self._stream.__anext__()
        except StopAsyncIteration:
            self._on_end()
            raise
