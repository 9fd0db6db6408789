"""Workers that die: by a run that kills whoever reads it, and while a tool is at work."""

import asyncio
import time

from benchmarks.faults import people
from benchmarks.faults.installation import PATIENCE, Installation
from benchmarks.faults.observer import Observer
from benchmarks.faults.spread import seconds
from tests.faults.poison import NAME
from tests.faults.server_process import ServerProcess


async def poison(here: Installation, number: int) -> None:
    """Start runs that kill each worker that reads them, beside runs of others; dead workers are started again."""
    if not here.workers:
        print("10 a run that kills its worker: there are no workers")
        return
    (person,) = await asyncio.to_thread(people.make, here.web[0], [NAME])
    poisoned = await Observer.connect(here.web[0], person.token)
    other = await here.client(1)
    reviving = [asyncio.create_task(_revive(worker)) for worker in here.workers]
    given_up, waited, deaths = list[float](), list[float](), 0
    codes: list[str] = []
    for place in range(number):
        begin = time.monotonic()
        # Both are there before a worker looks, so that it may claim them together.
        innocent = [other.start("emulator/echo", f"beside {place} {each}") for each in range(4)]
        run, *beside = await asyncio.gather(
            poisoned.start("emulator/echo", "poison", options={"tools": ["drink"]}), *innocent
        )
        while not (poisoned.frames[run["run_id"]] and poisoned.told(run["run_id"])):
            fresh = await other.start("emulator/echo", "meanwhile")
            asked = time.monotonic()
            await other.ended(fresh["run_id"])
            waited.append(time.monotonic() - asked)
            await asyncio.sleep(0.3)
        end = await poisoned.ended(run["run_id"])
        codes.append(end.get("code") or end["type"])
        given_up.append(time.monotonic() - begin)
        codes += [(await other.ended(each["run_id"]))["type"] for each in beside]
        ((claims,),) = here.rows("SELECT claims FROM runs_run WHERE id = %s", run["run_id"])
        deaths += claims
    for task in reviving:
        task.cancel()
    await asyncio.gather(*reviving, return_exceptions=True)
    for worker in here.workers:
        if not worker.is_running:
            await asyncio.to_thread(worker.start, patience=PATIENCE)
    counts = {code: codes.count(code) for code in codes}
    print(
        f"10 a run that kills its worker x{number}: {deaths} claims, ends of it and of those beside it {counts}"
    )
    print("   given up after", seconds(given_up), "| others' runs took meanwhile", seconds(waited))
    print(f"   not terminal {await here.all_ended()}", flush=True)
    for each in (poisoned, other):
        await each.leave()


async def _revive(worker: ServerProcess) -> None:
    """Start a worker again whenever it has died, as a service manager does."""
    while True:
        if not worker.is_running:
            await asyncio.to_thread(worker.start, patience=PATIENCE)
        await asyncio.sleep(0.1)


async def tools(here: Installation, number: int) -> None:
    """Kill the process whose run has a tool at work; look whether the call is repeated."""
    processes = here.workers or here.web
    wrong = 0
    ends: list[str] = []
    for place in range(number):
        client = await here.client()
        label = f"killed-{time.monotonic_ns()}"
        order = f'[[call linger {{"label": "{label}", "seconds": 60}}]]'
        run_id = (await client.start("emulator/calls", order, options={"tools": ["linger"]}))["run_id"]
        await _noted(here, label)
        ((worker, _, _),) = here.runs([run_id]).values()
        (victim,) = [each for each in processes if f":{each.pid}:" in worker]
        victim.kill()
        await asyncio.to_thread(victim.start, patience=PATIENCE)
        watcher = await here.client(place)
        await watcher.ask("subscribe", run_id=run_id)
        end = await watcher.ended(run_id)
        ends.append(end.get("code") or end["type"])
        ((status,),) = here.rows("SELECT status FROM runs_toolcall WHERE run_id = %s", here.key(run_id))
        executed = sum(text.count(f"linger {label}") for text in _notes(here))
        wrong += (status, executed) != ("interrupted", 1)
        for each in (client, watcher):
            await each.leave()
    counts = {end: ends.count(end) for end in ends}
    print(f"10 killed with a tool at work x{number}: {counts}, calls repeated or not interrupted {wrong}")


async def _noted(here: Installation, label: str) -> None:
    """Wait until a tool has noted that it is at work."""
    while not any(label in text for text in _notes(here)):  # noqa: ASYNC110 - of other processes
        await asyncio.sleep(0.02)


def _notes(here: Installation) -> list[str]:
    processes = here.workers or here.web
    return [path.read_text() for each in processes for path in each.folder.glob("workshop")]
