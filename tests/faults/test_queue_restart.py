"""kill -9 while messages are queued: the next life of the server goes on with them, once and in order."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.server_process import Client, ServerProcess
from tests.prepared import prepare


@pytest.fixture
def token(tmp_path: Path) -> str:
    return prepare(tmp_path)


@pytest.fixture
def server(tmp_path: Path, token: str) -> Iterator[ServerProcess]:
    process = ServerProcess(tmp_path)
    process.start()
    yield process
    process.kill()


async def test_a_killed_server_goes_on_with_what_was_queued(server: ServerProcess, token: str) -> None:
    async with await Client.connect(server, token) as client:
        first = await client.start("emulator/silent")
        fields = {"conversation_id": first["conversation_id"], "when_busy": "queue"}
        queued = [await client.start("emulator/echo", text, **fields) for text in ("one", "two")]
        assert [answer["state"] for answer in queued] == ["queued", "queued"]
        server.kill()
        await client.closed()
    await asyncio.to_thread(server.start)
    async with await Client.connect(server, token) as client:
        for answer in queued:
            await client.ask("subscribe", run_id=answer["run_id"])
            assert (await client.ended(answer["run_id"]))["outcome"] == {"type": "success"}
        one, two = [(await client.replay(answer["run_id"]))[0] for answer in queued]
        assert ('"content":"one"' in one, '"content":"two"' in two) == (True, True)
        again = await client.start("emulator/echo", "one", run_id=queued[0]["run_id"], **fields)
        assert again["state"] == "exists"
