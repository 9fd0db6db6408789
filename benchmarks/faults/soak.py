"""Mixed use at an even rate for a long time, without ``DEBUG``: what grows with every run?

The first ``WARM_UP`` runs come as fast as they are answered and are not measured: caches fill, and the allocator finds its size. Then
memory is read every ten seconds while runs start at the rate. Descriptors, threads and database connections are compared at rest,
before and after.
"""

import asyncio
import itertools
import random
import statistics
import time
from collections import Counter
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks import machine
from benchmarks.faults.installation import PATIENCE, Installation, installed
from benchmarks.server import PROVIDERS, free_port, providers_at
from emulator import Emulator
from tests.faults.server_process import Client

#: Runs before anything is measured, and how many of them are under way at once.
WARM_UP, AT_ONCE = 5_000, 24
#: Runs that start in a second while memory is measured.
RATE = 5.0
#: Seconds between two readings of memory, between two lines, and without any run before what is open is counted.
READ, LINE, REST = 10.0, 60.0, 30.0
#: Sockets that most runs share, and seconds between two that are replaced.
SOCKETS, REPLACED = 12, 2.0
#: Seconds after which a replaced socket is closed, at the earliest.
LEAVES = 20.0
#: Turns of a conversation, so that its runs do not become longer and longer.
TURNS = 4


@dataclass(kw_only=True)
class _Open:
    """What the processes of an installation hold, each process by itself, and the connections of the database."""

    descriptors: list[int]
    threads: list[int]
    connections: int


