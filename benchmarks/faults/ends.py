"""Processes that are killed, and processes that are stopped."""

import asyncio
import json
import random
import signal
import time
from collections.abc import Sequence

from benchmarks.faults.installation import PATIENCE, Installation
from benchmarks.faults.observer import Observer, has_ended
from benchmarks.faults.spread import seconds

#: Streams while processes are killed, and while they are stopped.
BESIDE_KILLS, BESIDE_STOPS = 10, 50
MODELS = ("drip", "drip@openai-responses", "long", "fast", "reasoning", "silent")
ENDED = frozenset({"completed", "cancelled", "failed"})
#: With this code a web process that stops leaves its clients, who come back to another one.
RESTARTING = 4409


class Kills:
    """What was noticed of all kills."""

    def __init__(self) -> None:
        self.received = self.missing = self.left = self.lost = 0
        #: Seconds from a kill until viewers knew of it, and until the runs of the killed process had ended.
        self.told: list[float] = []
        self.over: list[float] = []


async def kills(here: Installation, number: int, chance: random.Random) -> None:
    """Kill a process at random moments while runs stream; look for what was seen and is not in the log."""
    noticed = Kills()
    done = 0
    while done < number and time.monotonic() < here.deadline:
        await _kill(here, chance, noticed)
        done += 1
    print(
        f"1  kill -9 x{done} of {number}, of {'web and worker processes' if here.workers else 'the process'}: "
        f"{noticed.received:,} events received, {noticed.missing} of them missing; {noticed.lost} runs lost"
    )
    print(f"   not terminal {noticed.left}; the lost runs were terminal after", seconds(noticed.over))
    print("   viewers of lost runs were told after", seconds(noticed.told))


async def _kill(here: Installation, chance: random.Random, noticed: Kills) -> None:
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
    begin = time.monotonic()
    dead = f":{victim.pid}:"
    restarting = asyncio.create_task(asyncio.to_thread(victim.start, patience=PATIENCE))
    watcher = await here.client()
    for run_id in runs:
        await watcher.ask("subscribe", run_id=run_id)
    # What goes on elsewhere is cancelled, or it would stream for ever; what was lost ends by itself.
    for run_id, (worker, status, _) in here.runs(runs).items():
        if here.workers and (dead not in worker or status == "created"):
            await watcher.ask("cancel", run_id=run_id)
    for run_id in runs:
        await watcher.ended(run_id)
    lost = [run_id for run_id, (_, _, reason) in here.runs(runs).items() if reason == "worker_lost"]
    noticed.lost += len(lost)
    noticed.over += [watcher.times[run_id][-1] - begin for run_id in lost]
    noticed.told += [_told(each, run_id, begin) for run_id in lost for each in clients]
    noticed.left += await here.all_ended()
    for run_id in runs:
        log = watcher.frames[run_id]
        for client in clients:
            noticed.received += len(client.frames[run_id])
            noticed.missing += sum(_is_missing(frame, log) for frame in client.frames[run_id])
    await restarting
    for client in (*clients, watcher):
        await client.leave()


def _told(client: Observer, run_id: str, begin: float) -> float:
    """Return the seconds until a viewer knew: its connection broke, the process was said to be silent, or the run ended."""
    at = client.told(run_id)
    return PATIENCE if at is None else max(at - begin, 0.0)


async def stops(here: Installation, number: int, chance: random.Random) -> None:
    """Stop processes by SIGTERM under streams; look whether all viewers see all ends."""
    took: list[float] = []
    unseen = left = odd = codes = 0
    while len(took) < number and time.monotonic() < here.deadline:
        victim = chance.choice([*here.web, *here.workers])
        client = await here.client(1 if victim is here.web[0] else 0)
        on_victim = await Observer.connect(victim, here.token) if victim in here.web else None
        runs = [(await client.start("emulator/drip"))["run_id"] for _ in range(BESIDE_STOPS)]
        for run_id in runs:
            await client.saw(run_id, "TEXT_MESSAGE_CONTENT")
            if on_victim is not None:
                await on_victim.ask("subscribe", run_id=run_id)
        begin = time.monotonic()
        victim.send(signal.SIGTERM)
        odd += await asyncio.to_thread(victim.wait) != 0
        took.append(time.monotonic() - begin)
        owned = {
            run_id: reason
            for run_id, (worker, status, reason) in here.runs(runs).items()
            if f":{victim.pid}:" in worker and status in ENDED
        }
        mine = [run_id for run_id in runs if run_id in owned]
        odd += sum(owned[run_id] != "shutdown" for run_id in mine)
        if on_victim is not None:
            codes += await on_victim.closed() != RESTARTING
            unseen += sum(not has_ended(on_victim, run_id) for run_id in mine)
        for run_id in mine:
            # The process has gone, but its last events may be under way to the viewers of others.
            if here.workers:
                await client.ended(run_id)
            unseen += not has_ended(client, run_id)
        await asyncio.to_thread(victim.start, patience=PATIENCE)
        await client.leave()
        client = await here.client()
        for run_id in set(runs) - set(mine):
            await client.ask("cancel", run_id=run_id)
        left += await here.all_ended()
        await client.leave()
    print(f"2  SIGTERM x{len(took)} of {number} under {BESIDE_STOPS} streams: exit after", seconds(took))
    print(
        f"   not terminal {left}, without its reason or status {odd}, ends that a connected viewer did not see {unseen}, "
        f"sockets closed with another code than {RESTARTING}: {codes}"
    )


def _is_missing(frame: str, log: Sequence[str]) -> bool:
    seq: int = json.loads(frame)["seq"]
    return seq > len(log) or log[seq - 1] != frame
