import asyncio
from dataclasses import replace
from typing import Any

import pytest

from concurrency.redis_slots import SharedSlots, close_shared
from providers import catalog, errors
from providers.adapter import Timeouts
from providers.catalog import Target
from providers.catalog.limits import Limits
from providers.errors.stop_signal import RunCancelled, StopSignal
from providers.retry.limits import ConcurrencySlots, slot
from providers.types.trace import TraceStatus
from tests.faults.redis_process import temporary_redis
from tests.providers.calling import PATIENT, at, until
from tests.providers.retry.attempting import Step, beginning, speaking
from tests.providers.upstream import forever, in_turn, streaming, upstream

CHAT = "openai-chat"
IMPATIENT = Timeouts(connect=1, first_byte=0.2, idle=5)
TALKING = streaming(beginning(CHAT), then=forever)


def limited(origin: str, **limits: int) -> Target:
    return replace(at(origin, CHAT), limits=Limits(**limits))


async def test_slots_are_granted_in_the_order_of_the_requests() -> None:
    slots = ConcurrencySlots(2)
    tickets = [slots.acquire() for _ in range(5)]
    assert [ticket.done() for ticket in tickets] == [True, True, False, False, False]
    slots.give_back(tickets[3])
    slots.give_back(tickets[0])
    slots.give_back(tickets[1])
    assert [ticket.done() for ticket in tickets] == [True, True, True, True, True]
    assert not tickets[2].cancelled()
    assert not tickets[4].cancelled()
    slots.give_back(tickets[2])
    slots.give_back(tickets[4])
    assert [slots.acquire().done() for _ in range(3)] == [True, True, False]


async def test_a_call_waits_until_there_is_a_place(fresh_clients: None) -> None:
    async with upstream(in_turn(TALKING, TALKING, speaking(CHAT))) as server:
        target = limited(server.origin, concurrency=2)
        first, second, third = (Step((target,)) for _ in range(3))
        for step in (first, second):
            step.start()
            await asyncio.wait_for(step.sink.heard.wait(), 20)
        third.start()
        await asyncio.sleep(0.1)
        assert len(server.requests) == 2
        await first.cancellation()
        assert (await third.result()).text == "Hello."
        await second.cancellation()


async def test_a_call_does_not_wait_for_a_place_for_ever(fresh_clients: None) -> None:
    async with upstream(TALKING) as server:
        target = limited(server.origin, concurrency=1)
        first = Step((target,))
        first.start()
        await asyncio.wait_for(first.sink.heard.wait(), 20)
        second = Step((target,), timeouts=IMPATIENT)
        error = await second.failure()
        await first.cancellation()
    assert type(error) is errors.LLMOwnLimitError
    assert error.code == "llm_rate_limit"
    assert "makes 1 calls to test at the same time" in error.message
    (trace,) = second.recorder.traces
    assert (trace.status, trace.url) == (TraceStatus.FAILED, "")
    assert trace.error is not None
    assert (trace.error["limit"], trace.error["value"]) == ("concurrency", 1)
    assert len(server.requests) == 1


async def test_a_cancel_ends_the_wait_for_a_place(fresh_clients: None) -> None:
    async with upstream(in_turn(TALKING, speaking(CHAT))) as server:
        target = limited(server.origin, concurrency=1)
        first, second = Step((target,)), Step((target,))
        first.start()
        await asyncio.wait_for(first.sink.heard.wait(), 20)
        second.start()
        await asyncio.sleep(0.05)
        cancelled = await second.cancellation()
        await first.cancellation()
        # Neither has kept its place.
        assert (await Step((target,)).result()).text == "Hello."
    assert cancelled.partial is not None
    assert not cancelled.partial.stream_was_cancelled
    (trace,) = second.recorder.traces
    assert (trace.status, trace.url) == (TraceStatus.CANCELLED, "")


async def test_a_task_that_is_cancelled_gives_its_place_back() -> None:
    never = StopSignal()

    async def hold() -> None:
        async with slot("one", Limits(concurrency=1), cancel=never, patience=60):
            await StopSignal().wait()

    holders = [asyncio.create_task(hold()) for _ in range(3)]
    await asyncio.sleep(0)
    for holder in (holders[1], holders[0], holders[2]):
        holder.cancel()
    await asyncio.gather(*holders, return_exceptions=True)
    async with slot("one", Limits(concurrency=1), cancel=never, patience=0.01):
        pass


async def test_no_more_requests_are_sent_than_a_minute_may_have(fresh_clients: None) -> None:
    async with upstream(speaking(CHAT)) as server:
        target = limited(server.origin, requests_per_minute=2)
        for _ in range(2):
            await Step((target,)).result()
        third = Step((target,))
        error = await third.failure()
    assert type(error) is errors.LLMOwnLimitError
    assert error.retry_after == pytest.approx(60, abs=20)
    assert "sends test 2 requests a minute" in error.message
    assert len(server.requests) == 2
    assert third.recorder.traces[0].url == ""


async def test_a_call_that_has_the_time_waits_for_the_next_minute(fresh_clients: None) -> None:
    async with upstream(speaking(CHAT)) as server:
        target = limited(server.origin, requests_per_minute=1)
        await Step((target,)).result()
        second = Step((target,), timeouts=replace(PATIENT, first_byte=90))
        second.start()
        await asyncio.sleep(0.1)
        cancelled = await second.cancellation()
    assert isinstance(cancelled, RunCancelled)
    assert len(server.requests) == 1


async def test_a_limit_that_cannot_be_counted_fails_nobody(fresh_clients: None, settings: Any) -> None:
    async with upstream(forever) as nobody:
        address = nobody.origin.removeprefix("http")
    settings.REDIS_URL = f"redis{address}/0"
    async with upstream(speaking(CHAT)) as server:
        step = Step((limited(server.origin, requests_per_minute=1),))
        assert (await step.result()).text == "Hello."


@pytest.mark.parametrize(("concurrency", "requests", "expected"), [(0, 0, (None, None)), (4, 60, (4, 60))])
def test_providers_from_the_environment_have_its_limits(
    concurrency: int, requests: int, expected: tuple[int | None, int | None], settings: Any
) -> None:
    settings.RUNNEL_PROVIDER_CONCURRENCY = concurrency
    settings.RUNNEL_PROVIDER_REQUESTS_PER_MINUTE = requests
    limits = catalog.resolve("emulator/hello").limits
    assert (limits.concurrency, limits.requests_per_minute) == expected


async def test_several_waiters_come_one_after_the_other(fresh_clients: None) -> None:
    async with upstream(speaking(CHAT)) as server:
        target = limited(server.origin, concurrency=1)
        steps = [Step((target,)) for _ in range(10)]
        for step in steps:
            step.start()
        await asyncio.gather(*(step.result() for step in steps))
    await until(lambda: server.open == 0)
    assert len(server.requests) == 10


async def test_a_place_that_another_process_has_is_waited_for(fresh_clients: None, settings: Any) -> None:
    with temporary_redis() as redis:
        settings.REDIS_URL = redis.url
        other = SharedSlots(settings.REDIS_URL)
        async with upstream(speaking(CHAT)) as server:
            target = limited(server.origin, concurrency=1)
            held = await other.take("test", 1)
            assert held is not None
            refused = Step((target,), timeouts=IMPATIENT)
            assert "makes 1 calls to test at the same time" in (await refused.failure()).message
            step = Step((target,))
            step.start()
            await other.give_back(held)
            assert (await step.result()).text == "Hello."
            # It has given its own place back.
            assert await other.take("test", 1) is not None
        await other.close()
        await close_shared()
