"""Viewers that are cut off and come back, and what watching through another process adds."""

import asyncio
import contextlib
import random
import time

from benchmarks.faults.installation import Installation
from benchmarks.faults.observer import Observer, has_ended, is_whole
from benchmarks.faults.spread import milliseconds
from tests.faults.server_process import is_terminal

#: Runs that are watched at the same time while viewers are cut off, and how often each of their viewers is cut.
RUNS, CUTS_OF_ONE = 4, 5
#: Seconds for which the events of a run are timed through two processes.
TIMED_SECONDS = 5.0


async def cuts(here: Installation, number: int, chance: random.Random) -> None:
    """Cut viewers off at random offsets and let them come back to any process; compare what all have seen."""
    done = unequal = viewers = 0
    while done < number and time.monotonic() < here.deadline:
        found = await asyncio.gather(*(_cut_run(here, chance) for _ in range(RUNS)))
        for cut, differ in found:
            done += cut
            unequal += differ
            viewers += 3
    print(f"5  cuts x{done} of {number} at random offsets: {unequal} of {viewers} transcripts differ")
    print(f"   not terminal {await here.all_ended()}")


async def _cut_run(here: Installation, chance: random.Random) -> tuple[int, int]:
    """Watch one run with three viewers that are cut off. Return how often they were, and how many saw something else."""
    starter = await here.client(chance.randrange(2))
    run_id = (await starter.start("emulator/long"))["run_id"]
    seen = await asyncio.gather(*(_with_cuts(here, run_id, chance, place) for place in range(3)))
    await starter.ended(run_id)
    whole = starter.frames[run_id]
    assert is_whole(whole)
    await starter.leave()
    return sum(cut for cut, _ in seen), sum(frames != whole for _, frames in seen)


async def _with_cuts(
    here: Installation, run_id: str, chance: random.Random, place: int
) -> tuple[int, list[str]]:
    """Follow a run over several sockets, each cut after a random number of events. Return the cuts and its frames."""
    frames: list[str] = []
    cut = 0
    while not (frames and is_terminal(frames[-1])):
        client = await here.client(place + cut)
        await client.ask("subscribe", run_id=run_id, after=len(frames))
        many = chance.randrange(1, 200) if cut < CUTS_OF_ONE else None
        await client.until(
            lambda client=client, many=many: (
                has_ended(client, run_id) or (many is not None and len(client.frames[run_id]) >= many)
            )
        )
        client.cut()
        cut += 1
        frames += client.frames[run_id]
        with contextlib.suppress(Exception):
            await client.leave()
    return cut - 1, frames


async def across(here: Installation, number: int) -> None:
    """Time the same events at the process that drives a run and at another one."""
    if here.driving is None:
        return
    with here.driving() as driver:
        await asyncio.to_thread(driver.wait_until_loaded)
        near, far = await Observer.connect(driver, here.token), await here.client(0)
        later: list[float] = []
        for _ in range(number):
            run_id = (await near.start("emulator/drip"))["run_id"]
            await near.saw(run_id, "TEXT_MESSAGE_CONTENT")
            await far.ask("subscribe", run_id=run_id)
            await far.saw(run_id, "TEXT_MESSAGE_CONTENT")
            begun = len(far.frames[run_id])
            await asyncio.sleep(TIMED_SECONDS)
            await near.ask("cancel", run_id=run_id)
            await near.ended(run_id)
            await far.ended(run_id)
            assert near.frames[run_id] == far.frames[run_id]
            pairs = zip(near.times[run_id], far.times[run_id], strict=True)
            later += [(there - close) * 1e3 for close, there in list(pairs)[begun:]]
        for each in (near, far):
            await each.leave()
    print(f"5  watching through another process adds {milliseconds(later)} (n {len(later)}, {number} runs)")
