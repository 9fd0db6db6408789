"""Network streams over asyncio's own transports, for httpcore2's connection pool.

httpcore2's own stream asks the event loop to watch the socket before each read and to stop watching after it. That
costs more than reading a token. Here a socket is watched all the time, and what has come is kept until it is read,
up to ``MOST_KEPT`` bytes; beyond that the sender has to wait.
"""

import asyncio
import select
import socket
from collections.abc import Awaitable, Iterable
from contextlib import suppress
from ssl import SSLContext
from typing import Any, cast

import httpcore2
from aiohappyeyeballs import start_connection

#: Bytes of one connection that are kept unread.
MOST_KEPT = 256 * 1024
#: Bytes that may come before the body of an answer: its head, with the interim responses (1xx) before it, and what
#: has come of the body with the head's last bytes. h11 takes a head of 100 KiB, and any number of interim responses.
MOST_BEFORE_BODY = 256 * 1024
#: Seconds after which the next address of a name is tried beside the one before (RFC 8305).
_HAPPY_EYEBALLS = 0.25


class TooMuchBeforeBody(httpcore2.RemoteProtocolError):
    """More than ``MOST_BEFORE_BODY`` bytes have come, and the answer's head has not ended."""


class _Received(asyncio.Protocol):
    """What has come on one connection and was not read yet."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport
        self._pieces: list[bytes] = []
        self._size = 0
        self._is_paused = False
        self._has_ended = False
        self._error: Exception | None = None
        #: Somebody who waits for bytes, and somebody who waits until more can be sent.
        self._reader: asyncio.Future[None] | None = None
        self._writer: asyncio.Future[None] | None = None
        self._is_full = False

    @property
    def is_readable(self) -> bool:
        """Whether a read would not wait: bytes are here, or the connection has ended."""
        return bool(self._pieces) or self._has_ended

    def use(self, transport: asyncio.Transport) -> None:
        """Pause and resume ``transport`` from now on."""
        self._transport = transport

    async def arrived(self) -> None:
        """Wait until ``is_readable``."""
        while not self.is_readable:
            self._reader = asyncio.get_running_loop().create_future()
            await self._reader

    def take(self, most: int) -> bytes:
        """Return at most ``most`` bytes of what has come; none at the end.

        Raises:
            httpcore2.ReadError: the connection broke, and everything before that was read.
        """
        if not self._pieces:
            if self._error is not None:
                raise httpcore2.ReadError(str(self._error))
            return b""
        data = self._pieces[0] if len(self._pieces) == 1 else b"".join(self._pieces)
        self._pieces.clear()
        if len(data) > most:
            data, rest = data[:most], data[most:]
            self._pieces.append(rest)
        self._size -= len(data)
        if self._is_paused and self._size <= MOST_KEPT // 2:
            self._is_paused = False
            self._transport.resume_reading()
        return data

    async def sent(self) -> None:
        """Wait until the connection takes more bytes.

        Raises:
            httpcore2.WriteError: the connection has ended.
        """
        while self._is_full and not self._has_ended:
            self._writer = asyncio.get_running_loop().create_future()
            await self._writer
        if self._has_ended:
            raise httpcore2.WriteError("the connection was closed")

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self._pieces.append(data)
        self._size += len(data)
        if self._size > MOST_KEPT and not self._is_paused:
            self._is_paused = True
            self._transport.pause_reading()
        _wake(self._reader)

    def eof_received(self) -> None:
        self._has_ended = True
        _wake(self._reader)
        _wake(self._writer)

    def connection_lost(self, exc: Exception | None) -> None:
        self._error = exc
        self.eof_received()

    def pause_writing(self) -> None:
        self._is_full = True

    def resume_writing(self) -> None:
        self._is_full = False
        _wake(self._writer)


class AsyncioStream(httpcore2.AsyncNetworkStream):
    """One connection, with or without TLS."""

    def __init__(self, transport: asyncio.Transport, received: _Received) -> None:
        self._transport = transport
        self._received = received
        #: Bytes that may still come before the body; ``None`` while no head is awaited.
        self._left_before_body: int | None = None
        received.use(transport)

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Return what has come, at least a byte and at most ``max_bytes``; none at the end.

        Raises:
            httpcore2.ReadTimeout: nothing came for ``timeout`` seconds.
            httpcore2.ReadError: the connection broke.
            TooMuchBeforeBody: after a ``write``, too much has come without ``head_has_come``.
        """
        if not self._received.is_readable:
            await _within(timeout, self._received.arrived(), httpcore2.ReadTimeout)
        data = self._received.take(max_bytes)
        if self._left_before_body is not None:
            self._left_before_body -= len(data)
            if self._left_before_body < 0:
                raise TooMuchBeforeBody(f"more than {MOST_BEFORE_BODY // 1024} KiB before the answer")
        return data

    def head_has_come(self) -> None:
        """Take any number of bytes from now on, until the next request is written."""
        self._left_before_body = None

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Send ``buffer``.

        Raises:
            httpcore2.WriteTimeout: the other side took nothing for ``timeout`` seconds.
            httpcore2.WriteError: the connection broke.
        """
        if not buffer:
            return
        self._left_before_body = MOST_BEFORE_BODY
        await _within(timeout, self._received.sent(), httpcore2.WriteTimeout)
        self._transport.write(buffer)
        await _within(timeout, self._received.sent(), httpcore2.WriteTimeout)

    async def aclose(self) -> None:
        """Close the connection at once, with what was not sent or read yet."""
        self._transport.abort()
        # The socket itself is closed in the loop's next turn.
        await asyncio.sleep(0)

    async def start_tls(
        self, ssl_context: SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore2.AsyncNetworkStream:
        """Return the same connection with TLS.

        Raises:
            httpcore2.ConnectError: the certificate is not valid, or TLS failed.
            httpcore2.ConnectTimeout: it took longer than ``timeout`` seconds.
        """
        handshake = asyncio.get_running_loop().start_tls(
            self._transport, self._received, ssl_context, server_hostname=server_hostname
        )
        try:
            secured = await _within(timeout, handshake, httpcore2.ConnectTimeout)
            if secured is None:
                raise httpcore2.ConnectError("the connection was closed before TLS")
        except OSError as exc:
            self._transport.abort()
            raise httpcore2.ConnectError(str(exc)) from exc
        except BaseException:
            self._transport.abort()
            raise
        return AsyncioStream(secured, self._received)

    def get_extra_info(self, info: str) -> Any:
        """Return what httpcore2 asks for by these names; ``None`` for any other."""
        match info:
            case "ssl_object" | "socket":
                return self._transport.get_extra_info(info)
            case "client_addr":
                return self._transport.get_extra_info("sockname")
            case "server_addr":
                return self._transport.get_extra_info("peername")
            case "is_readable":
                return self._received.is_readable or _is_readable(self._transport.get_extra_info("socket"))
        return None


class AsyncioBackend(httpcore2.AsyncNetworkBackend):
    """Opens ``AsyncioStream``s for httpcore2's connection pool."""

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        """Connect to ``host``, a name or an address.

        Raises:
            httpcore2.ConnectError: the name has no address, or none of its addresses accepts the connection.
            httpcore2.ConnectTimeout: it took longer than ``timeout`` seconds.
        """
        return await _opened(_connect(host, port, local_address), timeout, socket_options)

    async def connect_unix_socket(
        self,
        path: str,
        timeout: float | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        """Connect to the Unix socket at ``path``. Raises as ``connect_tcp`` does."""
        opened = asyncio.get_running_loop().create_unix_connection(_Received, path)
        return await _opened(opened, timeout, socket_options)

    async def sleep(self, seconds: float) -> None:
        """Wait before httpcore2 connects again."""
        await asyncio.sleep(seconds)


async def _connect(host: str, port: int, local_address: str | None) -> tuple[asyncio.Transport, _Received]:
    loop = asyncio.get_running_loop()
    addresses = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    own = await loop.getaddrinfo(local_address, 0, type=socket.SOCK_STREAM) if local_address else None
    connected = await start_connection(addresses, local_addr_infos=own, happy_eyeballs_delay=_HAPPY_EYEBALLS)
    return await loop.create_connection(_Received, sock=connected)


async def _opened(
    opened: Awaitable[tuple[asyncio.Transport, _Received]],
    timeout: float | None,
    options: Iterable[httpcore2.SOCKET_OPTION] | None,
) -> AsyncioStream:
    try:
        transport, received = await _within(timeout, opened, httpcore2.ConnectTimeout)
    except OSError as exc:
        raise httpcore2.ConnectError(str(exc)) from exc
    for option in options or ():
        transport.get_extra_info("socket").setsockopt(*option)
    return AsyncioStream(transport, received)


async def _within[T](seconds: float | None, work: Awaitable[T], error: type[Exception]) -> T:
    if seconds is None:
        return await work
    try:
        async with asyncio.timeout(seconds):
            return await work
    except TimeoutError as exc:
        raise error(f"{seconds:g} s were not enough") from exc


def _wake(waiting: asyncio.Future[None] | None) -> None:
    if waiting is not None and not waiting.done():
        waiting.set_result(None)


def _is_readable(connection: socket.socket | None) -> bool:
    """Return whether bytes, or the end, have come that the event loop has not seen yet."""
    if connection is None or connection.fileno() < 0:
        return True
    with suppress(AttributeError):  # where there is no poll, the event loop will see them soon
        poll = select.poll()
        poll.register(connection.fileno(), select.POLLIN)
        return bool(poll.poll(0))
    return False
