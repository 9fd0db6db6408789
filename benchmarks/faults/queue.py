"""Runs that wait for a worker."""

import asyncio
import statistics
import time

from benchmarks.faults import people
from benchmarks.faults.installation import Installation
from benchmarks.faults.observer import Observer
from benchmarks.faults.spread import milliseconds

#: Starts that are timed one by one, and those before them, after which everything is loaded.
ONE_BY_ONE, WARMING = 60, 10
#: Of one user, a process stores few starts at the same time, so that a burst leaves room for others.
USERS = 20


async def queue(here: Installation, number: int) -> None:
    """Measure the time to the first token one by one, and until ``number`` starts at once all run."""
    await _one_by_one(here)
    clients = [await here.client(0), await here.client(1)]
    persons = await asyncio.to_thread(
        people.make, here.web[0], [f"starter-{place}" for place in range(USERS)]
    )
    many = [
        await Observer.connect(here.web[place % len(here.web)], person.token)
        for place, person in enumerate(persons)
    ]
    for whose, starters in (("one user", clients), (f"{USERS} users", many)):
        for time_ in ("the first time", "again"):
            stored, running = await _at_once(starters, number)
            print(
                f"10 {number} starts at once by {whose}, {time_}: stored {stored:.2f} s, all running {running:.2f} s",
                flush=True,
            )
    for each in (*clients, *many):
        await each.leave()


async def _one_by_one(here: Installation) -> None:
    """Print the time to the first token, in turns with a process that drives its own runs on the same database."""
    if here.driving is None:
        client = await here.client()
        times = [await _first_token(client, place) for place in range(WARMING + ONE_BY_ONE)]
        print("10 start to first token, one by one", milliseconds(times[WARMING:]))
        await client.leave()
        return
    with here.driving() as driver:
        await asyncio.to_thread(driver.wait_until_loaded)
        near, far = await Observer.connect(driver, here.token), await here.client(0)
        pairs = [
            (await _first_token(near, place), await _first_token(far, place))
            for place in range(WARMING + ONE_BY_ONE)
        ][WARMING:]
        for each in (near, far):
            await each.leave()
    driven, queued = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    print("10 start to first token, one by one: in process", milliseconds(driven))
    print("   by a worker", milliseconds(queued))
    added = statistics.median(queued) - statistics.median(driven)
    print(f"   the queue adds {added:.1f} ms to the median")


async def _first_token(client: Observer, place: int) -> float:
    """Return the milliseconds from a start to its first token."""
    begin = time.monotonic()
    run = await client.start("emulator/echo", f"one {place}")
    await client.saw(run["run_id"], "TEXT_MESSAGE_CONTENT")
    taken = (time.monotonic() - begin) * 1e3
    await client.ended(run["run_id"])
    await asyncio.sleep(0.02)
    return taken


async def _at_once(clients: list[Observer], number: int) -> tuple[float, float]:
    """Start ``number`` runs at once. Return the seconds until all were stored, and until all ran."""
    begin = time.monotonic()
    starting = [clients[place % len(clients)].start("emulator/silent") for place in range(number)]
    runs = [started["run_id"] for started in await asyncio.gather(*starting)]
    stored = time.monotonic() - begin
    for place, run_id in enumerate(runs):
        await clients[place % len(clients)].saw(run_id, "STEP_STARTED")
    running = time.monotonic() - begin
    await asyncio.gather(
        *(clients[place % len(clients)].ask("cancel", run_id=run_id) for place, run_id in enumerate(runs))
    )
    for place, run_id in enumerate(runs):
        await clients[place % len(clients)].ended(run_id)
    return stored, running
