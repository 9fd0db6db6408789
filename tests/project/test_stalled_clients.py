"""Under a server whose ``send`` waits for the client, a client that reads nothing is left."""

import asyncio
from typing import Any

import pytest

from project.connection import UNSENT, describe_connection
from project.stalled_clients import leave_stalled_clients

type Json = dict[str, Any]


class Transport(asyncio.Transport):
    """asyncio's side of a connection."""

    is_aborted = False

    def abort(self) -> None:
        self.is_aborted = True

    def get_write_buffer_size(self) -> int:
        return 0

    def is_closing(self) -> bool:
        return self.is_aborted


class Connection:
    """A connection that takes ``room`` messages; then its client reads no further."""

    def __init__(self, *, room: int) -> None:
        self.transport = Transport()
        self.sent: list[Json] = []
        self._room = room

    async def send(self, message: Json) -> None:
        if len(self.sent) >= self._room:
            await asyncio.Event().wait()
        self.sent.append(message)


async def receive() -> Json:
    """Wait for a message that never comes."""
    await asyncio.Event().wait()
    return {}


async def talk(scope: Any, receive: Any, send: Any) -> None:
    """Send from a task of its own, as the feed does, while the next frame of the client is awaited."""

    async def deliver() -> None:
        for number in range(4):
            await send({"number": number})

    delivering = asyncio.create_task(deliver())
    try:
        await receive()
    finally:
        delivering.cancel()


async def test_it_is_left_and_its_connection_broken(settings: Any) -> None:
    settings.RUNNEL_STALLED_SECONDS = 0.01
    connection = Connection(room=2)

    await describe_connection(leave_stalled_clients(talk))({}, receive, connection.send)

    assert [message["number"] for message in connection.sent] == [0, 1]
    assert connection.transport.is_aborted


async def test_it_is_left_by_an_application_that_sends_from_its_own_task_and_waits_for_nothing_else(
    settings: Any,
) -> None:
    async def tell(scope: Any, receive: Any, send: Any) -> None:
        for number in range(4):
            await send({"number": number})

    settings.RUNNEL_STALLED_SECONDS = 0.01
    connection = Connection(room=2)

    await asyncio.ensure_future(
        describe_connection(leave_stalled_clients(tell))({}, receive, connection.send)
    )

    assert connection.transport.is_aborted


async def test_one_who_reads_is_not_left(settings: Any) -> None:
    settings.RUNNEL_STALLED_SECONDS = 0.01
    connection = Connection(room=4)
    serving = asyncio.ensure_future(
        describe_connection(leave_stalled_clients(talk))({}, receive, connection.send)
    )

    while len(connection.sent) < 4:
        await asyncio.sleep(0)
    serving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await serving
    assert not connection.transport.is_aborted


async def test_under_a_server_that_tells_what_is_unsent_nothing_changes() -> None:
    connection = Connection(room=0)
    seen: list[Any] = []

    async def application(scope: Any, receive: Any, send: Any) -> None:
        seen.append(send)

    await leave_stalled_clients(application)({UNSENT: lambda: 0}, receive, connection.send)

    assert seen == [connection.send]
