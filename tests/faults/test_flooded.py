"""One user floods a real server with frames: another user's run goes on, and no frame of the flood is lost."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from websockets.asyncio.client import connect

from tests.faults.server_process import STUCK, Client, ServerProcess
from tests.prepared import prepare, token_of_eve

#: Frames of a user in a second, and how many come at once: they take six seconds, however fast the machine is.
RATE, PINGS = 300, 2_100


@pytest.fixture
def token(tmp_path: Path) -> str:
    return prepare(tmp_path)


@pytest.fixture
def server(tmp_path: Path, token: str) -> Iterator[ServerProcess]:
    process = ServerProcess(tmp_path, RUNNEL_FRAMES_PER_SECOND=str(RATE))
    process.start()
    yield process
    process.kill()


async def test_another_user_is_served_while_a_flood_waits(server: ServerProcess, token: str) -> None:
    headers = {"Authorization": f"Bearer {token}"}
    address = f"ws://127.0.0.1:{server.port}/ws/"
    pongs: list[int] = []
    async with connect(address, additional_headers=headers, proxy=None) as flooding:
        await flooding.recv()

        async def send() -> None:
            for number in range(PINGS):
                await flooding.send(json.dumps({"type": "ping", "id": str(number)}))

        async def read() -> None:
            while len(pongs) < PINGS:
                pongs.append(int(json.loads(await flooding.recv())["id"]))

        flood = asyncio.gather(send(), read())
        async with await Client.connect(server, token_of_eve()) as client:
            started = await client.start("emulator/echo")
            end = await client.ended(started["run_id"])
        assert end["type"] == "RUN_FINISHED"
        assert len(pongs) < PINGS
        await asyncio.wait_for(flood, STUCK)
        assert pongs == list(range(PINGS))
