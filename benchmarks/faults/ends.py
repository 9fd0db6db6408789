"""Processes that are killed, and processes that are stopped."""

import asyncio
import json
import random
import signal
import time
from collections.abc import Sequence

from benchmarks.faults.installation import PATIENCE, Installation, ended, key, text
from benchmarks.faults.spread import seconds

#: Streams while processes are killed, and while they are stopped.
BESIDE_KILLS, BESIDE_STOPS = 10, 50
MODELS = ("drip", "drip@openai-responses", "long", "fast", "reasoning", "silent")


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
            ((worker,),) = here.rows("SELECT worker FROM runs_run WHERE id = %s", key(here, run_id))
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
        seconds(over),
        "| viewers told after",
        seconds(told),
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
        reasons = {text(row): reason for row, _, reason, worker in owned if f":{victim.pid}:" in worker}
        mine = [run_id for run_id in runs if run_id in reasons]
        odd += sum(reasons[run_id] != "shutdown" for run_id in mine)
        unseen += sum(not ended(client, run_id) for run_id in mine)
        await asyncio.to_thread(victim.start, patience=PATIENCE)
        await client.leave()
        client = await here.client()
        for run_id in set(runs) - set(mine):
            await client.ask("cancel", run_id=run_id)
        left += await here.all_ended()
        await client.leave()
    print(f"2  SIGTERM x{number} under {BESIDE_STOPS} streams: exit after", seconds(took))
    print(
        f"   not terminal {left}, without its reason {odd}, ends that a connected viewer did not see {unseen}"
    )


def _is_missing(frame: str, log: Sequence[str]) -> bool:
    seq: int = json.loads(frame)["seq"]
    return seq > len(log) or log[seq - 1] != frame
