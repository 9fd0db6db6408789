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
from typing import TYPE_CHECKING, Any

import httpx2

from providers.security.redaction import redact_text
from providers.text.cleaning import clean
from runs.toolbox.mcp.http import McpTransport, longest_answer
from runs.toolbox.mcp.lines import ENCODING
from runs.toolbox.mcp.target import McpEndpoint, is_loopback_allowed
from runs.toolbox.mcp.tolerance import tolerant

if TYPE_CHECKING:
    from mcp import Client

#: Seconds to connect and to send. Reading has no limit here, because each call has its own.
_HTTP_TIMEOUT = httpx2.Timeout(10.0, read=None)
#: Bytes that are kept of a server's messages outside the protocol.
_LONGEST_DIAGNOSTICS = 4_096

#: Returns the TLS settings with the trusted certificates. Cached, because loading takes 0.1 s.
_ssl_context: Callable[[], SSLContext] = cache(httpx2.create_ssl_context)


class Diagnostics:
    """The newest messages of a server outside the protocol: its standard error."""

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
            transport = await _http(target, stack)
        yield await stack.enter_async_context(mcp.Client(_tolerant(transport, on_end), cache=None))


@asynccontextmanager
async def _process(target: McpEndpoint, diagnostics: Diagnostics) -> AsyncIterator[Any]:
    """Start the program with its own environment variables and a few harmless ones of this process.

    The library chooses the latter (``HOME``, ``PATH`` and the like).
    """
    from mcp.client.stdio import StdioServerParameters, stdio_client

    command, *arguments = target.command
    server = StdioServerParameters(
        command=command,
        args=arguments,
        env=dict(target.secrets),
        encoding=ENCODING,
        encoding_error_handler="replace",
    )
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


async def _http(target: McpEndpoint, stack: AsyncExitStack) -> Any:
    from mcp.client.streamable_http import streamable_http_client

    transport = McpTransport(
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
    )
    await stack.enter_async_context(client)
    return streamable_http_client(target.url, http_client=client, max_sse_event_size=longest_answer())


@asynccontextmanager
async def _tolerant(transport: Any, on_end: Callable[[], None]) -> AsyncIterator[Any]:
    async with transport as streams:
        yield tolerant(streams, on_end=on_end)
