"""Breaks a whole installation on purpose, by a seed, and prints what its users would have noticed.

Run it with ``python -m benchmarks.faults``. It starts two web processes and two workers on PostgreSQL and Redis, or, with
``--one``, one process on SQLite that executes its runs. Each part takes a number; 0 leaves it out.
"""

import argparse
import asyncio
import contextlib
import itertools
import json
import random
import signal
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

from websockets.exceptions import InvalidMessage

from benchmarks.server import free_port, providers_at
from emulator import Emulator, ExchangeOutcome
from emulator.exchanges import EmulatedExchange
from tests.faults import server_process, stack
from tests.faults.server_process import Client, ServerProcess, is_terminal

#: Seconds after which something that does not happen counts as stuck.
PATIENCE = 300.0
#: Streams while processes are killed, and while they are stopped.
BESIDE_KILLS, BESIDE_STOPS = 10, 50
MODELS = ("drip", "drip@openai-responses", "long", "fast", "reasoning", "silent")


@dataclass(kw_only=True)
class Installation:
    """The processes of one installation."""

    web: Sequence[ServerProcess]
    #: Those that execute runs apart from ``web``.
    workers: Sequence[ServerProcess]
    token: str
    rows: Callable[..., list[tuple[Any, ...]]]

    async def client(self, number: int = 0) -> Client:
        """Open a socket to the web process with this number, or to the next one that answers."""
        async with asyncio.timeout(PATIENCE):
            for place in itertools.count(number):
                with contextlib.suppress(OSError, InvalidMessage):
                    return await Client.connect(self.web[place % len(self.web)], self.token)
                await asyncio.sleep(0.05)
        raise AssertionError("it counts for ever")

    def unfinished(self) -> int:
        """Return how many runs have not ended."""
        ((number,),) = self.rows("SELECT count(*) FROM runs_run WHERE finished_at IS NULL")
        return int(number)

    async def all_ended(self, patience: float = 60.0) -> int:
        """Wait until all runs have ended. Return how many have not after ``patience`` seconds."""
        end = time.monotonic() + patience
        while (left := self.unfinished()) and time.monotonic() < end:  # noqa: ASYNC110 - of other processes
            await asyncio.sleep(0.05)
        return left


@contextmanager
def one(folder: Path, **settings: str) -> Iterator[Installation]:
    """One process on SQLite."""
    server = ServerProcess(folder, **settings)

    def rows(query: str, *values: Any) -> list[tuple[Any, ...]]:
        with sqlite3.connect(folder / "runnel.sqlite3", timeout=30) as database:
            return database.execute(query.replace("%s", "?"), values).fetchall()

    server.start(patience=PATIENCE)
    try:
        yield Installation(web=[server], workers=[], token=server.issue_token(), rows=rows)
    finally:
        server.kill()


@contextmanager
def apart(folder: Path, **settings: str) -> Iterator[Installation]:
    """Two web processes and two workers."""
    with stack.running(folder, settings, patience=PATIENCE) as found:
        yield Installation(web=found.web, workers=found.workers, token=found.token, rows=found.rows)


async def kills(here: Installation, number: int, chance: random.Random) -> None:
    """Kill a process at random moments while runs stream; look for what was seen and is not in the log."""
    received = missing = left = 0
    told: list[float] = []
    over: list[float] = []
    for _ in range(number):
        victim = chance.choice([*here.web, *here.workers])
        clients = [await here.client(0), await here.client(1)]
        runs = [
            (await clients[place % 2].start(f"emulator/{chance.choice(MODELS)}"))["run_id"]
            for place in range(BESIDE_KILLS)
        ]
        for place, run_id in enumerate(runs):
            await clients[1 - place % 2].ask("subscribe", run_id=run_id)
        await asyncio.sleep(chance.random() * 0.8)
        victim.kill()
        begin, dead = time.monotonic(), f":{victim.pid}:"
        restarting = asyncio.create_task(asyncio.to_thread(victim.start, patience=PATIENCE))
        watcher = await here.client()
        for run_id in runs:
            await watcher.ask("subscribe", run_id=run_id)
        # What goes on elsewhere is cancelled, or it would stream for ever; what was lost ends by itself.
        for run_id in runs:
            ((worker,),) = here.rows("SELECT worker FROM runs_run WHERE id = %s", _key(here, run_id))
            if here.workers and dead not in worker:
                await watcher.ask("cancel", run_id=run_id)
        for run_id in runs:
            await watcher.ended(run_id)
            told.append(time.monotonic() - begin)
        left += await here.all_ended()
        over.append(time.monotonic() - begin)
        for run_id in runs:
            log = watcher.frames[run_id]
            for client in clients:
                received += len(client.frames[run_id])
                missing += sum(_is_missing(frame, log) for frame in client.frames[run_id])
        await restarting
        for client in (*clients, watcher):
            await client.leave()
    print(f"1  kill -9 x{number}: {received:,} events received, {missing} of them missing")
    print(
        f"   not terminal {left}; all runs terminal after",
        _seconds(over),
        "| viewers told after",
        _seconds(told),
    )


