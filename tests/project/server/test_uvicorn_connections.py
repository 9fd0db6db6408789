"""uvicorn's connections with clients that mean no good: each ends, and takes little memory until then."""

import asyncio
import contextlib
import logging
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
import uvicorn

from project.connection import describe_connection
from project.server.bodies import read_bodies
from project.server.uvicorn_connections import Connection, Socket
from project.stalled_clients import leave_stalled_clients
from tests.providers.calling import until

#: Less than a server's ``send`` waits for, and more than the kernel takes of it here.
LITTLE = 40_000
KERNEL = 4096
HANDSHAKE = (
    b"GET /ws/ HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
)
TEXT, CONTINUATION, CLOSE, PING = 1, 0, 8, 9


async def site(scope: Any, receive: Any, send: Any) -> None:
    """Answer with ``LITTLE`` bytes, on a WebSocket too, and listen there until its end."""
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.accept"})
        if scope["path"] == "/much/":
            await send({"type": "websocket.send", "bytes": b"x" * LITTLE})
        while (await receive())["type"] != "websocket.disconnect":
            if scope["path"] == "/echo/":
                with contextlib.suppress(OSError):
                    await send({"type": "websocket.send", "text": "heard"})
        return
    length = str(LITTLE).encode()
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", length)]})
    await send({"type": "http.response.body", "body": b"x" * LITTLE})


class Served:
    """A server with short patience, and clients of it."""

    def __init__(self, server: uvicorn.Server, port: int) -> None:
        self.server = server
        self._port = port
        self._opened: list[socket.socket] = []

    @property
    def connections(self) -> list[Any]:
        return list(self.server.server_state.connections)

    async def client(self, sent: bytes) -> socket.socket:
        """Open a connection, with little room for what it does not read, and send something."""
        client = socket.socket()
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, KERNEL)
        client.setblocking(False)
        self._opened.append(client)
        loop = asyncio.get_running_loop()
        await loop.sock_connect(client, ("127.0.0.1", self._port))
        await loop.sock_sendall(client, sent)
        return client

    def close(self) -> None:
        for client in self._opened:
            client.close()


@pytest.fixture
async def served(settings: Any) -> AsyncIterator[Served]:
    settings.RUNNEL_STALLED_SECONDS = 0.3
    listening = socket.socket()
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, KERNEL)
    listening.bind(("127.0.0.1", 0))
    config = uvicorn.Config(
        describe_connection(leave_stalled_clients(read_bodies(site))),
        loop="none",
        http=Connection,
        ws=Socket,
        ws_ping_interval=0.2,
        ws_ping_timeout=0.2,
        lifespan="off",
        log_config=None,
        limit_concurrency=2,
        timeout_graceful_shutdown=1,
    )
    server = uvicorn.Server(config)
    config.load()
    server.lifespan = config.lifespan_class(config)
    await server.startup([listening])
    here = Served(server, listening.getsockname()[1])
    yield here
    here.close()
    await server.shutdown([listening])


async def read_on(client: socket.socket, is_enough: Callable[[bytes], bool]) -> bytes:
    """Return what comes until it is enough, or until the connection ends."""
    received = b""
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(20):
        with contextlib.suppress(ConnectionResetError):
            while not is_enough(received) and (piece := await loop.sock_recv(client, 65_536)):
                received += piece
    return received


def frame(opcode: int, data: bytes = b"", *, is_last: bool = True) -> bytes:
    """Return a client's frame; the mask is zero."""
    assert len(data) < 126
    return struct.pack("!BBI", opcode | (0x80 if is_last else 0), 0x80 | len(data), 0) + data


async def opened(served: Served, path: bytes = b"/ws/") -> socket.socket:
    client = await served.client(HANDSHAKE.replace(b"/ws/", path))
    await read_on(client, lambda got: b"\r\n\r\n" in got)
    return client


type Sending = Callable[[Served], Awaitable[socket.socket]]


@pytest.mark.parametrize("rest", [b"\r\n", b"Connection: close\r\n\r\n"])
async def test_the_last_of_an_answer_that_nobody_reads_keeps_no_connection(
    served: Served, rest: bytes
) -> None:
    await served.client(b"GET / HTTP/1.1\r\nHost: x\r\n" + rest)
    await until(lambda: bool(served.connections))
    (one,) = served.connections
    await until(lambda: one.transport.get_write_buffer_size() > 0)
    await until(lambda: not served.connections)


