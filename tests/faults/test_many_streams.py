"""Many streams at once, and many calls one after the other: all are active, and nothing is left of them.

Calls of the adapter, through the real SDKs to one provider. ``MANY_STREAMS`` and ``MANY_CALLS`` say how many.
"""

import asyncio
import gc
import os
from collections import Counter
from collections.abc import AsyncIterator
from itertools import count, cycle
from pathlib import Path
from typing import Any

import httpx2
import pytest

from emulator import Emulator
from providers import clients
from providers.adapter import Timeouts
from providers.clients import pool
from providers.errors import LLMError
from providers.errors.stop_signal import RunCancelled
from tests.providers.calling import WIRES, Call, at, calls_tasks, until

STREAMS = int(os.environ.get("MANY_STREAMS") or 300)
CALLS = int(os.environ.get("MANY_CALLS") or 1_000)

#: Calls under way at the same time where they come and go.
AT_ONCE = 32
#: Objects that hang on one open connection, at most: in all, and of one type.
OF_A_CONNECTION = 100
OF_ONE_TYPE = 4
#: Calls after which every pool, cache and memory of a fixed size is full.
WARMING = 540

#: One client for each SDK: both of OpenAI's wires have the same.
SDKS = 3

#: Seconds until what must come has come, on a shared machine.
STUCK = 30

#: The first must not be given up for its silence before the last has begun.
NO_HURRY = Timeouts(connect=2 * STUCK, first_byte=2 * STUCK, idle=2 * STUCK)

#: How calls end: well, in each way that leaves a connection in another state, and cancelled.
ENDS = (
    "Tell me.",
    "[[fault=reset]]",
    "[[fault=abrupt]]",
    "[[fault=truncate]]",
    "[[fault=error kind=rate_limited]]",
    "[[fault=error_event]]",
    "[[fault=bad_json]]",
    "[[fault=endless]]",
    "[[fault=silence after=3]] cancel",
    "[[fault=silence]] cancel",
)

#: Whose objects are counted; the emulator remembers what it was asked.
OURS = ("providers.", "httpx2", "httpcore2", "openai", "anthropic", "google.genai", "_asyncio", "asyncio")

DESCRIPTORS = Path("/proc/self/fd")


@pytest.fixture
async def provider(sdks: None) -> AsyncIterator[Emulator]:
    """The one provider that all calls go to."""
    emulator = await Emulator.start()
    yield emulator
    await clients.close_all()
    await emulator.close()


@pytest.mark.parametrize("wire", WIRES)
async def test_as_many_streams_as_wanted_are_active_at_once(wire: str, provider: Emulator) -> None:
    # The one that waits for the SDK's first request leaves a connection and a client as every later one does.
    await Call(at(provider.origin, wire, model="length")).start()
    before = descriptors()
    stalled = at(provider.origin, wire, model="stall-mid")
    calls = [Call(stalled, timeouts=NO_HURRY) for _ in range(STREAMS)]
    for call in calls:
        call.start()
    async with asyncio.timeout(STUCK):
        await asyncio.gather(*(call.sink.heard.wait() for call in calls))

    assert len(provider.active) == STREAMS
    assert len(connections()) >= STREAMS
    assert number_of_clients() == 1

    for call in calls:
        call.cancel.set()
    ends = await asyncio.gather(*(call.task for call in calls if call.task), return_exceptions=True)
    assert Counter(type(end) for end in ends) == {RunCancelled: STREAMS}
    assert {call.trace.stream_was_cancelled for call in calls} == {True}
    await until(lambda: not provider.active, seconds=STUCK)
    await until(lambda: calls_tasks() == [], seconds=STUCK)
    assert busy() == []
    await until(lambda: descriptors() <= before, seconds=STUCK)


async def test_calls_leave_nothing_behind_however_they_end(provider: Emulator) -> None:
    wires, numbers = cycle(WIRES), count()

    async def one() -> None:
        number = next(numbers)
        wanted = ENDS[number // len(WIRES) % len(ENDS)]
        # Every call says something else, as people do.
        call = Call(at(provider.origin, next(wires), model="length"), prompt=f"{number}: {wanted}")
        task = call.start()
        if wanted.endswith("cancel"):
            asked = call.sink.heard.wait() if "after" in wanted else asyncio.sleep(0.02)
            await asyncio.wait_for(asked, STUCK)
            call.cancel.set()
        try:
            await asyncio.wait_for(task, STUCK)
        except (LLMError, RunCancelled):
            assert "fault" in wanted
        else:
            assert "fault" not in wanted or "endless" in wanted
        assert call.trace.ended_at

    async def many(calls: int) -> None:
        left = iter(range(calls))

        async def caller() -> None:
            for _ in left:
                await one()

        await asyncio.gather(*(caller() for _ in range(AT_ONCE)))
        await until(lambda: not provider.active and calls_tasks() == [], seconds=STUCK)
        assert busy() == []

    await many(WARMING)
    clients_before, descriptors_before, objects_before = number_of_clients(), descriptors(), objects()
    await many(CALLS)

    assert number_of_clients() == clients_before == SDKS
    # A connection has two ends here, and not every caller must have had one when it was counted.
    assert descriptors() <= descriptors_before + 2 * AT_ONCE
    assert len(connections()) <= AT_ONCE
    grown = objects() - objects_before
    # What hangs on a connection comes and goes with it; what calls leave would be as many as they are.
    assert grown.pop("everything", 0) < CALLS + AT_ONCE * OF_A_CONNECTION
    assert {name: more for name, more in grown.items() if more > CALLS // 20 + AT_ONCE * OF_ONE_TYPE} == {}


def descriptors() -> int:
    return len(list(DESCRIPTORS.iterdir())) if DESCRIPTORS.exists() else 0


def objects() -> Counter[str]:
    """Count what the collector knows: all of it, and ours and the SDKs' by type."""
    gc.collect()
    everything = gc.get_objects()
    # A class may say of its module whatever it likes.
    kinds = [(str(type(each).__module__), type(each).__qualname__) for each in everything]
    ours = Counter(
        f"{module}.{name}"
        for module, name in kinds
        if module.startswith(OURS) and not module.startswith("emulator")
    )
    return ours + Counter(everything=len(everything))


def _here() -> Any:
    return pool.of_this_loop.get()


def number_of_clients() -> int:
    return len(_here()._sdk_clients)


def connections() -> list[Any]:
    """Return what the pool holds: connections in use, and those that wait for the next call."""
    transport = _here().http._transport_for_url(httpx2.URL("http://127.0.0.1"))
    found: list[Any] = transport._pool.connections
    return found


def busy() -> list[Any]:
    return [each for each in connections() if not (each.is_idle() or each.is_closed())]
