"""Clocks that are wrong, and processes that stand still for longer than a lease: who is taken for dead, and who writes what he may not."""

import asyncio
import random
import signal
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.faults.installation import PATIENCE, Installation
from benchmarks.faults.observer import Observer, has_ended
from benchmarks.faults.spread import seconds

#: How much later than the database's clock that of one process is.
SKEWS = ("+20s", "-20s", "+1h", "-1h")
#: Runs of each process, and leases for which the processes stand still or are watched.
STREAMS, LEASES = 4, 3.0
#: The lease of the settings, in seconds.
LEASE = 6.0
#: Debian's package ``faketime``.
_LIBRARY = "libfaketime.so.1"


async def clocks(here: Installation, number: int) -> None:
    """Let a process have a wrong clock, which drives runs and looks for those of dead processes, ``number`` times for each skew."""
    library = _library()
    if library is None or here.driving is None:
        print("9  wrong clocks: left out; they need Debian's package faketime, and several processes")
        return
    for skew in SKEWS:
        lost = others = 0
        over: list[float] = []
        for _ in range(number):
            wrong = {"LD_PRELOAD": str(library), "FAKETIME": skew, "FAKETIME_DONT_FAKE_MONOTONIC": "1"}
            with here.driving(patience=PATIENCE, **wrong) as server:
                owner, other = await Observer.connect(server, here.token), await here.client(0)
                mine, theirs = await _streams(owner), await _streams(other)
                for client, runs in ((owner, theirs), (other, mine)):
                    for run_id in runs:
                        await client.ask("subscribe", run_id=run_id)
                await asyncio.sleep(LEASES * LEASE)
                lost += sum(has_ended(other, run_id) for run_id in (*mine, *theirs))
                for run_id in theirs:
                    await owner.ask("cancel", run_id=run_id)
                for run_id in theirs:
                    others += (await owner.ended(run_id)).get("outcome", {}).get("type") != "cancelled"
                begin = time.monotonic()
                server.kill()
                for run_id in mine:
                    others += (await other.ended(run_id)).get("code") != "worker_lost"
                over.append(time.monotonic() - begin)
                await owner.leave()
                await other.leave()
        print(
            f"9  clock {skew} x{number}, owner and reaper: taken for dead {lost} of {2 * STREAMS * number} runs, "
            f"ended in another way {others}, not terminal {await here.all_ended()}"
        )
        print("   killed, its runs had ended after", seconds(over), flush=True)


async def standstills(here: Installation, number: int, chance: random.Random) -> None:
    """Stop processes for some leases and let them go on, two at a time, until ``number`` have been."""
    if here.driving is None:
        await _alone(here, number)
        return
    false = stale = untold = odd = 0
    ended_after: list[float] = []
    with here.driving(patience=PATIENCE) as web:
        for _ in range((number + 1) // 2):
            worker = chance.choice(here.workers)
            owner, other = await Observer.connect(web, here.token), await here.client(0)
            mine, theirs = await _streams(owner), await _streams(other)
            for run_id in mine:
                await other.ask("subscribe", run_id=run_id)
            await asyncio.sleep(chance.random())
            stopped = [*mine, *(run_id for run_id in theirs if _drives(here, worker.pid, run_id))]
            for process in (web, worker):
                process.send(signal.SIGSTOP)
            begin = time.monotonic()
            try:
                for run_id in stopped:
                    odd += (await other.ended(run_id)).get("code") != "worker_lost"
                    ended_after.append(other.times[run_id][-1] - begin)
                await asyncio.sleep(max(0.0, begin + LEASES * LEASE - time.monotonic()))
                false += sum(has_ended(other, run_id) for run_id in set(theirs) - set(stopped))
            finally:
                for process in (web, worker):
                    process.send(signal.SIGCONT)
            for run_id in mine:
                await owner.ended(run_id)
            for run_id in set(theirs) - set(stopped):
                await other.ask("cancel", run_id=run_id)
                await other.ended(run_id)
            await here.all_ended()
            reader = await here.client(1)
            for run_id in (*mine, *theirs):
                stale += await reader.replay(run_id) != other.frames[run_id]
            untold += sum(owner.frames[run_id] != other.frames[run_id] for run_id in mine)
            for client in (owner, other, reader):
                await client.leave()
    print(
        f"9  SIGSTOP for {LEASES:g} leases of {LEASE:g} s x{number}: runs of others taken for dead {false}, "
        f"logs written on after their end {stale}"
    )
    print(
        f"   viewers at the stopped process with another transcript {untold}, ends other than worker_lost {odd}"
    )
    print("   runs of stopped processes had ended after", seconds(ended_after), flush=True)


async def _alone(here: Installation, number: int) -> None:
    """Stop the only process there is: nobody is there to take its runs, and it may not do so itself."""
    lost = 0
    (server,) = here.web
    for _ in range(number):
        client = await here.client()
        runs = await _streams(client)
        server.send(signal.SIGSTOP)
        await asyncio.sleep(LEASES * LEASE)
        server.send(signal.SIGCONT)
        for run_id in runs:
            await _goes_on(client, run_id)
            await client.ask("cancel", run_id=run_id)
            lost += (await client.ended(run_id)).get("outcome", {}).get("type") != "cancelled"
        await client.leave()
    print(f"9  SIGSTOP of the only process for {LEASES:g} leases x{number}: runs lost {lost}", flush=True)


async def _goes_on(client: Observer, run_id: str) -> None:
    seen = len(client.frames[run_id])
    await client.until(lambda: len(client.frames[run_id]) > seen + 20)


def _library() -> Path | None:
    return next(iter(sorted(Path("/usr/lib").glob(f"*/faketime/{_LIBRARY}"))), None)


async def _streams(client: Observer) -> Sequence[str]:
    runs = [(await client.start("openai-chat/drip"))["run_id"] for _ in range(STREAMS)]
    for run_id in runs:
        await client.saw(run_id, "TEXT_MESSAGE_CONTENT")
    return runs


def _drives(here: Installation, pid: int, run_id: str) -> bool:
    ((worker, _, _),) = here.runs([run_id]).values()
    return worker.split(":")[1] == str(pid)
