"""SIGTERM: live runs end, their viewers see it, and the process leaves in order."""

import asyncio
import contextlib
import json
import signal
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.server_process import Client, ServerProcess

DRAIN_SECONDS = 0.5


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ServerProcess]:
    process = ServerProcess(tmp_path, RUNNEL_DRAIN_SECONDS=str(DRAIN_SECONDS))
    process.start()
    yield process
    process.kill()


def statuses(server: ServerProcess) -> dict[str, int]:
    (path,) = server.folder.glob("*.sqlite3")
    with contextlib.closing(sqlite3.connect(path)) as database:
        query = "SELECT status || ' ' || stop_reason, count(*) FROM runs_run GROUP BY 1"
        return dict(database.execute(query).fetchall())


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=lambda number: number.name)
async def test_it_ends_live_runs_and_tells_their_viewers_before_it_leaves(
    number: signal.Signals, server: ServerProcess
) -> None:
    token = await asyncio.to_thread(server.issue_token)
    models = ("emulator/drip", "emulator/silent", "emulator/stall-headers", "emulator/long@gemini-generate")
    async with await Client.connect(server, token) as client, await Client.connect(server, token) as other:
        runs = [(await client.start(model))["run_id"] for model in models]
        for run_id in runs:
            await other.ask("subscribe", run_id=run_id)
        await client.until(lambda: len(client.frames[runs[0]]) > 5)
        begin = time.monotonic()
        server.send(number)
        for run_id in runs:
            end = await client.ended(run_id)
            assert end["outcome"] == {"type": "cancelled"}
            assert (end["metadata"]["stop_reason"], end["metadata"]["cancelled_by"]) == ("shutdown", "server")
            assert await other.ended(run_id) == end
            assert client.frames[run_id] == other.frames[run_id]
        assert time.monotonic() - begin >= DRAIN_SECONDS * 0.9
        assert await client.closed() == 4409
        assert await other.closed() == 4409
        assert await asyncio.to_thread(server.wait) == 0
    assert "Traceback" not in server.output
    assert statuses(server) == {"cancelled shutdown": len(models)}


async def test_a_run_that_is_nearly_done_comes_to_its_own_end(server: ServerProcess) -> None:
    token = await asyncio.to_thread(server.issue_token)
    async with await Client.connect(server, token) as client:
        # About 0.4 s of words when two thirds have been said: less than the drain.
        run_id = (await client.start("emulator/hello"))["run_id"]
        await client.until(lambda: len(client.frames[run_id]) > 30)
        server.send(signal.SIGTERM)
        assert (await client.ended(run_id))["outcome"] == {"type": "success"}
        assert await client.closed() == 4409
        assert await asyncio.to_thread(server.wait) == 0
    assert statuses(server) == {"completed end_turn": 1}


async def test_who_comes_back_finds_all_of_it(server: ServerProcess) -> None:
    token = await asyncio.to_thread(server.issue_token)
    async with await Client.connect(server, token) as client:
        run_id = (await client.start("emulator/drip"))["run_id"]
        await client.until(lambda: len(client.frames[run_id]) > 5)
        server.send(signal.SIGTERM)
        await client.closed()
        seen = client.frames[run_id]
    await asyncio.to_thread(server.wait)
    await asyncio.to_thread(server.start)
    async with await Client.connect(server, token) as client:
        assert await client.replay(run_id) == seen


async def test_an_idle_server_leaves_at_once(server: ServerProcess) -> None:
    token = await asyncio.to_thread(server.issue_token)
    async with await Client.connect(server, token) as client:
        await client.start("emulator/echo")
        begin = time.monotonic()
        server.send(signal.SIGTERM)
        assert await client.closed() == 4409
        assert await asyncio.to_thread(server.wait) == 0
    assert time.monotonic() - begin < 5


async def test_a_second_server_on_the_same_data_is_refused_with_a_sentence(server: ServerProcess) -> None:
    other = ServerProcess(server.folder)
    refused = await asyncio.to_thread(other.run, "serve")
    assert refused.returncode == 1
    assert refused.stderr.strip().endswith(
        f"Another Runnel uses {server.folder}. Stop it, or set RUNNEL_DATA_DIR."
    )
    assert "Traceback" not in refused.stderr
    token = await asyncio.to_thread(server.issue_token)
    async with await Client.connect(server, token) as client:
        run_id = (await client.start("emulator/echo"))["run_id"]
        assert (await client.ended(run_id))["outcome"] == {"type": "success"}


async def test_a_taken_port_is_said_in_a_sentence(
    server: ServerProcess, tmp_path_factory: pytest.TempPathFactory
) -> None:
    other = ServerProcess(tmp_path_factory.mktemp("other"))
    refused = await asyncio.to_thread(other.run, "serve", PORT=str(server.port))
    assert refused.returncode == 1
    assert f"Port {server.port} of 127.0.0.1 is taken. Set PORT to another one." in refused.stderr


async def test_a_management_command_ends_no_live_run(server: ServerProcess) -> None:
    token = await asyncio.to_thread(server.issue_token)
    async with await Client.connect(server, token) as client:
        run_id = (await client.start("emulator/stall-mid"))["run_id"]
        await client.until(lambda: len(client.frames[run_id]) > 2)
        checked = await asyncio.to_thread(server.run, "check")
        assert checked.returncode == 0
        await asyncio.to_thread(server.issue_token)
        assert statuses(server) == {"running ": 1}
        await client.ask("cancel", run_id=run_id)
        end = json.dumps(await client.ended(run_id))
        assert "worker_lost" not in end
