"""Runs that are cancelled at random moments."""

import asyncio
import json
import random
import time
from collections import Counter
from uuid import UUID

from benchmarks.faults.installation import Installation
from benchmarks.faults.observer import Observer, is_whole
from benchmarks.faults.spread import milliseconds
from emulator import Emulator, ExchangeOutcome
from emulator.exchanges import EmulatedExchange

#: What is cancelled: endless streams, silent ones, ones that never answer, and ones that are over at any moment.
MODELS = ("drip", "drip", "stall-mid", "silent", "stall-headers", "echo")


class Cancels:
    """Cancels of one sort, and what came of them."""

    def __init__(self, here: Installation, chance: random.Random, upstream: Emulator) -> None:
        self.here = here
        #: Milliseconds from the cancel's frame to the closed connection to the provider, and to the run's end.
        self.closed: list[float] = []
        self.told: list[float] = []
        self.states = Counter[str]()
        self.broken = self.open = 0
        self._chance = chance
        self._upstream = upstream

    async def lane(self, numbers: range, name: str) -> None:
        """Cancel one run after the other."""
        clients = [await self.here.client(0), await self.here.client(1)]
        for number in numbers:
            if time.monotonic() > self.here.deadline:
                break
            await self._one(clients, f"{name} {number}")
            for client in clients:
                client.frames.clear()
                client.times.clear()
        for client in clients:
            await client.leave()

    async def _one(self, clients: list[Observer], label: str) -> None:
        starter, other = self._chance.choice(clients), self._chance.choice(clients)
        run_id = str(UUID(int=self._chance.getrandbits(128), version=4))
        model = self._chance.choice(MODELS)
        starting = asyncio.create_task(starter.start(f"openai-chat/{model}", f"<{label}>", run_id=run_id))
        if self._chance.random() < 0.2 and other is starter:
            # In one burst with the start.
            await asyncio.sleep(0)
        else:
            await starting
            await asyncio.sleep(
                self._chance.choice((0.0, self._chance.random() * 0.05, self._chance.random() * 0.4))
            )
        begin = time.monotonic()
        await other.ask("cancel", run_id=run_id)
        await starting
        end = await starter.ended(run_id)
        outcome = end.get("outcome", {}).get("type", end["type"])
        self.states[outcome] += 1
        self.broken += not is_whole(starter.frames[run_id])
        if outcome == "cancelled":
            self.told.append((starter.times[run_id][-1] - begin) * 1e3)
        if (exchange := self._exchange(f"<{label}>")) is not None:
            await self._note_end(exchange, begin)

    def _exchange(self, label: str) -> EmulatedExchange | None:
        for exchange in reversed(self._upstream.exchanges):
            if label in json.dumps(exchange.body):
                return exchange
        return None

    async def _note_end(self, exchange: EmulatedExchange, begin: float) -> None:
        try:
            await self._upstream.wait_for(lambda each: each is exchange and not each.is_open, timeout=10)
        except TimeoutError:
            self.open += 1
        if exchange.outcome is ExchangeOutcome.PEER_GONE and exchange.ended is not None:
            self.closed.append((exchange.ended - begin) * 1e3)


async def cancels(
    here: Installation,
    number: int,
    chance: random.Random,
    upstream: Emulator,
    *,
    lanes: int,
    how: str = "",
) -> None:
    """Cancel runs at random moments through any web process; measure until the upstream is left."""
    noticed = Cancels(here, chance, upstream)
    begin = time.monotonic()
    async with asyncio.TaskGroup() as group:
        for lane in range(lanes):
            numbers = range(lane, number, lanes)
            group.create_task(noticed.lane(numbers, f"cancel{how} {lane}"))
    seconds = time.monotonic() - begin
    print(
        f"3  cancel x{noticed.states.total()} of {number}{how}, {lanes} at a time, {seconds:.0f} s: {dict(noticed.states)}, "
        f"stuck {await here.all_ended(20)}, logs with a gap or not one end {noticed.broken}, "
        f"upstreams left open {noticed.open}"
    )
    print("   frame to upstream closed", milliseconds(noticed.closed), f"(n {len(noticed.closed)})")
    print("   frame to terminal event", milliseconds(noticed.told), f"(n {len(noticed.told)})", flush=True)


async def cancels_without_redis(
    here: Installation, number: int, chance: random.Random, upstream: Emulator, *, lanes: int
) -> None:
    """The same while Redis hangs, and while it is dead."""
    if here.redis is None:
        return
    with here.redis.hung():
        await cancels(here, number, chance, upstream, lanes=lanes, how=", Redis hung")
    with here.redis.dead():
        await cancels(here, number, chance, upstream, lanes=lanes, how=", Redis dead")
