"""What two processes do when one of them, or their database, stops: nobody loses what was shown, everybody is told.

``FAULTS`` says how often each is repeated, and ``LONG_OUTAGES`` how often the database is away for so long that runs
end; ``make thorough`` takes more.
"""

import asyncio
import json
import os
import signal
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import Any
from uuid import uuid4

import pytest

from tests.faults.processes import Processes, TimedClient, end_of, running
from tests.faults.server_process import Client, ServerProcess

FAULTS = int(os.environ.get("FAULTS") or 1)
LONG_OUTAGES = int(os.environ.get("LONG_OUTAGES") or 0)

#: Seconds after which runs of a process that was killed have ended, and some for a machine that is busy.
ALL_ENDED = 10.0 + 5.0


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Processes]:
    with running(tmp_path_factory.mktemp("broken")) as processes:
        yield processes


async def watched_by_b(a: Client, b: Client, model: str = "emulator/drip") -> str:
    run_id = str((await a.start(model))["run_id"])
    await b.ask("subscribe", run_id=run_id)
    await b.saw(run_id, "STEP_STARTED" if model == "emulator/silent" else "TEXT_MESSAGE_CONTENT")
    return run_id


def assert_lost(end: Any, frames: list[str]) -> None:
    assert (end["type"], end["code"]) == ("RUN_ERROR", "worker_lost")
    assert [json.loads(frame)["seq"] for frame in frames] == list(range(1, len(frames) + 1))


async def told(client: TimedClient, run_id: str, *, waiting: bool) -> None:
    def is_told() -> bool:
        return any(
            notice.get("run_id") == run_id and notice["event"]["value"] == {"waiting": waiting}
            for notice in client.notices
            if notice["type"] == "event"
        )

    await client.until(is_told)


async def until_loaded(server: ServerProcess) -> None:
    await asyncio.to_thread(server.wait_until_loaded)


def status_of(server: ServerProcess, path: str = "/login/") -> tuple[int, str | None]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{server.port}{path}", timeout=20) as answer:
            return answer.status, None
    except urllib.error.HTTPError as error:
        return error.code, error.headers["Retry-After"]


def broken(both: Processes, how: str) -> AbstractContextManager[None]:
    return both.database.hung() if how == "hung" else both.database.stopped()


@pytest.mark.parametrize("how", ["hung", "stopped"])
async def test_a_short_outage_of_the_database_is_told_and_costs_nothing(both: Processes, how: str) -> None:
    async with await both.client(both.a) as a, await both.client(both.b) as b:
        run_id = await watched_by_b(a, b)
        began = {"run_id": str(uuid4())}
        seen = len(both.a.output)
        asked_at = time.monotonic()
        with broken(both, how):
            await told(a, run_id, waiting=True)
            await told(b, run_id, waiting=True)
            assert time.monotonic() - asked_at < 5.0
            # It waits and is told so, too.
            starting = asyncio.create_task(a.start("emulator/hello", **began))
            await told(a, began["run_id"], waiting=True)
            for server in (both.a, both.b):
                assert await asyncio.to_thread(status_of, server) == (503, "2")
            lines = both.a.output[seen:].count("\n")
            assert lines < 10 * (time.monotonic() - asked_at)
        await told(a, run_id, waiting=False)
        assert (await starting)["state"] == "created"
        await end_of(a, began["run_id"])
        await a.ask("cancel", run_id=run_id)
        assert (await end_of(b, run_id))["outcome"] == {"type": "cancelled"}
        await end_of(a, run_id)
        assert a.frames[run_id] == b.frames[run_id]
        assert (await asyncio.to_thread(status_of, both.a))[0] == 200


@pytest.mark.skipif(not LONG_OUTAGES, reason="it takes a minute each time: `make thorough` does it")
@pytest.mark.parametrize("how", ["hung", "stopped"])
async def test_a_long_outage_ends_runs_with_their_reason_soon_after_it(both: Processes, how: str) -> None:
    for _ in range(LONG_OUTAGES):
        async with await both.client(both.a) as a, await both.client(both.b) as b:
            runs = [await watched_by_b(a, b) for _ in range(3)]
            with broken(both, how):
                await asyncio.sleep(45)
            for run_id in runs:
                end = await end_of(b, run_id, seconds=10)
                assert (end["type"], end["code"]) == ("RUN_ERROR", "log_unavailable")
                assert await end_of(a, run_id) == end
                assert a.frames[run_id] == b.frames[run_id]


async def test_who_was_stopped_for_longer_than_a_lease_writes_nothing_more_and_tells_its_viewers(
    both: Processes,
) -> None:
    for _ in range(FAULTS):
        async with await both.client(both.a) as a, await both.client(both.b) as b:
            runs = [await watched_by_b(a, b), await watched_by_b(a, b, "emulator/silent")]
            both.a.send(signal.SIGSTOP)
            try:
                for run_id in runs:
                    assert_lost(await end_of(b, run_id, seconds=ALL_ENDED), b.frames[run_id])
            finally:
                both.a.send(signal.SIGCONT)
            for run_id in runs:
                await end_of(a, run_id)
                assert a.frames[run_id] == b.frames[run_id]


async def test_the_runs_of_a_process_that_was_killed_end_within_ten_seconds(both: Processes) -> None:
    for _ in range(FAULTS):
        async with await both.client(both.a) as a, await both.client(both.b) as b:
            runs = [await watched_by_b(a, b) for _ in range(5)]
            both.a.kill()
            await a.closed()
            for run_id in runs:
                assert_lost(await end_of(b, run_id, seconds=ALL_ENDED), b.frames[run_id])
                assert b.frames[run_id][: len(a.frames[run_id])] == a.frames[run_id]
        await asyncio.to_thread(both.a.start)
        await until_loaded(both.a)
