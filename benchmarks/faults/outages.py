"""A database or a Redis that is away, hangs, is full or takes no connections: what users lose, and when they are told.

Each outage happens under streams that one process serves and another one shows. A short one may cost nothing; after a long one
runs have ended as ``log_unavailable``, with all that anybody had seen.
"""

import asyncio
import contextlib
import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import psycopg

from benchmarks import machine
from benchmarks.faults.installation import Installation
from benchmarks.faults.observer import Observer, has_ended, is_whole
from benchmarks.faults.spread import seconds
from tests.faults.server_process import ServerProcess

#: Streams under each outage.
STREAMS = 6
#: Seconds that the shortest outages last; they are repeated.
MOMENT = 3.0


@dataclass(kw_only=True)
class _Noticed:
    """What was noticed of all outages of one sort, in seconds where it is no number."""

    #: Until each viewer was told that saving waits, until HTTP said so, and until all runs went on or had ended afterwards.
    told: list[float] = field(default_factory=list)
    refused: list[float] = field(default_factory=list)
    over: list[float] = field(default_factory=list)
    #: Until a start was answered that was asked for during the outage, from then on.
    answered: list[float] = field(default_factory=list)
    #: Lines in a second in all logs together, and MB that a process grew by.
    lines: list[float] = field(default_factory=list)
    grown: list[float] = field(default_factory=list)
    #: Transcripts that differ, events that a viewer had and the log has not, and how runs ended.
    differ: int = 0
    missing: int = 0
    ends: dict[str, int] = field(default_factory=dict)


async def redis_outages(here: Installation, number: int) -> None:
    """Kill Redis and let it hang, ``number`` times each."""
    assert here.redis is not None
    await _repeat(here, number, "Redis killed", here.redis.dead, MOMENT)
    await _repeat(here, number, "Redis hung", here.redis.hung, MOMENT)


async def database_outages(here: Installation, number: int) -> None:
    """Restart PostgreSQL, let it take no connections and nothing to store, ``number`` times each."""
    assert here.database is not None
    await _repeat(here, number, "PostgreSQL restarted", here.database.stopped, 0.0)
    await _repeat(here, number, "PostgreSQL without free connections", partial(_no_connections, here), MOMENT)
    await _repeat(here, number, "PostgreSQL read-only", partial(_read_only, here), MOMENT)


async def long_outages(here: Installation, number: int) -> None:
    """Stop PostgreSQL for 10 s and 45 s, and let it hang for 20 s and 50 s, ``number`` times each."""
    assert here.database is not None
    for length in (10.0, 45.0):
        await _repeat(here, number, f"PostgreSQL stopped {length:g} s", here.database.stopped, length)
    for length in (20.0, 50.0):
        await _repeat(here, number, f"PostgreSQL hung {length:g} s", here.database.hung, length)


async def full_disks(here: Installation, number: int, disk: Path) -> None:
    """Fill the ``disk`` of the database for 8 s and for 45 s, ``number`` times each."""
    for length in (8.0, 45.0):
        await _repeat(here, number, f"disk full {length:g} s", partial(_full, disk), length)


async def _repeat(
    here: Installation,
    number: int,
    what: str,
    broken: Callable[[], AbstractContextManager[None]],
    length: float,
) -> None:
    noticed = _Noticed()
    for _ in range(number):
        await _break(here, broken, length, noticed)
    print(
        f"8  {what} x{number}: {noticed.ends}, transcripts that differ {noticed.differ}, "
        f"received events that are in no log {noticed.missing}, not terminal {here.unfinished()}"
    )
    print(
        "   viewers told that saving waits after",
        seconds(noticed.told),
        "| HTTP 503 after",
        seconds(noticed.refused),
    )
    print("   after the return, all went on or ended after", seconds(noticed.over))
    print("   starts meanwhile were answered after", seconds(noticed.answered))
    print(
        f"   log lines/s of all processes {max(noticed.lines):.1f}, RSS {max(noticed.grown):+.1f} MB",
        flush=True,
    )


