"""SIGTERM and Ctrl-C: live runs end, their viewers see it, and the process leaves in order."""

import asyncio
import contextlib
import json
import signal
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.complaints import tracebacks_in
from tests.faults.server_process import Client, ServerProcess
from tests.prepared import prepare

DRAIN_SECONDS = 0.5

#: By both servers of ``manage.py serve``.
both_servers = pytest.mark.parametrize("kind", ["daphne", "uvicorn"])


@pytest.fixture
def token(tmp_path: Path) -> str:
    return prepare(tmp_path)


@pytest.fixture
def server(tmp_path: Path, token: str) -> Iterator[ServerProcess]:
    """A server that the test may end."""
    process = ServerProcess(tmp_path, RUNNEL_DRAIN_SECONDS=str(DRAIN_SECONDS))
    process.start()
    yield process
    process.kill()


@pytest.fixture(scope="module")
def staying(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """A server that outlives the tests of this module."""
    folder = tmp_path_factory.mktemp("staying")
    prepare(folder)
    process = ServerProcess(folder)
    process.start()
    yield process
    process.kill()


def statuses(server: ServerProcess) -> dict[str, int]:
    (path,) = server.folder.glob("*.sqlite3")
    with contextlib.closing(sqlite3.connect(path)) as database:
        query = "SELECT status || ' ' || stop_reason, count(*) FROM runs_run GROUP BY 1"
        return dict(database.execute(query).fetchall())


async def test_it_ends_live_runs_tells_their_viewers_and_leaves_and_who_comes_back_finds_all_of_it(
    server: ServerProcess, token: str
) -> None:
    models = ("emulator/drip", "emulator/silent", "emulator/stall-headers", "emulator/long@gemini-generate")
    async with await Client.connect(server, token) as client, await Client.connect(server, token) as other:
        runs = [(await client.start(model))["run_id"] for model in models]
        for run_id in runs:
            await other.ask("subscribe", run_id=run_id)
        await client.until(lambda: len(client.frames[runs[0]]) > 5)
        begin = time.monotonic()
        server.send(signal.SIGTERM)
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
    patient = ServerProcess(server.folder, RUNNEL_DRAIN_SECONDS="600")
    await asyncio.to_thread(patient.start)
    try:
        async with await Client.connect(patient, token) as later:
            for run_id in runs:
                assert await later.replay(run_id) == client.frames[run_id]
            # Without live runs it waits for nobody. A terminal that is closed stops it as SIGTERM does.
            patient.send(signal.SIGHUP)
            assert await later.closed() == 4409
            assert await asyncio.to_thread(patient.wait) == 0
    finally:
        patient.kill()


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


@both_servers
async def test_frames_are_answered_and_runs_can_be_stopped_until_the_end(
    kind: str, token: str, tmp_path: Path
) -> None:
    server = ServerProcess(tmp_path, RUNNEL_SERVER=kind, RUNNEL_DRAIN_SECONDS="600")
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


@both_servers
async def test_who_presses_ctrl_c_again_need_not_wait(kind: str, token: str, tmp_path: Path) -> None:
    server = ServerProcess(tmp_path, RUNNEL_SERVER=kind, RUNNEL_DRAIN_SECONDS="600")
    server.start()
    try:
        async with await Client.connect(server, token) as client:
            run_id = (await client.start("emulator/drip"))["run_id"]
            await client.until(lambda: len(client.frames[run_id]) > 5)
            server.send(signal.SIGINT)
            await client.until(lambda: "Stopping" in server.output)
            server.send(signal.SIGINT)
            assert (await client.ended(run_id))["metadata"]["stop_reason"] == "shutdown"
            assert await client.closed() == 4409
            assert await asyncio.to_thread(server.wait) == 0
    finally:
        server.kill()
    assert not tracebacks_in(server.output)
    assert statuses(server) == {"cancelled shutdown": 1}


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
