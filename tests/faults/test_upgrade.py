"""The release before this one and this one serve one database side by side: an upgrade, and the way back, while people stream."""

import asyncio
import json
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import pytest

from tests.faults.processes import TimedClient, report
from tests.faults.releases import unpack_previous
from tests.faults.server_process import ServerProcess
from tests.postgresql import temporary_server

#: Runs that stream while the servers change.
STREAMS = 5


@pytest.fixture(scope="module")
def earlier_project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The code of the release before this one."""
    folder = tmp_path_factory.mktemp("earlier")
    try:
        unpack_previous(folder)
    except LookupError as missing:
        pytest.skip(str(missing))
    return folder


@dataclass(frozen=True, kw_only=True)
class Pair:
    """A server of each release on one database; neither is started."""

    earlier: ServerProcess
    present: ServerProcess


@pytest.fixture
def pair(earlier_project: Path, tmp_path: Path) -> Iterator[Pair]:
    with temporary_server() as database:
        common = {"DATABASE_URL": database.url, "SECRET_KEY": "one for all", "RUNNEL_DRAIN_SECONDS": "0.2"}
        servers = []
        for name in ("earlier", "present"):
            (tmp_path / name).mkdir()
            servers.append(ServerProcess(tmp_path / name, RUNNEL_NEWER_DATABASE="true", **common))
        earlier, present = servers
        earlier.project = earlier_project
        try:
            yield Pair(earlier=earlier, present=present)
        finally:
            for server in servers:
                server.kill()


async def streams(client: TimedClient) -> list[str]:
    """Start runs that say a word now and then, and return their ids."""
    runs = [(await client.start("emulator/drip"))["run_id"] for _ in range(STREAMS)]
    for run_id in runs:
        await client.saw(run_id, "TEXT_MESSAGE_CONTENT")
    return runs


async def stop_through(other: TimedClient, client: TimedClient, runs: list[str]) -> None:
    """Cancel runs through another server than the one that drives them; nothing of them was lost."""
    for run_id in runs:
        await other.ask("cancel", run_id=run_id)
    for run_id in runs:
        assert (await client.ended(run_id))["outcome"] == {"type": "cancelled"}
        assert [json.loads(frame)["seq"] for frame in client.frames[run_id]] == list(
            range(1, len(client.frames[run_id]) + 1)
        )
        assert await other.replay(run_id) == client.frames[run_id]


async def turn(client: TimedClient, conversation_id: str | None = None) -> str:
    """Make a run, in a conversation or a new one; return its conversation's id."""
    place = {} if conversation_id is None else {"conversation_id": conversation_id}
    answer = await client.start("emulator/hello", **place)
    assert (await client.ended(answer["run_id"]))["outcome"] == {"type": "success"}
    return str(answer["conversation_id"])


def silences(client: TimedClient, runs: list[str]) -> list[float]:
    return [later - sooner for run_id in runs for sooner, later in pairwise(client.times[run_id])]


async def test_both_serve_while_one_takes_the_place_of_the_other_and_back(pair: Pair) -> None:
    await asyncio.to_thread(pair.earlier.start)
    await asyncio.to_thread(pair.earlier.wait_until_loaded)
    token = await asyncio.to_thread(pair.earlier.issue_token)
    async with await TimedClient.connect(pair.earlier, token) as before:
        runs = await streams(before)
        old = await turn(before)
        # The present one migrates the database under the streams of the earlier one.
        await asyncio.to_thread(pair.present.start)
        await asyncio.to_thread(pair.present.wait_until_loaded)
        async with await TimedClient.connect(pair.present, token) as after:
            later_runs = await streams(after)
            new = await turn(after)
            for client in (before, after):
                for conversation_id in (old, new, None):
                    await turn(client, conversation_id)
            await stop_through(after, before, runs)
            report("silence of streams during the upgrade", silences(before, runs))
            pair.earlier.send(signal.SIGTERM)
            assert await before.closed() == 4409
            await asyncio.to_thread(pair.earlier.wait)

            # The way back: the earlier one begins on the newer database, beside the present one.
            await asyncio.to_thread(pair.earlier.start)
            async with await TimedClient.connect(pair.earlier, token) as again:
                await turn(again, new)
                await turn(again)
                await stop_through(again, after, later_runs)
                pair.present.send(signal.SIGTERM)
                assert await after.closed() == 4409, pair.present.output
                await turn(again, old)
