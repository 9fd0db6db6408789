"""A web process and two workers on PostgreSQL and Redis: what users see, and what becomes of it when a worker dies.

``STARTS`` says how many runs are started at once, ``DEATHS`` how often a worker is killed, and stopped.
"""

import asyncio
import os
import random
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.complaints import tracebacks_in
from tests.faults.server_process import Client
from tests.faults.stack import Stack, running
from tests.faults.test_kill import assert_whole

STARTS = int(os.environ.get("STARTS") or 24)
DEATHS = int(os.environ.get("DEATHS") or 1)
STREAMS = 6
#: Settings with which a death is noticed soon.
QUICK = {
    "RUNNEL_DRAIN_SECONDS": "0.3",
    "RUNNEL_HEARTBEAT_SECONDS": "0.5",
    "RUNNEL_LEASE_SECONDS": "2",
}


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with running(tmp_path_factory.mktemp("stack"), QUICK, servers=1) as stack:
        yield stack


async def test_many_starts_are_shared_by_the_workers_and_seen_by_every_viewer(stack: Stack) -> None:
    async with (
        await Client.connect(stack.web[0], stack.token) as client,
        await Client.connect(stack.web[0], stack.token) as other,
    ):
        starts = [client.start("emulator/reasoning", f"number {number}") for number in range(STARTS)]
        runs = [started["run_id"] for started in await asyncio.gather(*starts)]
        for run_id in runs:
            await other.ask("subscribe", run_id=run_id)
        for run_id in runs:
            assert (await client.ended(run_id))["outcome"] == {"type": "success"}
            await other.ended(run_id)
            assert client.frames[run_id] == other.frames[run_id]
    carriers = stack.rows("SELECT worker, count(*) FROM runs_run WHERE id = ANY(%s::uuid[]) GROUP BY 1", runs)
    assert {name.split(":")[1] for name, _ in carriers} == {str(each.pid) for each in stack.workers}
    async with asyncio.timeout(10):
        while stack.rows("SELECT 1 FROM procrastinate_jobs"):
            await asyncio.sleep(0.05)


async def test_a_cancel_reaches_the_worker(stack: Stack) -> None:
    async with (
        await Client.connect(stack.web[0], stack.token) as client,
        await Client.connect(stack.web[0], stack.token) as other,
    ):
        run = await client.start("emulator/silent")
        await client.saw(run["run_id"], "STEP_STARTED")
        assert (await other.ask("cancel", run_id=run["run_id"]))["state"] == "requested"
        assert (await client.ended(run["run_id"]))["outcome"] == {"type": "cancelled"}


async def test_an_approval_goes_on_in_a_worker(stack: Stack) -> None:
    async with (
        await Client.connect(stack.web[0], stack.token) as client,
        await Client.connect(stack.web[0], stack.token) as other,
    ):
        run = await client.start(
            "emulator/calls", '[[call launch {"label": "across"}]]', options={"tools": ["launch"]}
        )
        (interrupt,) = (await client.ended(run["run_id"]))["outcome"]["interrupts"]
        entry = {
            "interruptId": interrupt["id"],
            "status": "resolved",
            "payload": {"approved": True},
            "metadata": {"digest": interrupt["metadata"]["digest"]},
        }
        await other.ask("resolve", run_id=run["run_id"], resume=[entry])
        await client.ask("subscribe", run_id=run["run_id"])
        await client.until(lambda: '"success"' in client.frames[run["run_id"]][-1])
    notes = [path.read_text() for worker in stack.workers for path in worker.folder.glob("workshop")]
    assert "".join(notes).splitlines() == ["launch across"]


async def test_a_worker_that_is_killed_loses_nothing_that_was_seen_and_its_tools_are_not_repeated(
    stack: Stack,
) -> None:
    chance = random.Random(7)
    for death in range(DEATHS):
        async with await Client.connect(stack.web[0], stack.token) as client:
            runs = [(await client.start("emulator/long"))["run_id"] for _ in range(STREAMS)]
            label = f"killed-{death}"
            order = f'[[call linger {{"label": "{label}", "seconds": 30}}]]'
            tool = (await client.start("emulator/calls", order, options={"tools": ["linger"]}))["run_id"]
            for run_id in runs:
                await client.saw(run_id, "TEXT_MESSAGE_CONTENT")
            await client.saw(tool, "TOOL_CALL_END")
            async with asyncio.timeout(10):
                while not any(label in path.read_text() for path in notes_of(stack)):
                    await asyncio.sleep(0.02)
            await asyncio.sleep(chance.random() * 0.2)
            victim = stack.carrier(tool)
            lost = [run_id for run_id in runs if stack.carrier(run_id) is victim]
            victim.kill()
            for run_id in [tool, *lost]:
                assert (await client.ended(run_id))["code"] == "worker_lost"
            for run_id in set(runs) - set(lost):
                await client.ask("cancel", run_id=run_id)
                await client.ended(run_id)
        async with await Client.connect(stack.web[0], stack.token) as client:
            for run_id in runs:
                assert_whole(await client.replay(run_id))
        assert stack.rows("SELECT status FROM runs_toolcall WHERE run_id = %s", tool) == [("interrupted",)]
        assert sum(path.read_text().count(f"linger {label}") for path in notes_of(stack)) == 1
        if death < DEATHS - 1:
            await asyncio.to_thread(victim.start)


def notes_of(stack: Stack) -> list[Path]:
    return [path for worker in stack.workers for path in worker.folder.glob("workshop")]


async def test_a_worker_that_is_told_to_stop_ends_its_runs_and_tells_their_viewers(stack: Stack) -> None:
    for death in range(DEATHS):
        async with await Client.connect(stack.web[0], stack.token) as client:
            runs = [(await client.start("emulator/silent"))["run_id"] for _ in range(STREAMS)]
            for run_id in runs:
                await client.saw(run_id, "STEP_STARTED")
            worker = stack.carrier(runs[0])
            ended = [run_id for run_id in runs if stack.carrier(run_id) is worker]
            worker.send(signal.SIGTERM)
            for run_id in ended:
                end = await client.ended(run_id)
                assert (end["outcome"], end["metadata"]["stop_reason"]) == ({"type": "cancelled"}, "shutdown")
            assert await asyncio.to_thread(worker.wait) == 0
            assert worker.output.splitlines()[-1] == "Stopped."
            assert not tracebacks_in(worker.output)
            for run_id in set(runs) - set(ended):
                await client.ask("cancel", run_id=run_id)
                await client.ended(run_id)
        if death < DEATHS - 1:
            await asyncio.to_thread(worker.start)


async def test_a_run_that_no_worker_takes_waits_and_is_cancelled_at_once(stack: Stack) -> None:
    for worker in stack.workers:
        worker.kill()
    async with await Client.connect(stack.web[0], stack.token) as client:
        run = await client.start("emulator/echo")
        assert run["state"] == "created"
        await client.ask("cancel", run_id=run["run_id"])
        assert (await client.ended(run["run_id"]))["outcome"] == {"type": "cancelled"}
        assert_whole(client.frames[run["run_id"]])
        assert stack.rows("SELECT claims, worker FROM runs_run WHERE id = %s", run["run_id"]) == [(0, "")]
