"""Viewers that are cut off and come back."""

import asyncio
import contextlib
import random

from benchmarks.faults.installation import Installation
from benchmarks.faults.observer import has_ended
from tests.faults.server_process import is_terminal


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
                await client.until(lambda client=client: has_ended(client, run_id))
        await client.leave()
        frames += client.frames[run_id]
    return frames