@dataclass
class _Crowd:
    """People who use an installation."""

    here: Installation
    chance: random.Random
    outcomes: Counter[str] = field(default_factory=Counter)
    #: Conversations that go on, and how many turns each has had.
    conversations: dict[str, int] = field(default_factory=dict)
    sockets: list[Client] = field(default_factory=list)
    _opened: int = 0

    async def arrive(self) -> None:
        self.sockets = [await self._socket() for _ in range(SOCKETS)]

    async def leave(self) -> None:
        for client in self.sockets:
            await client.leave()

    async def replace(self) -> None:
        """Let somebody come back over a new socket, again and again."""
        leaving: list[asyncio.Task[None]] = []
        for place in itertools.count():
            await asyncio.sleep(REPLACED)
            fresh = await self._socket()
            old, self.sockets[place % SOCKETS] = self.sockets[place % SOCKETS], fresh
            leaving.append(asyncio.create_task(_leave_later(old)))
            leaving = [task for task in leaving if not task.done()]

    async def use(self) -> None:
        """Do one thing of those that people do."""
        kinds: list[tuple[int, Callable[[Client], Coroutine[Any, Any, None]]]] = [
            (40, self._short),
            (15, self._conversation),
            (15, self._cancelled),
            (10, self._approved),
            (10, self._failing),
            (10, self._watched_and_left),
        ]
        (kind,) = self.chance.choices([kind for _, kind in kinds], [weight for weight, _ in kinds])
        try:
            async with asyncio.timeout(PATIENCE):
                await kind(await self._living())
        except Exception as error:  # noqa: BLE001 - it is counted, and the soak goes on
            self.outcomes[f"{kind.__name__.strip('_')}: {type(error).__name__}: {error}"[:60]] += 1

    async def _socket(self) -> Client:
        self._opened += 1
        return await self.here.client(self._opened)

    async def _living(self) -> Client:
        """Return one of the sockets; one that has ended, as on a machine that is too busy for pings, is opened anew."""
        place = self.chance.randrange(SOCKETS)
        if self.sockets[place].has_ended:
            self.outcomes["a socket had ended"] += 1
            self.sockets[place] = await self._socket()
        return self.sockets[place]

    def _other(self, client: Client) -> Client:
        others = [each for each in self.sockets if each is not client and not each.has_ended]
        return self.chance.choice(others or [client])

    async def _end(self, client: Client, run_id: str) -> None:
        end = await client.ended(run_id)
        self._note(client, run_id, end["outcome"]["type"] if "outcome" in end else end["code"])

    def _note(self, client: Client, run_id: str, outcome: str) -> None:
        frames = client.frames.pop(run_id, [])
        self.outcomes[outcome if frames else "nothing was seen"] += 1

    async def _short(self, client: Client) -> None:
        provider, model = (
            self.chance.choice([*PROVIDERS.values()]),
            self.chance.choice(("echo", "length", "refusal")),
        )
        run = await client.start(f"{provider}/{model}", "some words " * self.chance.randrange(1, 40))
        await self._end(client, run["run_id"])

    async def _conversation(self, client: Client) -> None:
        free = [*self.conversations]
        place = self.chance.choice(free) if free and self.chance.random() < 0.8 else None
        turns = self.conversations.pop(place, 0) if place else 0
        run = await client.start(
            "openai-chat/echo", "and another thing", **({"conversation_id": place} if place else {})
        )
        await self._end(client, run["run_id"])
        if turns + 1 < TURNS:
            self.conversations[run["conversation_id"]] = turns + 1

    async def _cancelled(self, client: Client) -> None:
        # It ends by itself, if nobody is left to cancel it.
        run = await client.start("openai-chat/long")
        await asyncio.sleep(self.chance.random() * 0.5)
        await self._other(client).ask("cancel", run_id=run["run_id"])
        await self._end(client, run["run_id"])

    async def _approved(self, client: Client) -> None:
        run = await client.start(
            "openai-chat/calls", '[[call launch {"label": "soak"}]]', options={"tools": ["launch"]}
        )
        run_id = run["run_id"]
        (interrupt,) = (await client.ended(run_id))["outcome"]["interrupts"]
        seen = len(client.frames[run_id])
        entry = {
            "interruptId": interrupt["id"],
            "status": "resolved",
            "payload": {"approved": self.chance.random() < 0.7},
            "metadata": {"digest": interrupt["metadata"]["digest"]},
        }
        await self._other(client).ask("resolve", run_id=run_id, resume=[entry])
        await client.until(lambda: len(client.frames[run_id]) > seen)
        await self._end(client, run_id)

    async def _failing(self, client: Client) -> None:
        model = self.chance.choice(("unauthorized", "context", "truncated", "reset", "rate-limited"))
        run = await client.start(f"openai-chat/{model}", options={"max_retries": 0})
        await self._end(client, run["run_id"])

    async def _watched_and_left(self, client: Client) -> None:
        """Watch a run over a socket that breaks, then come back and read the rest."""
        run = await client.start("openai-chat/hello")
        other = await self._socket()
        await other.ask("subscribe", run_id=run["run_id"])
        await asyncio.sleep(self.chance.random())
        other._connection.transport.abort()
        again = await self._socket()
        await again.ask("subscribe", run_id=run["run_id"], after=0)
        await self._end(again, run["run_id"])
        await again.leave()
        await client.ended(run["run_id"])
        client.frames.pop(run["run_id"], None)


async def _leave_later(client: Client) -> None:
    await asyncio.sleep(LEAVES)
    while client.frames:  # noqa: ASYNC110 - what was begun over it ends first
        await asyncio.sleep(1)
    await client.leave()


async def soak(here: Installation, minutes: int, chance: random.Random) -> None:
    """Use an installation for ``minutes``; print each minute what it holds, and at the end what has grown."""
    crowd = _Crowd(here, chance)
    pids = [each.pid for each in (*here.web, *here.workers)]
    _say("at the start, at rest", here, pids)
    await crowd.arrive()
    replacing = asyncio.create_task(crowd.replace())
    begin = time.monotonic()
    await _as_fast_as_answered(crowd)
    print(
        f"13 warm-up: {WARM_UP} runs in {time.monotonic() - begin:.0f} s: {dict(crowd.outcomes)}", flush=True
    )
    await asyncio.sleep(REST)
    before = _say("at rest", here, pids)
    readings = await _at_a_rate(crowd, here, pids, minutes * 60)
    await asyncio.sleep(REST)
    after = _say("at rest again", here, pids)
    replacing.cancel()
    await crowd.leave()
    print(f"13 soak of {minutes} min at {RATE:g} runs/s: {dict(crowd.outcomes)}, stuck {here.unfinished()}")
    for name, series in zip(_names(here), readings, strict=True):
        slope, _ = statistics.linear_regression([at for at, _ in series], [size for _, size in series])
        print(f"   {name}: RSS {series[0][1]:.1f} to {series[-1][1]:.1f} MB, slope {slope * 3600:+.1f} MB/h")
    print(
        f"   descriptors {before.descriptors} to {after.descriptors}, threads {before.threads} to {after.threads},"
        f" database connections {before.connections} to {after.connections}",
        flush=True,
    )


