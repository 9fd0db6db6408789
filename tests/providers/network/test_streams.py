"""Real sockets on loopback. That TLS works is tested where certificates are checked: ``security.test_pinned``."""

import asyncio
import gc
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import cast

import httpcore2
import pytest

from providers.network import streams
from providers.network.streams import (
    MOST_BEFORE_BODY,
    MOST_KEPT,
    AsyncioBackend,
    AsyncioStream,
    TooMuchBeforeBody,
)

type Peer = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def connected(peer: Peer) -> AsyncIterator[httpcore2.AsyncNetworkStream]:
    """A stream to a server that does ``peer``; both are closed afterwards."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await peer(reader, writer)
        finally:
            writer.close()

    listener = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with listener:
        stream = await AsyncioBackend().connect_tcp("127.0.0.1", listener.sockets[0].getsockname()[1])
        try:
            yield stream
        finally:
            await stream.aclose()


async def read_all(stream: httpcore2.AsyncNetworkStream, most: int = 65_536) -> bytes:
    pieces = []
    while piece := await stream.read(most):
        assert len(piece) <= most
        pieces.append(piece)
    return b"".join(pieces)


@pytest.mark.parametrize("most", [1, 7, 65_536])
async def test_everything_comes_in_order_and_then_the_end(most: int) -> None:
    sent = bytes(range(256)) * 8

    async def peer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for start in range(0, len(sent), 100):
            writer.write(sent[start : start + 100])
            await writer.drain()

    async with connected(peer) as stream:
        assert await read_all(stream, most) == sent
        assert await stream.read(1) == b""


async def test_what_came_before_a_reset_is_read_before_the_error() -> None:
    async def peer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"last words")
        await reader.read(1)
        writer.transport.abort()

    async with connected(peer) as stream:
        assert await stream.read(4) == b"last"
        # The peer has not read all of this when it goes, so its system resets the connection.
        await stream.write(b"x" * 1_000_000)
        assert await stream.read(100) == b" words"
        with pytest.raises(httpcore2.ReadError):
            await stream.read(100)


async def test_a_sender_waits_while_nobody_reads() -> None:
    size, sent = 30 * MOST_KEPT, 0

    async def peer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        while sent < size:
            writer.write(bytes(MOST_KEPT))
            sent += MOST_KEPT
            await writer.drain()

    async with connected(peer) as stream:
        received = cast("AsyncioStream", stream)._received
        while not received._is_paused:
            await asyncio.sleep(0)
        # One read of the event loop is at most as much again.
        assert received._size <= 2 * MOST_KEPT
        assert sent < size
        assert len(await read_all(stream)) == size


async def test_a_read_times_out_and_loses_nothing() -> None:
    go_on = asyncio.Event()

    async def peer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await go_on.wait()
        writer.write(b"late")
        await writer.drain()

    async with connected(peer) as stream:
        with pytest.raises(httpcore2.ReadTimeout):
            await stream.read(10, timeout=0.01)
        go_on.set()
        assert await stream.read(10, timeout=10) == b"late"


async def test_a_cancelled_read_loses_nothing() -> None:
    go_on = asyncio.Event()

    async def peer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await go_on.wait()
        writer.write(b"here")
        await writer.drain()

    async with connected(peer) as stream:
        reading = asyncio.create_task(stream.read(10))
        await asyncio.sleep(0)
        reading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reading
        go_on.set()
        assert await stream.read(10) == b"here"


async def test_closing_closes_the_socket_at_once_and_ends_a_waiting_read() -> None:
    gone = asyncio.Event()

    async def peer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        gone.set()

    async with connected(peer) as stream:
        reading = asyncio.create_task(stream.read(10))
        await asyncio.sleep(0)
        assert not stream.get_extra_info("is_readable")
        await stream.aclose()
        assert stream.get_extra_info("socket").fileno() == -1
        assert await reading == b""
        await gone.wait()
        with pytest.raises(httpcore2.WriteError):
            await stream.write(b"more")


async def test_a_peer_that_takes_nothing_lets_a_write_time_out() -> None:
    is_over = asyncio.Event()

    async def peer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        cast("asyncio.Transport", writer.transport).pause_reading()
        await is_over.wait()

    async with connected(peer) as stream:
        with pytest.raises(httpcore2.WriteTimeout):
            await stream.write(bytes(50_000_000), timeout=0.05)
        is_over.set()


async def test_a_port_where_nobody_listens_is_a_connect_error() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        with pytest.raises(httpcore2.ConnectError):
            await AsyncioBackend().connect_tcp("127.0.0.1", taken.getsockname()[1])


async def test_a_name_without_an_address_is_a_connect_error() -> None:
    with pytest.raises(httpcore2.ConnectError):
        await AsyncioBackend().connect_tcp("nobody.invalid", 80)


async def test_connecting_times_out(monkeypatch: pytest.MonkeyPatch) -> None:
    async def for_ever(*args: object, **kwargs: object) -> socket.socket:
        await asyncio.Event().wait()
        raise AssertionError

    monkeypatch.setattr(streams, "start_connection", for_ever)
    with pytest.raises(httpcore2.ConnectTimeout):
        await AsyncioBackend().connect_tcp("127.0.0.1", 80, timeout=0.01)


@pytest.mark.parametrize("turns", range(12))
async def test_a_cancel_while_connecting_leaves_no_socket_open(turns: int) -> None:
    """Cut after so many turns of the event loop; a socket that is left is a ``ResourceWarning``, an error here."""
    listener = await asyncio.start_server(lambda reader, writer: writer.close(), "127.0.0.1", 0)
    async with listener:
        port = listener.sockets[0].getsockname()[1]
        connecting = asyncio.create_task(AsyncioBackend().connect_tcp("localhost", port))
        for _ in range(turns):
            await asyncio.sleep(0)
        connecting.cancel()
        (stream,) = await asyncio.gather(connecting, return_exceptions=True)
        if isinstance(stream, httpcore2.AsyncNetworkStream):
            await stream.aclose()
        gc.collect()


async def test_interim_responses_without_end_are_refused() -> None:
    async def peer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        while True:
            writer.write(b"HTTP/1.1 100 Continue\r\n\r\n" * 1000)
            await writer.drain()

    async with connected(peer) as stream:
        await stream.write(b"GET / HTTP/1.1\r\n\r\n")
        with pytest.raises(TooMuchBeforeBody):
            await read_all(stream)


async def test_a_body_may_be_longer_than_a_head_and_the_next_head_is_bounded_again() -> None:
    size = 3 * MOST_BEFORE_BODY

    async def peer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.read(1):
            writer.write(bytes(size))
            await writer.drain()

    async with connected(peer) as stream:
        await stream.write(b"a")
        came = len(await stream.read(10))
        cast("AsyncioStream", stream).head_has_come()
        while came < size:
            came += len(await stream.read(65_536))
        await stream.write(b"b")
        with pytest.raises(TooMuchBeforeBody):
            await read_all(stream)
