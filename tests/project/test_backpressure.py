"""A connection is not read further than its frames are handled."""

import asyncio
from functools import partial
from typing import Any

from project.application import Application
from project.backpressure import MOST_WAITING, PIECE, read_what_is_handled
from project.connection import UNSENT


class Transport:
    """Twisted's side of a connection: says whether it is being read."""

    def __init__(self) -> None:
        self.is_read = True
        self.bufferSize = 64 * 1024

    def pauseProducing(self) -> None:  # noqa: N802 - Twisted's name
        self.is_read = False

    def resumeProducing(self) -> None:  # noqa: N802 - Twisted's name
        self.is_read = True


class Connection:
    """Daphne's side: every frame goes into a queue without a bound."""

    def __init__(self) -> None:
        self.transport = Transport()
        self.queue: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.unsent = 0
        self.answered: list[bytes] = []

    def onPing(self, payload: bytes) -> None:  # noqa: N802 - Autobahn's name
        self.answered.append(payload)

    def onMessage(self, payload: bytes, isBinary: bool) -> None:  # noqa: N802, N803 - Autobahn's names
        self.queue.put_nowait({"type": "websocket.receive", "text": payload.decode()})


async def send(connection: Connection, message: dict[str, Any]) -> None:
    """Send nothing: only what the client sends is of interest."""


class Slow:
    """An application that handles a frame whenever it is told to."""

    def __init__(self) -> None:
        self.may_go_on = asyncio.Semaphore(0)
        self.handled: list[str] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        while True:
            await self.may_go_on.acquire()
            self.handled.append((await receive())["text"])


async def serve(connection: Connection, application: Application) -> "asyncio.Future[None]":
    """Begin to serve a connection as Daphne does."""
    wrapped = read_what_is_handled(application)
    serving = asyncio.ensure_future(
        wrapped({UNSENT: lambda: connection.unsent}, connection.queue.get, partial(send, connection))
    )
    await asyncio.sleep(0)
    return serving


def is_read(connection: Connection) -> bool:
    return connection.transport.is_read


async def test_it_stops_reading_until_enough_is_handled_and_loses_nothing() -> None:
    connection, slow = Connection(), Slow()
    serving = await serve(connection, slow)
    sent = 0
    while is_read(connection):
        connection.onMessage(str(sent).encode(), False)
        sent += 1
    assert sent == MOST_WAITING
    # What was read in one piece is kept, even if no more is read.
    connection.onMessage(str(sent).encode(), False)
    while not is_read(connection):
        slow.may_go_on.release()
        await asyncio.sleep(0.001)
    assert MOST_WAITING // 2 < len(slow.handled) < MOST_WAITING
    for _ in range(sent):
        slow.may_go_on.release()
    while len(slow.handled) <= sent:
        await asyncio.sleep(0.001)
    assert slow.handled == [str(number) for number in range(sent + 1)]
    serving.cancel()


async def test_it_reads_little_at_a_time_of_one_connection() -> None:
    connection = Connection()
    serving = await serve(connection, Slow())
    assert connection.transport.bufferSize <= 8 * 1024
    serving.cancel()


async def test_it_leaves_other_servers_alone() -> None:
    called = []

    async def application(scope: Any, receive: Any, send: Any) -> None:
        called.append((scope, receive, send))

    await read_what_is_handled(application)("scope", "receive", "send")
    assert called == [("scope", "receive", "send")]


async def test_pings_of_a_client_that_reads_nothing_are_not_answered() -> None:
    connection = Connection()
    serving = await serve(connection, Slow())
    connection.onPing(b"1")
    connection.unsent = PIECE
    connection.onPing(b"2")
    connection.unsent = 0
    connection.onPing(b"3")
    serving.cancel()
    assert connection.answered == [b"1", b"3"]
