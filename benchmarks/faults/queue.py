"""Runs that wait for a worker."""

import asyncio
import time

from benchmarks.faults.installation import Installation
from benchmarks.faults.spread import milliseconds


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
    print("10 start to first token, one by one", milliseconds(times[10:]))
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