async def _break(
    here: Installation, broken: Callable[[], AbstractContextManager[None]], length: float, noticed: _Noticed
) -> None:
    viewers = [await here.client(0), await here.client(1)]
    runs = [(await viewers[place % 2].start("openai-chat/drip"))["run_id"] for place in range(STREAMS)]
    for place, run_id in enumerate(runs):
        await viewers[1 - place % 2].ask("subscribe", run_id=run_id)
        for viewer in viewers:
            await viewer.saw(run_id, "TEXT_MESSAGE_CONTENT")
    processes = [*here.web, *here.workers]
    printed = sum(len(each.output.splitlines()) for each in processes)
    before = [machine.resident_bytes(each.pid) for each in processes]
    begin = time.monotonic()
    asking = asyncio.create_task(asyncio.to_thread(_refused_after, here.web[0], length))
    starting: asyncio.Task[float] | None = None
    with broken():
        starting = asyncio.create_task(_start(viewers[0]))
        await asyncio.sleep(max(0.0, begin + length - time.monotonic()))
    back = time.monotonic()
    noticed.grown.append(
        max(machine.resident_bytes(each.pid) - size for each, size in zip(processes, before, strict=True))
        / 1e6
    )
    noticed.refused += await asking
    noticed.answered.append(await starting)
    seen = {(viewer, run_id): len(viewer.frames[run_id]) for viewer in viewers for run_id in runs}
    for viewer in viewers:
        for run_id in runs:
            await viewer.until(partial(_goes_on, viewer, run_id, seen[viewer, run_id]))
    noticed.over.append(time.monotonic() - back)
    lines = sum(len(each.output.splitlines()) for each in processes) - printed
    noticed.lines.append(lines / (time.monotonic() - begin))
    for viewer in viewers:
        told = [at for at in viewer.waiting.values() if at >= begin]
        noticed.told += [min(told) - begin] if told else []
    await _end(here, viewers, runs, noticed)


def _goes_on(viewer: Observer, run_id: str, seen: int) -> bool:
    return len(viewer.frames[run_id]) > seen or has_ended(viewer, run_id)


async def _end(
    here: Installation, viewers: Sequence[Observer], runs: Sequence[str], noticed: _Noticed
) -> None:
    """Cancel what goes on; compare what all have seen with each other and with the log."""
    for run_id in runs:
        if not has_ended(viewers[0], run_id):
            await viewers[0].ask("cancel", run_id=run_id)
    reader = await here.client(1)
    for run_id in runs:
        ends = [await viewer.ended(run_id) for viewer in viewers]
        kind = ends[0]["outcome"]["type"] if "outcome" in ends[0] else ends[0]["code"]
        noticed.ends[kind] = noticed.ends.get(kind, 0) + 1
        log = await reader.replay(run_id)
        noticed.differ += any(viewer.frames[run_id] != log for viewer in viewers) or not is_whole(log)
        for viewer in viewers:
            noticed.missing += sum(
                json.loads(frame)["seq"] > len(log) or log[json.loads(frame)["seq"] - 1] != frame
                for frame in viewer.frames[run_id]
            )
    for client in (*viewers, reader):
        await client.leave()
    await here.all_ended()


async def _start(client: Observer) -> float:
    """Start a run and wait for the answer. Return the seconds that it took; a refusal is an answer."""
    begin = time.monotonic()
    answer = await client._answer("start", {"model": "openai-chat/echo", "input": "meanwhile"})
    took = time.monotonic() - begin
    if answer["type"] == "ok":
        await client.ended(answer["run_id"])
    return took


def _refused_after(server: ServerProcess, length: float) -> list[float]:
    """Ask again and again for ``length`` seconds. Return when the first 503 with ``Retry-After`` came, if one did."""
    begin = time.monotonic()
    while (passed := time.monotonic() - begin) < length:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{server.port}/login/", timeout=20).close()
        except urllib.error.HTTPError as error:
            if error.code == 503 and error.headers["Retry-After"]:
                return [time.monotonic() - begin]
        except OSError:
            pass
        time.sleep(min(0.1, max(0.0, length - passed)))
    return []


@contextmanager
def _no_connections(here: Installation) -> Iterator[None]:
    """Take all connections that PostgreSQL has left."""
    assert here.database is not None
    with ExitStack() as taken:
        with contextlib.suppress(psycopg.OperationalError):
            while True:
                taken.enter_context(contextlib.closing(psycopg.connect(here.database.url)))
        yield


@contextmanager
def _read_only(here: Installation) -> Iterator[None]:
    """Let PostgreSQL store nothing, as a replica, also for those who are connected."""
    assert here.database is not None
    with psycopg.connect(here.database.url, autocommit=True) as connection:

        def switch(value: str) -> None:
            connection.execute("SET default_transaction_read_only = off")
            connection.execute(f"ALTER SYSTEM SET default_transaction_read_only = {value}")
            connection.execute("SELECT pg_reload_conf()")

        switch("on")
        try:
            yield
        finally:
            switch("off")


@contextmanager
def _full(disk: Path) -> Iterator[None]:
    """Take all the room that a disk has."""
    balloon = disk / "balloon"
    with balloon.open("wb", buffering=0) as file:
        for size in (1 << 20, 4096, 1):
            with contextlib.suppress(OSError):
                while True:
                    file.write(b"\0" * size)
    try:
        yield
    finally:
        balloon.unlink()
