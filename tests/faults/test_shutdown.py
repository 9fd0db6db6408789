"""SIGTERM: live runs end, their viewers see it, and the process leaves in order."""

import asyncio
import contextlib
import json
import shutil
import signal
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.complaints import tracebacks_in
from tests.faults.server_process import Client, ServerProcess

DRAIN_SECONDS = 0.5


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A data folder as a server leaves it, and a token."""
    folder = tmp_path_factory.mktemp("prepared")
    process = ServerProcess(folder)
    process.start()
    token = process.issue_token()
    process.send(signal.SIGTERM)
    process.wait()
    return folder, token


@pytest.fixture
def token(prepared: tuple[Path, str]) -> str:
    return prepared[1]


@pytest.fixture
def server(prepared: tuple[Path, str], tmp_path: Path) -> Iterator[ServerProcess]:
    """A server that the test may end."""
    shutil.copytree(prepared[0], tmp_path, dirs_exist_ok=True)
    process = ServerProcess(tmp_path, RUNNEL_DRAIN_SECONDS=str(DRAIN_SECONDS))
    process.start()
    yield process
    process.kill()


@pytest.fixture(scope="module")
def staying(prepared: tuple[Path, str]) -> Iterator[ServerProcess]:
    """A server that outlives the tests of this module."""
    process = ServerProcess(prepared[0])
    process.start()
    yield process
    process.kill()


def statuses(server: ServerProcess) -> dict[str, int]:
    (path,) = server.folder.glob("*.sqlite3")
    with contextlib.closing(sqlite3.connect(path)) as database:
        query = "SELECT status || ' ' || stop_reason, count(*) FROM runs_run GROUP BY 1"
        return dict(database.execute(query).fetchall())


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=lambda number: number.name)
async def test_it_ends_live_runs_tells_their_viewers_and_leaves_and_who_comes_back_finds_all_of_it(
    number: signal.Signals, server: ServerProcess, token: str
) -> None:
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
    assert not tracebacks_in(server.output)
    assert statuses(server) == {"cancelled shutdown": len(models)}
    await asyncio.to_thread(server.start)
    async with await Client.connect(server, token) as later:
        for run_id in runs:
            assert await later.replay(run_id) == client.frames[run_id]


async def test_a_run_that_is_nearly_done_comes_to_its_own_end(server: ServerProcess, token: str) -> None:
    async with await Client.connect(server, token) as client:
        # About 0.4 s of words when two thirds have been said: less than the drain.
        run_id = (await client.start("emulator/hello"))["run_id"]
        await client.until(lambda: len(client.frames[run_id]) > 30)
        server.send(signal.SIGTERM)
        assert (await client.ended(run_id))["outcome"] == {"type": "success"}
        assert await client.closed() == 4409
        assert await asyncio.to_thread(server.wait) == 0
    assert statuses(server) == {"completed end_turn": 1}


async def test_frames_are_answered_and_runs_can_be_stopped_until_the_end(
    prepared: tuple[Path, str], token: str, tmp_path: Path
) -> None:
    shutil.copytree(prepared[0], tmp_path, dirs_exist_ok=True)
    server = ServerProcess(tmp_path, RUNNEL_DRAIN_SECONDS="8")
    server.start()
    try:
        async with await Client.connect(server, token) as client:
            stopped, other = [(await client.start("emulator/drip"))["run_id"] for _ in range(2)]
            server.send(signal.SIGTERM)
            await client.until(lambda: "Stopping" in server.output)
            assert (await client.refused("start", model="emulator/echo", input="hi"))["retryable"]
            assert (await client.ask("cancel", run_id=stopped))["state"] == "requested"
            end = await client.ended(stopped)
            assert end["metadata"]["cancelled_by"] == "user"
            await client.ask("cancel", run_id=other)
            assert (await client.ended(other))["metadata"]["stop_reason"] == "cancelled"
            assert await client.closed() == 4409
            assert await asyncio.to_thread(server.wait) == 0
    finally:
        server.kill()
    assert statuses(server) == {"cancelled cancelled": 2}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=lambda number: number.name)
async def test_who_asks_again_need_not_wait(
    number: signal.Signals, prepared: tuple[Path, str], token: str, tmp_path: Path
) -> None:
    shutil.copytree(prepared[0], tmp_path, dirs_exist_ok=True)
    server = ServerProcess(tmp_path, RUNNEL_DRAIN_SECONDS="600")
    server.start()
    try:
        async with await Client.connect(server, token) as client:
            run_id = (await client.start("emulator/drip"))["run_id"]
            await client.until(lambda: len(client.frames[run_id]) > 5)
            server.send(number)
            await client.until(lambda: "Stopping" in server.output)
            server.send(number)
            assert (await client.ended(run_id))["metadata"]["stop_reason"] == "shutdown"
            assert await client.closed() == 4409
            assert await asyncio.to_thread(server.wait) == 0
    finally:
        server.kill()
    assert not tracebacks_in(server.output)
    assert statuses(server) == {"cancelled shutdown": 1}


async def test_an_idle_server_leaves_at_once(server: ServerProcess, token: str) -> None:
    async with await Client.connect(server, token) as client:
        await client.ended((await client.start("emulator/echo"))["run_id"])
        begin = time.monotonic()
        server.send(signal.SIGTERM)
        assert await client.closed() == 4409
        assert await asyncio.to_thread(server.wait) == 0
    assert time.monotonic() - begin < 5


async def test_a_second_server_on_the_same_data_is_refused_with_a_sentence(
    staying: ServerProcess, token: str
) -> None:
    other = ServerProcess(staying.folder)
    refused = await asyncio.to_thread(other.run, "serve")
    assert refused.returncode == 1
    assert refused.stderr.strip().endswith(
        f"Another Runnel uses {staying.folder}. Stop it, or set RUNNEL_DATA_DIR."
    )
    assert "Traceback" not in refused.stderr
    async with await Client.connect(staying, token) as client:
        run_id = (await client.start("emulator/echo"))["run_id"]
        assert (await client.ended(run_id))["outcome"] == {"type": "success"}


async def test_a_taken_port_is_said_in_a_sentence(
    staying: ServerProcess, tmp_path_factory: pytest.TempPathFactory
) -> None:
    other = ServerProcess(tmp_path_factory.mktemp("other"))
    refused = await asyncio.to_thread(other.run, "serve", PORT=str(staying.port))
    assert refused.returncode == 1
    assert f"Port {staying.port} of 127.0.0.1 is taken. Set PORT to another one." in refused.stderr


async def test_a_management_command_ends_no_live_run(staying: ServerProcess, token: str) -> None:
    async with await Client.connect(staying, token) as client:
        run_id = (await client.start("emulator/stall-mid"))["run_id"]
        await client.until(lambda: len(client.frames[run_id]) > 2)
        checked = await asyncio.to_thread(staying.run, "migrate")
        assert checked.returncode == 0
        assert statuses(staying)["running "] == 1
        await client.ask("cancel", run_id=run_id)
        end = json.dumps(await client.ended(run_id))
        assert "worker_lost" not in end
