"""Many sockets, of which some stream."""

import asyncio
import os
import time
from collections.abc import Sequence
from functools import partial

from benchmarks import machine
from benchmarks.faults import stamps
from benchmarks.faults.installation import Installation
from benchmarks.faults.observer import Observer
from benchmarks.faults.spread import milliseconds
from benchmarks.figures import Figures
from benchmarks.viewer import Viewer

#: Of all sockets, the part that streams.
STREAMING = 0.2
#: How long they stream, in seconds.
SECONDS = 20.0
#: Sockets that are opened at the same time.
TOGETHER = 50
#: Runs whose commits are timed: one in so many, by the first digit of their ids.
TIMED = 16

#: Notes when the log of a timed run grew, by a clock that this program can read, too.
_NOTE_COMMITS = {
    "postgresql": (
        "CREATE TABLE IF NOT EXISTS benchmark_commits (run_id uuid, seq int, at float8)",
        (
            "CREATE OR REPLACE FUNCTION benchmark_note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
            " INSERT INTO benchmark_commits VALUES (NEW.run_id, NEW.last_seq, extract(epoch FROM clock_timestamp()));"
            " RETURN NEW; END $$"
        ),
        (
            "CREATE OR REPLACE TRIGGER benchmark_note AFTER UPDATE ON runs_eventlog FOR EACH ROW"
            " WHEN (left(NEW.run_id::text, 1) = '0') EXECUTE FUNCTION benchmark_note()"
        ),
    ),
    "sqlite": (
        "CREATE TABLE IF NOT EXISTS benchmark_commits (run_id text, seq int, at real)",
        (
            "CREATE TRIGGER IF NOT EXISTS benchmark_note AFTER UPDATE ON runs_eventlog"
            " WHEN substr(NEW.run_id, 1, 1) = '0' BEGIN INSERT INTO benchmark_commits"
            " VALUES (NEW.run_id, NEW.last_seq, (julianday('now') - 2440587.5) * 86400.0); END"
        ),
    ),
}
_FORGET = ("DROP TRIGGER IF EXISTS benchmark_note ON runs_eventlog", "DROP TRIGGER IF EXISTS benchmark_note")


async def sockets(here: Installation, number: int, rate: float) -> None:
    """Open ``number`` sockets, and stream over some of them at ``rate`` tokens a second each."""
    web = here.web
    before = [machine.resident_bytes(each.pid) for each in web]
    streaming = round(number * STREAMING)
    tokens = round(rate * SECONDS)
    prompt = stamps.order(tokens=tokens, rate=rate, size=20)
    frame = {"type": "start", "id": "1", "model": stamps.MODEL, "input": prompt}
    figures = Figures()
    viewers = await _open(here, number, frame, figures)
    grown = sum(machine.resident_bytes(each.pid) for each in web) - sum(before)
    print(f"7  {number} sockets: {grown / number / 1024:.1f} KiB each, idle", flush=True)
    for statement in _NOTE_COMMITS["postgresql" if here.workers else "sqlite"]:
        here.execute(statement)
    timed = [await here.client(0), await here.client(1)]
    processes = [*web, *here.workers]
    used = [machine.cpu_seconds(each.pid) for each in processes]
    begin = time.monotonic()
    runs = [await _timed_run(timed[place % 2], prompt, place) for place in range(max(streaming // TIMED, 1))]
    for viewer in viewers[: streaming - len(runs)]:
        viewer.start()
    ends = await asyncio.gather(
        *(viewer.has_ended for viewer in viewers[: streaming - len(runs)]), return_exceptions=True
    )
    for place, run_id in enumerate(runs):
        await timed[place % 2].ended(run_id)
    took = time.monotonic() - begin
    cpu = [machine.cpu_seconds(each.pid) - old for each, old in zip(processes, used, strict=True)]
    expected = tokens * (streaming - len(runs))
    failed = sum(isinstance(end, BaseException) for end in ends)
    print(
        f"   {streaming} of them stream {rate:g} tokens/s each for {SECONDS:.0f} s: {figures.tokens:,} of {expected:,} "
        f"tokens received, {failed} streams failed, {took:.1f} s, CPU seconds of the processes "
        f"{', '.join(f'{each:.1f}' for each in cpu)} on {os.cpu_count()} cores"
    )
    print("   token sent to received", milliseconds(figures.ages))
    print("   stored to received", milliseconds(_since_commit(here, timed, runs)), flush=True)
    here.execute(_FORGET[0] if here.workers else _FORGET[1])
    for viewer in viewers:
        viewer.leave()
    for each in timed:
        await each.leave()


async def _open(here: Installation, number: int, frame: dict[str, str], figures: Figures) -> list[Viewer]:
    loop = asyncio.get_running_loop()
    viewers: list[Viewer] = []
    for first in range(0, number, TOGETHER):
        made = []
        for place in range(first, min(first + TOGETHER, number)):
            port = here.web[place % len(here.web)].port
            viewer = Viewer(port=port, token=here.token, frame=frame, figures=figures)
            made.append(loop.create_connection(partial(_same, viewer), "127.0.0.1", port))
            viewers.append(viewer)
        await asyncio.gather(*made)
        await asyncio.gather(*(viewer.is_ready for viewer in viewers[first:]))
    return viewers


def _same(viewer: Viewer) -> Viewer:
    return viewer


async def _timed_run(client: Observer, prompt: str, place: int) -> str:
    run_id = f"0{place:07x}-0000-4000-8000-{time.monotonic_ns() % 16**12:012x}"
    await client.start(stamps.MODEL, prompt, run_id=run_id)
    return run_id


def _since_commit(here: Installation, clients: Sequence[Observer], runs: Sequence[str]) -> list[float]:
    """Return the milliseconds from the writing of events to their arrival. It includes the commit itself."""
    # The database's clock is the machine's, and shows the time of the day.
    offset = time.time() - time.monotonic()
    ages = []
    for place, run_id in enumerate(runs):
        times = clients[place % 2].times[run_id]
        query = "SELECT seq, at FROM benchmark_commits WHERE run_id = %s ORDER BY seq"
        for seq, at in here.rows(query, here.key(run_id)):
            if seq <= len(times):
                ages.append((times[seq - 1] + offset - at) * 1e3)
    return ages
