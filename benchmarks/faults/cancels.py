"""Runs that are cancelled at random moments."""

import asyncio
import random
import time
from functools import partial

from benchmarks.faults.installation import Installation
from benchmarks.faults.spread import milliseconds
from emulator import Emulator, ExchangeOutcome
from emulator.exchanges import EmulatedExchange


async def cancels(here: Installation, number: int, chance: random.Random, upstream: Emulator) -> None:
    """Cancel runs at random moments through any web process; measure until the upstream is left."""
    closed: list[float] = []
    clients = [await here.client(0), await here.client(1)]
    states: dict[str, int] = {}
    for place in range(number):
        client, other = clients[place % 2], clients[chance.randrange(2)]
        before = len(upstream.exchanges)
        run = await client.start("openai-chat/drip", f"cancel {place}")
        await asyncio.sleep(chance.choice((0.0, chance.random() * 0.05, chance.random() * 0.4)))
        begin = time.monotonic()
        await other.ask("cancel", run_id=run["run_id"])
        end = await client.ended(run["run_id"])
        outcome = end.get("outcome", {}).get("type", end["type"])
        states[outcome] = states.get(outcome, 0) + 1
        for exchange in list(upstream.exchanges)[before:]:
            async with asyncio.timeout(10):
                await upstream.wait_for(partial(_is_over, exchange))
            if exchange.outcome is ExchangeOutcome.PEER_GONE and exchange.ended is not None:
                closed.append((exchange.ended - begin) * 1e3)
        client.frames.clear()
    for client in clients:
        await client.leave()
    print(f"3  cancel x{number}: {states}, stuck {here.unfinished()}")
    print("   frame to upstream closed", milliseconds(closed))


def _is_over(exchange: EmulatedExchange, each: EmulatedExchange) -> bool:
    return each is exchange and not each.is_open
