"""kill -9 while logs are compacted: each log is whole afterwards, and what viewers get has not changed.

``KILLS`` says how many lives of the server end so; each takes four seconds of a processor.
"""

import asyncio
import contextlib
import os
import random
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from tests.faults.server_process import Client, ServerProcess
from tests.prepared import prepare

KILLS = int(os.environ.get("KILLS") or 2)
#: Logs for each life of the server; it compacts one in about 0.1 s.
LOGS = 8


@pytest.fixture
def token(tmp_path: Path) -> str:
    return prepare(tmp_path)


@pytest.fixture
def server(tmp_path: Path, token: str) -> Iterator[ServerProcess]:
    process = ServerProcess(tmp_path, RUNNEL_COMPACTION_SECONDS="0.05")
    yield process
    process.kill()


@contextlib.contextmanager
def database(server: ServerProcess) -> Iterator[sqlite3.Connection]:
    (path,) = server.folder.glob("*.sqlite3")
    with contextlib.closing(sqlite3.connect(path, timeout=20)) as connection, connection:
        yield connection


def copy(server: ServerProcess, run_id: str, frames: list[str], copies: list[str]) -> None:
    """Store copies of an ended run, whose logs are as an earlier version left them: a row for each frame."""
    with database(server) as connection:
        for table, key in (("runs_run", "id"), ("runs_eventlog", "run_id")):
            columns = [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]
            kept = ", ".join(name for name in columns if name not in {key, "compacted_at"})
            for each in copies:
                connection.execute(
                    f"INSERT INTO {table} ({key}, {kept}) SELECT ?, {kept} FROM {table} WHERE {key} = ?",
                    (UUID(each).hex, UUID(run_id).hex),
                )
        connection.executemany(
            "INSERT INTO runs_runevent (run_id, first_seq, last_seq, packed) VALUES (?, ?, ?, ?)",
            [
                (UUID(each).hex, seq, seq, frame.replace(run_id, each))
                for each in copies
                for seq, frame in enumerate(frames, 1)
            ],
        )


def compacted(server: ServerProcess) -> int:
    with database(server) as connection:
        (count,) = connection.execute(
            "SELECT count(*) FROM runs_eventlog WHERE compacted_at IS NOT NULL"
        ).fetchone()
        return int(count)


def assert_every_log_is_whole(server: ServerProcess, length: int) -> None:
    with database(server) as connection:
        logs: dict[str, list[tuple[int, int]]] = {}
        for run_id, first, last in connection.execute(
            "SELECT run_id, first_seq, last_seq FROM runs_runevent ORDER BY run_id, first_seq"
        ):
            logs.setdefault(run_id, []).append((first, last))
    for rows in logs.values():
        assert [first for first, _ in rows] == [1, *(last + 1 for _, last in rows[:-1])]
        assert rows[-1][1] == length


async def test_no_log_suffers_when_the_server_is_killed_meanwhile(server: ServerProcess, token: str) -> None:
    await asyncio.to_thread(server.start)
    async with await Client.connect(server, token) as client:
        run_id = (await client.start("emulator/reasoning"))["run_id"]
        await client.ended(run_id)
        frames = client.frames[run_id]
    server.kill()
    assert len(frames) > 5
    # Long enough for several blocks, each in a transaction of its own.
    frames = [
        frame.replace(f'"seq":{place % len(frames) + 1},', f'"seq":{place + 1},', 1)
        for place, frame in enumerate(frames * (1_200 // len(frames)))
    ]
    copies = [str(uuid4()) for _ in range(LOGS * KILLS)]
    copy(server, run_id, frames, copies)
    with database(server) as connection:
        connection.execute(
            "UPDATE runs_eventlog SET last_seq = ? WHERE run_id != ?", (len(frames), UUID(run_id).hex)
        )
        connection.execute("DELETE FROM runs_run WHERE id = ?", (UUID(run_id).hex,))
        for table in ("runs_eventlog", "runs_runevent"):
            connection.execute(f"DELETE FROM {table} WHERE run_id = ?", (UUID(run_id).hex,))
    chance = random.Random(20)
    counts = [0]
    for _ in range(KILLS):
        await asyncio.to_thread(server.start)
        async with await Client.connect(server, token):
            while await asyncio.to_thread(compacted, server) == counts[-1]:
                await asyncio.sleep(0.005)
            await asyncio.sleep(chance.random() * 0.15)
            server.kill()
        counts.append(await asyncio.to_thread(compacted, server))
        await asyncio.to_thread(assert_every_log_is_whole, server, len(frames))
    # Each life went on where the one before had ended, and none came to the end.
    assert counts == sorted(set(counts))
    assert counts[-1] < len(copies)
    await asyncio.to_thread(server.start)
    async with await Client.connect(server, token) as client:
        for each in copies:
            assert await client.replay(each) == [frame.replace(run_id, each) for frame in frames]
        while await asyncio.to_thread(compacted, server) < len(copies):
            await asyncio.sleep(0.05)
    async with await Client.connect(server, token) as client:
        for each in copies:
            assert await client.replay(each) == [frame.replace(run_id, each) for frame in frames]
    assert_every_log_is_whole(server, len(frames))
    with database(server) as connection:
        (rows,) = connection.execute("SELECT count(*) FROM runs_runevent").fetchone()
    assert rows <= len(copies) * 4