async def stops(here: Installation, number: int, chance: random.Random) -> None:
    """Stop processes by SIGTERM under streams; look whether all viewers see all ends."""
    took: list[float] = []
    unseen = left = odd = 0
    for _ in range(number):
        victim = chance.choice([*here.web, *here.workers])
        client = await here.client(1 if victim is here.web[0] else 0)
        runs = [(await client.start("emulator/drip"))["run_id"] for _ in range(BESIDE_STOPS)]
        for run_id in runs:
            await client.saw(run_id, "TEXT_MESSAGE_CONTENT")
        begin = time.monotonic()
        victim.send(signal.SIGTERM)
        odd += await asyncio.to_thread(victim.wait) != 0
        took.append(time.monotonic() - begin)
        owned = here.rows(
            "SELECT id, status, stop_reason, worker FROM runs_run WHERE finished_at IS NOT NULL"
        )
        ended = {_text(key): reason for key, _, reason, worker in owned if f":{victim.pid}:" in worker}
        mine = [run_id for run_id in runs if run_id in ended]
        odd += sum(ended[run_id] != "shutdown" for run_id in mine)
        unseen += sum(not _ended(client, run_id) for run_id in mine)
        await asyncio.to_thread(victim.start, patience=PATIENCE)
        await client.leave()
        client = await here.client()
        for run_id in set(runs) - set(mine):
            await client.ask("cancel", run_id=run_id)
        left += await here.all_ended()
        await client.leave()
    print(f"2  SIGTERM x{number} under {BESIDE_STOPS} streams: exit after", _seconds(took))
    print(
        f"   not terminal {left}, without its reason {odd}, ends that a connected viewer did not see {unseen}"
    )


async def cancels(here: Installation, number: int, chance: random.Random, upstream: Emulator) -> None:
    """Cancel runs at random moments through any web process; measure until the upstream is left."""
    closed: list[float] = []
    clients = [await here.client(0), await here.client(1)]
    states: dict[str, int] = {}
    for place in range(number):
        client, other = clients[place % 2], clients[chance.randrange(2)]
        before = len(upstream.exchanges)
        run = await client.start("openai-chat/drip", f"cancel {place}")
        await asyncio.sleep(chance.choice((0.0, chance.random() * 0.05, chance.random() * 0.4)))
        begin = time.monotonic()
        await other.ask("cancel", run_id=run["run_id"])
        end = await client.ended(run["run_id"])
        outcome = end.get("outcome", {}).get("type", end["type"])
        states[outcome] = states.get(outcome, 0) + 1
        for exchange in list(upstream.exchanges)[before:]:
            async with asyncio.timeout(10):
                await upstream.wait_for(partial(_is_over, exchange))
            if exchange.outcome is ExchangeOutcome.PEER_GONE and exchange.ended is not None:
                closed.append((exchange.ended - begin) * 1e3)
        client.frames.clear()
    for client in clients:
        await client.leave()
    print(f"3  cancel x{number}: {states}, stuck {here.unfinished()}")
    print("   frame to upstream closed", _milliseconds(closed))


async def cuts(here: Installation, number: int, chance: random.Random) -> None:
    """Cut viewers off at random offsets and let them come back to any process; compare what all have seen."""
    unequal = 0
    for place in range(number):
        starter = await here.client(place)
        run_id = (await starter.start("emulator/long"))["run_id"]
        seen = await asyncio.gather(*(_with_cuts(here, run_id, chance) for _ in range(3)))
        await starter.ended(run_id)
        unequal += sum(frames != starter.frames[run_id] for frames in seen)
        await starter.leave()
    print(f"5  cuts x{number}: {unequal} of {3 * number} transcripts differ")


async def _with_cuts(here: Installation, run_id: str, chance: random.Random) -> list[str]:
    """Follow a run over several sockets, each cut after a random time. Return its frames."""
    frames: list[str] = []
    while not (frames and is_terminal(frames[-1])):
        client = await here.client(chance.randrange(2))
        await client.ask("subscribe", run_id=run_id, after=len(frames))
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(chance.random() * 0.5):
                await client.until(lambda client=client: _ended(client, run_id))
        await client.leave()
        frames += client.frames[run_id]
    return frames