async def _as_fast_as_answered(crowd: _Crowd) -> None:
    left = iter(range(WARM_UP))

    async def use() -> None:
        for _ in left:
            await crowd.use()

    await asyncio.gather(*(use() for _ in range(AT_ONCE)))


async def _at_a_rate(
    crowd: _Crowd, here: Installation, pids: Sequence[int], seconds: float
) -> list[list[tuple[float, float]]]:
    """Start runs at ``RATE``. Return for each process the seconds since the beginning and the MB that it had then."""
    readings: list[list[tuple[float, float]]] = [[] for _ in pids]
    begin = time.monotonic()
    read_at = line_at = 0.0
    under_way: set[asyncio.Task[None]] = set()
    for number in itertools.count():
        await asyncio.sleep(begin + number / RATE - time.monotonic())
        passed = time.monotonic() - begin
        if passed >= read_at:
            read_at += READ
            for series, pid in zip(readings, pids, strict=True):
                series.append((passed, machine.resident_bytes(pid) / 1e6))
        if passed >= line_at:
            line_at += LINE
            _say(f"after {passed / 60:.0f} min, {number} runs, {len(under_way)} under way", here, pids)
        if passed >= seconds:
            break
        task = asyncio.create_task(crowd.use())
        under_way.add(task)
        task.add_done_callback(under_way.discard)
    await asyncio.gather(*under_way)
    return readings


def _names(here: Installation) -> list[str]:
    web = [f"web {place}" for place, _ in enumerate(here.web, start=1)]
    return web + [f"worker {place}" for place, _ in enumerate(here.workers, start=1)]


def _say(when: str, here: Installation, pids: Sequence[int]) -> _Open:
    """Print and return what the processes hold now."""
    found = _Open(
        descriptors=[_entries(pid, "fd") for pid in pids],
        threads=[_entries(pid, "task") for pid in pids],
        connections=_connections(here),
    )
    sizes = " ".join(f"{machine.resident_bytes(pid) / 1e6:.1f}" for pid in pids)
    load = Path("/proc/loadavg").read_text().split()[0]
    print(
        f"   {time.strftime('%H:%M:%S')} {when}: RSS {sizes} MB, descriptors {found.descriptors}, threads {found.threads},"
        f" database connections {found.connections}, load {load}",
        flush=True,
    )
    return found


def _entries(pid: int, what: str) -> int:
    return sum(1 for _ in Path(f"/proc/{pid}/{what}").iterdir())


def _connections(here: Installation) -> int:
    """Return how many connections PostgreSQL has beside the one that asks; 0 for SQLite."""
    if not here.workers:
        return 0
    ((number,),) = here.rows(
        "SELECT count(*) - 1 FROM pg_stat_activity WHERE backend_type = 'client backend'"
    )
    return int(number)


def soaks(minutes: int, settings: Mapping[str, str], is_one: bool) -> None:
    """Use an installation without ``DEBUG`` for so many minutes."""
    upstream_port = free_port()
    own = providers_at(f"http://127.0.0.1:{upstream_port}") | {
        "DEBUG": "false",
        "SECRET_KEY": "one for all, and long enough for a deployment",
        # Its failing runs are deliberate.
        "RUNNEL_CIRCUIT_FAILURES": "0",
    }
    with installed({**settings, **own}, is_one=is_one) as here:

        async def use() -> None:
            upstream = await Emulator.start(port=upstream_port)
            await soak(here, minutes, random.Random(minutes))
            await upstream.close()

        asyncio.run(use())
