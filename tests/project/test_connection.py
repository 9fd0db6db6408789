"""What a scope tells of the client's connection: under Daphne, under uvicorn, and under a server of which nothing is known."""

import asyncio
import socket
from functools import partial
from types import SimpleNamespace
from typing import Any

from project.connection import ABORT, UNSENT, describe_connection

type Scope = dict[str, Any]


async def scope_of(send: Any) -> Scope:
    seen: list[Scope] = []

    async def application(scope: Scope, receive: Any, send: Any) -> None:
        seen.append(scope)

    await describe_connection(application)({"type": "http"}, None, send)
    return seen[0]


async def test_under_daphne_it_can_be_broken_and_tells_what_is_unsent() -> None:
    aborted: list[bool] = []
    transport = SimpleNamespace(
        dataBuffer=b"12345", offset=2, _tempDataLen=4, abortConnection=lambda: aborted.append(True)
    )
    request = SimpleNamespace(channel=SimpleNamespace(transport=transport), transport=None)
    for protocol in (SimpleNamespace(transport=transport), request):
        scope = await scope_of(partial(print, protocol))
        assert scope["type"] == "http"
        assert scope[UNSENT]() == 7
        scope[ABORT]()
    assert aborted == [True, True]


async def test_under_uvicorn_it_can_be_broken_and_the_kernel_keeps_nothing_of_it() -> None:
    served: asyncio.Queue[asyncio.StreamWriter] = asyncio.Queue()
    server = await asyncio.start_server(lambda _, writer: served.put_nowait(writer), "127.0.0.1", 0)
    client = socket.create_connection(server.sockets[0].getsockname())
    writer = await served.get()

    class Cycle:
        transport = writer.transport

        async def send(self, message: Any) -> None:
            """Stand for the server's."""

    scope = await scope_of(Cycle().send)
    assert UNSENT not in scope
    writer.write(b"x" * 100)
    scope[ABORT]()
    client.settimeout(10)
    # Sent before the connection was broken, and then not ended, but broken.
    received = b""
    try:
        while piece := await asyncio.to_thread(client.recv, 1000):
            received += piece
        was_reset = False
    except ConnectionResetError:
        was_reset = True
    assert was_reset
    client.close()
    server.close()


async def test_elsewhere_breaking_it_does_nothing() -> None:
    async def send(message: Any) -> None:
        """Stand for a server's of which nothing is known."""

    scope = await scope_of(send)
    assert UNSENT not in scope
    scope[ABORT]()