async def test_whoever_reads_slowly_gets_all_of_it(served: Served) -> None:
    client = await served.client(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    received = b""
    while piece := await asyncio.get_running_loop().sock_recv(client, 2_000):
        received += piece
        await asyncio.sleep(0.05)
    assert received.endswith(b"x" * LITTLE)


async def test_a_viewer_that_answers_no_ping_and_reads_nothing_keeps_no_connection(served: Served) -> None:
    await opened(served, b"/much/")
    await until(lambda: bool(served.connections))
    await until(lambda: not served.connections)
    await until(lambda: not served.server.server_state.tasks)


async def test_pings_whose_answers_nobody_reads_fill_no_memory(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = await opened(served)
    monkeypatch.setattr(Socket, "keepalive_timeout", lambda _: None)
    (one,) = served.connections
    ping = frame(PING, b"x" * 125)
    most = 0
    for _ in range(40):
        await asyncio.get_running_loop().sock_sendall(client, ping * 100)
        await asyncio.sleep(0.01)
        most = max(most, one.transport.get_write_buffer_size())
    # Of half a megabyte.
    assert 60_000 < most < 80_000


async def test_a_message_in_very_many_pieces_is_refused(served: Served) -> None:
    client = await opened(served)
    loop = asyncio.get_running_loop()
    await loop.sock_sendall(client, frame(TEXT, b"a", is_last=False))
    await loop.sock_sendall(
        client, frame(CONTINUATION, b"a", is_last=False) * 1022 + frame(CONTINUATION, b"a")
    )
    await loop.sock_sendall(client, frame(TEXT, b"a", is_last=False))
    await loop.sock_sendall(client, frame(CONTINUATION, b"a", is_last=False) * 1100)
    received = await read_on(client, lambda _: False)
    assert (
        struct.pack("!BBH", 0x80 | CLOSE, 2 + len("too many pieces"), 1009) + b"too many pieces" in received
    )


async def test_more_connections_than_there_may_be_are_told_so_and_the_others_go_on(served: Served) -> None:
    one, other = await opened(served), await served.client(b"")
    await until(lambda: len(served.connections) == 2)
    refused = await read_on(await served.client(b""), lambda _: False)
    assert refused.startswith(b"HTTP/1.1 503 ")
    assert b"Retry-After: 5" in refused
    await asyncio.get_running_loop().sock_sendall(other, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    assert (await read_on(other, lambda got: b"x" * LITTLE in got)).startswith(b"HTTP/1.1 200 ")
    one.close()
    await until(lambda: len(served.connections) == 1)
    assert await read_on(await opened(served), lambda got: True) == b""


async def test_an_upgrade_of_another_method_is_answered(served: Served) -> None:
    client = await served.client(
        HANDSHAKE.replace(b"GET", b"POST").replace(b"Host: x", b"Host: x\r\nContent-Length: 1") + b"a"
    )
    assert (await read_on(client, lambda got: b"\r\n\r\n" in got)).startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize(
    "added",
    [
        b"Cookie: " + b"a" * 9000,
        b"Content-Length: 1",
        b"\r\n".join(b"X-%d: a" % number for number in range(130)),
    ],
    ids=["long line", "body", "many"],
)
async def test_a_head_that_is_no_handshake_is_answered_and_the_server_ends(
    served: Served, added: bytes
) -> None:
    client = await served.client(HANDSHAKE.replace(b"Host: x", b"Host: x\r\n" + added))
    assert (await read_on(client, lambda _: False)).startswith(b"HTTP/1.1 400 ")
    await until(lambda: not served.connections)


async def test_what_is_no_text_closes_the_socket_and_is_no_error(
    served: Served, caplog: pytest.LogCaptureFixture
) -> None:
    client = await opened(served, b"/echo/")
    await asyncio.get_running_loop().sock_sendall(
        client, frame(TEXT, b"a") + frame(TEXT, b"\xff") + frame(TEXT, b"b")
    )
    received = await read_on(client, lambda _: False)
    assert struct.pack("!H", 1007) + b"no UTF-8" in received
    await until(lambda: not served.server.server_state.tasks)
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


async def test_a_body_that_does_not_end_does_not_keep_the_server(served: Served) -> None:
    client = await served.client(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\na")
    await until(lambda: bool(served.server.server_state.tasks))
    (one,) = served.connections
    one.shutdown()
    assert await read_on(client, lambda _: False) == b""
    await until(lambda: not served.server.server_state.tasks)


async def test_a_length_that_is_told_in_two_ways_is_refused(served: Served) -> None:
    head = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"
    client = await served.client(head + b"0\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n")
    received = await read_on(client, lambda _: False)
    assert received.startswith(b"HTTP/1.1 400 ")
    assert received.count(b"HTTP/1.1 ") == 1


async def test_nonsense_after_an_answer_has_begun_is_no_error(
    served: Served, caplog: pytest.LogCaptureFixture
) -> None:
    client = await served.client(b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
    await asyncio.get_running_loop().sock_sendall(client, b"200000\r\n" + b"x" * 0x200000 + b"\r\n")
    await read_on(client, lambda got: b"}" in got)
    await asyncio.get_running_loop().sock_sendall(client, b"zzz\r\n")
    await read_on(client, lambda _: False)
    await until(lambda: not served.connections)
    assert not [record for record in caplog.records if record.name == "asyncio"]
