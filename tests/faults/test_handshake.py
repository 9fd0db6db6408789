"""What only a real server shows: close codes, subprotocols and frame limits as they are on the wire."""

import asyncio
import json
from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.typing import Subprotocol

from tests.complaints import tracebacks_in
from tests.faults.server_process import STUCK, ServerProcess
from tests.prepared import prepare


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("server")


@pytest.fixture(scope="module")
def token(folder: Path) -> str:
    return prepare(folder)


@pytest.fixture(scope="module")
def server(folder: Path, token: str) -> Iterator[ServerProcess]:
    process = ServerProcess(folder)
    process.start()
    yield process
    process.kill()
    assert not tracebacks_in(process.output)


def dial(
    server: ServerProcess, token: str = "", *, path: str = "/ws/", **more: Any
) -> AbstractAsyncContextManager[ClientConnection]:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    url = f"ws://127.0.0.1:{server.port}{path}"
    return connect(url, additional_headers=headers, max_size=None, proxy=None, **more)


async def receive(connection: ClientConnection) -> dict[str, Any]:
    async with asyncio.timeout(STUCK):
        frame: dict[str, Any] = json.loads(await connection.recv())
    return frame


async def close_code(connection: ClientConnection) -> int | None:
    """Read to the end and return the code with which the server closed."""
    async with asyncio.timeout(STUCK):
        try:
            while True:
                await connection.recv()
        except ConnectionClosed:
            return connection.close_code


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({}, 4401),
        ({"Authorization": "Bearer rnl_wrong"}, 4401),
        ({"Cookie": "sessionid=invented", "Origin": "http://evil.example"}, 4403),
    ],
    ids=["nobody", "a wrong token", "another origin"],
)
async def test_a_browser_can_read_why_it_was_refused(
    headers: dict[str, str], code: int, server: ServerProcess
) -> None:
    url = f"ws://127.0.0.1:{server.port}/ws/"
    async with connect(url, additional_headers=headers, proxy=None) as connection:
        assert await close_code(connection) == code


async def test_a_token_in_a_subprotocol_is_not_echoed(server: ServerProcess, token: str) -> None:
    offered = [Subprotocol("runnel.v1"), Subprotocol(f"bearer.{token}")]
    async with dial(server, subprotocols=offered) as connection:
        assert connection.subprotocol == "runnel.v1"
        assert (await receive(connection))["user"]["username"] == "admin"


async def test_another_address_is_refused(server: ServerProcess, token: str) -> None:
    with pytest.raises(InvalidStatus) as refused:
        await dial(server, token, path="/ws/other/").__aenter__()
    assert refused.value.response.status_code == 403


@pytest.mark.parametrize("size", [64 * 1024 + 1, 1_000_000])
async def test_a_frame_that_is_too_large_is_a_bad_frame(size: int, server: ServerProcess, token: str) -> None:
    async with dial(server, token) as connection:
        await receive(connection)
        await connection.send("x" * size)
        assert (await receive(connection))["code"] == "bad_frame"
        await connection.send('{"type":"ping","id":"1"}')
        assert await receive(connection) == {"type": "pong", "id": "1"}


async def test_a_frame_in_pieces_is_a_frame(server: ServerProcess, token: str) -> None:
    async with dial(server, token) as connection:
        await receive(connection)
        await connection.send(['{"type":"pi', 'ng","i', 'd":"1"}'])
        assert await receive(connection) == {"type": "pong", "id": "1"}


async def test_a_binary_frame_is_a_bad_frame(server: ServerProcess, token: str) -> None:
    async with dial(server, token) as connection:
        await receive(connection)
        await connection.send(b"\x00\xff")
        assert (await receive(connection))["code"] == "bad_frame"


async def test_twenty_bad_frames_end_the_connection_with_4400(server: ServerProcess, token: str) -> None:
    async with dial(server, token) as connection:
        for _ in range(20):
            await connection.send("no frame")
        assert await close_code(connection) == 4400
