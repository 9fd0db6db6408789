"""kill -9 in the middle of everything: what a client has seen is in the log, and nothing stays active.

``KILLS`` says how many lives of the server end so; each takes five seconds of a processor.
"""

import asyncio
import contextlib
import json
import os
import random
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from providers.packing import pieces
from tests.faults.server_process import Client, ServerProcess
from tests.prepared import prepare

KILLS = int(os.environ.get("KILLS") or 4)

#: How the runs of one life of the server stream: at several speeds, on every wire, and not at all.
MODELS = (
    "emulator/drip",
    "emulator/drip@openai-responses",
    "emulator/drip@openai-chat",
    "emulator/long@gemini-generate",
    "emulator/fast",
    "emulator/reasoning",
    "emulator/silent",
)


@pytest.fixture
def token(tmp_path: Path) -> str:
    return prepare(tmp_path)


@pytest.fixture
def server(tmp_path: Path, token: str) -> Iterator[ServerProcess]:
    process = ServerProcess(tmp_path)
    process.start()
    yield process
    process.kill()


def rows(server: ServerProcess, query: str, *values: str) -> list[tuple[Any, ...]]:
    (path,) = server.folder.glob("*.sqlite3")
    with contextlib.closing(sqlite3.connect(path)) as database:
        return database.execute(query, values).fetchall()


async def test_it_loses_nothing_that_a_client_has_seen_when_it_is_killed(
    server: ServerProcess, token: str
) -> None:
    chance = random.Random(20)
    conversation_id: str | None = None
    moments = []
    for life in range(KILLS):
        async with (
            await Client.connect(server, token) as client,
            await Client.connect(server, token) as other,
        ):
            runs = [(await client.start(model))["run_id"] for model in MODELS]
            place = {"conversation_id": conversation_id} if conversation_id else {}
            continued = await client.start("emulator/drip", f"life {life}", **place)
            conversation_id = continued["conversation_id"]
            runs.append(continued["run_id"])
            for run_id in runs:
                await other.ask("subscribe", run_id=run_id)
            if life % 4 == 0:
                await client.ask("cancel", run_id=runs[-2])
            # From the first words to well into the stream: a server that has just started has SDKs to load.
            await client.saw(runs[0], "TEXT_MESSAGE_CONTENT")
            await asyncio.sleep(chance.random() * 0.4)
            server.kill()
            assert await client.closed() in {None, 1006}
            seen = {run_id: max(client.frames[run_id], other.frames[run_id], key=len) for run_id in runs}
            for run_id in runs:
                shorter = min(client.frames[run_id], other.frames[run_id], key=len)
                assert seen[run_id][: len(shorter)] == shorter
            moments.append(sum(map(len, seen.values())))
        await asyncio.to_thread(server.start)
        async with await Client.connect(server, token) as client:
            for run_id in runs:
                log = await client.replay(run_id)
                assert log[: len(seen[run_id])] == seen[run_id]
                assert_whole(log)
        assert rows(server, "SELECT id FROM runs_run WHERE finished_at IS NULL") == []
    # The kills came at different moments, and in the middle of something.
    assert len(set(moments)) > KILLS // 2
    states = rows(server, "SELECT status, stop_reason, count(*) FROM runs_run GROUP BY 1, 2")
    counts = {(status, reason): count for status, reason, count in states}
    assert sum(counts.values()) == KILLS * (len(MODELS) + 1)
    assert counts["failed", "worker_lost"] > KILLS * 4
    assert set(counts) <= {
        ("failed", "worker_lost"),
        ("completed", "end_turn"),
        ("cancelled", "cancelled"),
    }
    await assert_the_conversation_goes_on(server, token, conversation_id)


def assert_whole(log: list[str]) -> None:
    """A log that a death has cut still begins, counts, closes and ends as any other."""
    frames = [json.loads(text) for text in log]
    events = [frame["event"] for frame in frames]
    assert [frame["seq"] for frame in frames] == list(range(1, len(frames) + 1))
    kinds = [event["type"] for event in events]
    assert kinds[0] == "RUN_STARTED"
    assert [kind for kind in kinds if kind in {"RUN_FINISHED", "RUN_ERROR"}] == kinds[-1:]
    for opener, closer, key in (
        ("STEP_STARTED", "STEP_FINISHED", "stepName"),
        ("TEXT_MESSAGE_START", "TEXT_MESSAGE_END", "messageId"),
        ("REASONING_START", "REASONING_END", "messageId"),
        ("REASONING_MESSAGE_START", "REASONING_MESSAGE_END", "messageId"),
    ):
        opened = sorted(event[key] for event in events if event["type"] == opener)
        assert opened == sorted(event[key] for event in events if event["type"] == closer)


async def assert_the_conversation_goes_on(
    server: ServerProcess, token: str, conversation_id: str | None
) -> None:
    """The words of every turn that a death has cut are part of the next request."""
    async with await Client.connect(server, token) as client:
        run = await client.start("emulator/echo", "And now?", conversation_id=conversation_id)
        end = await client.ended(run["run_id"])
        assert end["outcome"] == {"type": "success"}
    ((packed,),) = rows(
        server, "SELECT packed_request FROM providers_providertrace WHERE run_id = ?", UUID(run["run_id"]).hex
    )
    sent = pieces.restored(packed, dict(rows(server, "SELECT digest, data FROM providers_tracepiece")))
    assert [f"life {life}" in json.dumps(sent) for life in range(KILLS)] == [True] * KILLS
    roles = [message["role"] for message in sent["messages"]]
    assert roles[0] == "user"
    assert "assistant" in roles