async def queue(here: Installation, number: int) -> None:
    """Measure the time to the first token one by one, and until ``number`` starts at once all run."""
    client = await here.client()
    times = []
    for place in range(60):
        begin = time.monotonic()
        run = await client.start("emulator/echo", f"one {place}")
        await client.saw(run["run_id"], "TEXT_MESSAGE_CONTENT")
        times.append((time.monotonic() - begin) * 1e3)
        await client.ended(run["run_id"])
    print("10 start to first token, one by one", _milliseconds(times[10:]))
    clients = [await here.client(0), await here.client(1)]
    begin = time.monotonic()
    starting = [clients[place % 2].start("emulator/silent") for place in range(number)]
    runs = [started["run_id"] for started in await asyncio.gather(*starting)]
    stored = time.monotonic() - begin
    for place, run_id in enumerate(runs):
        await clients[place % 2].saw(run_id, "STEP_STARTED")
    print(f"   {number} starts at once: stored {stored:.2f} s, all running {time.monotonic() - begin:.2f} s")
    await asyncio.gather(
        *(clients[place % 2].ask("cancel", run_id=run_id) for place, run_id in enumerate(runs))
    )
    for place, run_id in enumerate(runs):
        await clients[place % 2].ended(run_id)
    for each in (client, *clients):
        await each.leave()


def _is_missing(frame: str, log: Sequence[str]) -> bool:
    seq: int = json.loads(frame)["seq"]
    return seq > len(log) or log[seq - 1] != frame


def _is_over(exchange: EmulatedExchange, each: EmulatedExchange) -> bool:
    return each is exchange and not each.is_open


def _ended(client: Client, run_id: str) -> bool:
    return bool(client.frames[run_id]) and is_terminal(client.frames[run_id][-1])


def _key(here: Installation, run_id: str) -> str:
    return run_id if here.workers else UUID(run_id).hex


def _text(key: Any) -> str:
    return str(key if isinstance(key, UUID) else UUID(key))


def _seconds(values: Sequence[float]) -> str:
    return _spread(values, "{:.2f}") + " s"


def _milliseconds(values: Sequence[float]) -> str:
    return _spread(values, "{:.1f}") + " ms"


def _spread(values: Sequence[float], form: str) -> str:
    if not values:
        return "nothing measured"
    ordered = sorted(values)
    p99 = ordered[min(len(ordered) - 1, round(len(ordered) * 0.99))]
    return " ".join(
        f"{name} {form.format(value)}"
        for name, value in (("p50", statistics.median(ordered)), ("p99", p99), ("max", ordered[-1]))
    )


async def run(options: argparse.Namespace, here: Installation, upstream_port: int) -> None:
    """Break what the options name."""
    async with AsyncExitStack() as left:
        upstream = await Emulator.start(port=upstream_port)
        left.push_async_callback(upstream.close)
        chance = random.Random(options.seed)
        parts: list[tuple[int, Callable[[], Awaitable[None]]]] = [
            (options.starts, lambda: queue(here, options.starts)),
            (options.cancels, lambda: cancels(here, options.cancels, chance, upstream)),
            (options.cuts, lambda: cuts(here, options.cuts, chance)),
            (options.stops, lambda: stops(here, options.stops, chance)),
            (options.kills, lambda: kills(here, options.kills, chance)),
        ]
        for number, part in parts:
            if number:
                await part()


def main() -> None:
    """Break an installation and print what was noticed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.faults", description=__doc__)
    parser.add_argument("--one", action="store_true", help="one process on SQLite")
    parser.add_argument("--seed", type=int, default=1)
    for name, default in (("kills", 20), ("stops", 5), ("cancels", 200), ("cuts", 20), ("starts", 200)):
        parser.add_argument(f"--{name}", type=int, default=default)
    options = parser.parse_args()
    server_process.STUCK = PATIENCE
    port = free_port()
    settings = providers_at(f"http://127.0.0.1:{port}") | {"RUNNEL_STARTS_PER_MINUTE": "1000000"}
    print(
        f"seed {options.seed}, {'one process on SQLite' if options.one else '2 web processes and 2 workers'}"
    )
    with tempfile.TemporaryDirectory(prefix="runnel-faults-") as folder:
        # PostgreSQL's user passes through it.
        Path(folder).chmod(0o711)
        with (one if options.one else apart)(Path(folder), **settings) as here:
            asyncio.run(run(options, here, port))


if __name__ == "__main__":
    main()
