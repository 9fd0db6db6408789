import asyncio
import gc
import random
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from types import AsyncGeneratorType

import pytest

from emulator import Emulator, ExchangeOutcome
from emulator.exchanges import EmulatedExchange
from providers import clients
from providers.clients import pool
from providers.errors.stop_signal import RunCancelled
from providers.types import FinishReason
from providers.types.events import ModelEvent, UsageSeen
from providers.types.trace import TraceStatus
from providers.types.usage import UsageSource
from providers.usage import text_tokens
from tests.providers.calling import WIRES, Call, Sink, at, calls_tasks, emulated, until
from tests.providers.upstream import forever, streaming, upstream

#: Seconds from the cancel until the upstream must have noticed; generous for a shared machine.
PROMPTLY = 1.0

every_wire = pytest.mark.parametrize("wire", WIRES)


def is_gone(exchange: EmulatedExchange) -> bool:
    return exchange.outcome is ExchangeOutcome.PEER_GONE


def suspended() -> set[str]:
    """Return the generators that are in the middle of something, whoever holds them."""
    found = (each for each in gc.get_objects() if isinstance(each, AsyncGeneratorType))
    return {repr(each) for each in found if each.ag_frame is not None}


async def assert_closed(emulator: Emulator, call: Call) -> None:
    """The upstream has seen its peer go, and the call has left one trace and no connection."""
    await emulator.wait_for(is_gone, timeout=PROMPTLY)
    assert not emulator.active
    assert call.trace.status is TraceStatus.CANCELLED
    assert call.trace.error_code is None
    assert call.trace.upstream_closed_ms is not None
    assert call.trace.upstream_closed_ms < PROMPTLY * 1000


@every_wire
async def test_it_sends_nothing_when_the_cancel_came_first(wire: str, emulator: Emulator) -> None:
    call = Call(emulated("hello", wire))
    call.cancel.set()
    call.start()
    cancelled = await call.cancellation()
    assert not emulator.exchanges
    assert cancelled.partial is not None
    assert not cancelled.partial.stream_was_cancelled
    assert cancelled.upstream_closed_ms is None
    assert (call.trace.status, call.trace.request, call.trace.url) == (TraceStatus.CANCELLED, None, "")


@every_wire
async def test_it_stops_while_it_connects(wire: str, fresh_clients: None) -> None:
    with full_listener() as origin:
        call = Call(at(origin, wire))
        call.start()
        await asyncio.sleep(0.2)
        cancelled = await asyncio.wait_for(call.cancellation(), PROMPTLY)
    assert cancelled.partial is not None
    assert not cancelled.partial.stream_was_cancelled
    assert call.trace.status is TraceStatus.CANCELLED
    assert call.trace.request is not None


@every_wire
async def test_it_stops_while_it_awaits_headers(wire: str, emulator: Emulator) -> None:
    call = Call(emulated("stall-headers", wire))
    call.start()
    await emulator.wait_for(lambda exchange: True)
    cancelled = await call.cancellation()
    await assert_closed(emulator, call)
    assert cancelled.partial is not None
    assert not cancelled.partial.stream_was_cancelled
    assert call.trace.http_status is None


@every_wire
async def test_it_stops_between_headers_and_body(wire: str, emulator: Emulator) -> None:
    call = Call(emulated("silent", wire))
    call.start()
    await emulator.wait_for(lambda exchange: exchange.status == 200)
    await asyncio.sleep(0.1)
    cancelled = await call.cancellation()
    await assert_closed(emulator, call)
    assert cancelled.partial is not None
    assert cancelled.partial.stream_was_cancelled
    assert call.trace.http_status == 200
    assert call.trace.stream_was_cancelled


@every_wire
@pytest.mark.parametrize("model", ["stall-mid", "drip"])
async def test_it_stops_mid_stream_and_keeps_what_was_said(wire: str, model: str, emulator: Emulator) -> None:
    call = Call(emulated(model, wire))
    call.start()
    await asyncio.wait_for(call.sink.heard.wait(), 5)
    await asyncio.sleep(0.1)
    cancelled = await call.cancellation()
    await assert_closed(emulator, call)
    partial = cancelled.partial
    assert partial is not None
    assert partial.stream_was_cancelled
    assert partial.stop_reason is None
    assert partial.text == call.sink.text != ""
    assert call.trace.response
    assert call.trace.events
    assert call.trace.bytes


@every_wire
async def test_it_stops_a_flood(wire: str, emulator: Emulator) -> None:
    call = Call(emulated("fast", wire))
    call.start()
    await asyncio.wait_for(call.sink.heard.wait(), 5)
    cancelled = await call.cancellation()
    await assert_closed(emulator, call)
    assert cancelled.partial is not None
    assert cancelled.partial.stream_was_cancelled
    assert cancelled.partial.text == call.sink.text


@every_wire
async def test_it_stops_while_the_log_is_too_slow_to_take_more(wire: str, emulator: Emulator) -> None:
    call = Call(emulated("fast", wire))
    call.sink.room.clear()
    call.start()
    await asyncio.wait_for(call.sink.blocked.wait(), 5)
    cancelled = await call.cancellation()
    await assert_closed(emulator, call)
    assert cancelled.partial is not None
    assert cancelled.partial.stream_was_cancelled
    assert cancelled.partial.text == call.sink.text != ""


@every_wire
@pytest.mark.parametrize("is_full", [True, False])
async def test_it_leaves_nothing_of_the_sdk_to_the_collector(
    wire: str, is_full: bool, emulator: Emulator
) -> None:
    await clients.warm_up()
    gc.collect()
    before = suspended()
    gc.disable()
    try:
        call = Call(emulated("fast", wire))
        if is_full:
            call.sink.room.clear()
        call.start()
        await asyncio.wait_for((call.sink.blocked if is_full else call.sink.heard).wait(), 5)
        await call.cancellation()
        await until(lambda: not calls_tasks())
        assert suspended() <= before
    finally:
        gc.enable()


@every_wire
async def test_it_stops_while_the_body_of_an_error_hangs(wire: str, fresh_clients: None) -> None:
    async def half_an_error(writer: asyncio.StreamWriter) -> None:
        writer.write(
            b'HTTP/1.1 500 Oops\r\ncontent-type: application/json\r\ncontent-length: 999\r\n\r\n{"err'
        )
        await forever(writer)

    async with upstream(half_an_error) as server:
        call = Call(at(server.origin, wire))
        call.start()
        await asyncio.wait_for(server.asked.wait(), 5)
        await asyncio.sleep(0.1)
        cancelled = await call.cancellation()
        await asyncio.wait_for(server.deserted.wait(), PROMPTLY)
    assert cancelled.partial is not None
    assert not cancelled.partial.stream_was_cancelled
    assert (call.trace.status, call.trace.http_status) == (TraceStatus.CANCELLED, 500)


@every_wire
async def test_it_is_too_late_after_the_terminal_event(wire: str, emulator: Emulator) -> None:
    class CancelledAtTheLastWord(Sink):
        def take(self, event: ModelEvent) -> None:
            super().take(event)
            if isinstance(event, UsageSeen) and self.text == "x" * 40:
                call.cancel.set()

    call = Call(emulated("echo", wire), prompt="x" * 40, sink=CancelledAtTheLastWord())
    result = await asyncio.wait_for(call.start(), 5)
    assert call.cancel.is_set()
    assert result.text == "x" * 40
    assert result.stop_reason is FinishReason.END_TURN
    assert not result.stream_was_cancelled
    assert call.trace.status is TraceStatus.COMPLETED


@every_wire
async def test_a_cut_stream_that_reported_no_usage_is_estimated_and_says_so(
    wire: str, emulator: Emulator
) -> None:
    call = Call(emulated("stall-mid", wire), prompt="p" * 400)
    call.start()
    await asyncio.wait_for(call.sink.heard.wait(), 5)
    await asyncio.sleep(0.1)
    cancelled = await call.cancellation()
    assert cancelled.partial is not None
    usage = cancelled.partial.usage
    if wire.startswith("openai"):
        assert usage.source is UsageSource.ESTIMATED
        # A few tokens go to what frames a message.
        assert usage.input_tokens == usage.estimated_input_tokens
        assert 0 <= (usage.input_tokens or 0) - text_tokens.estimate("p" * 400) < 10
        assert usage.output_tokens == usage.estimated_output_tokens != 0
    elif wire == "anthropic-messages":
        # It reports the input at the start.
        assert usage.source is UsageSource.ESTIMATED
        assert usage.input_tokens
        assert usage.estimated_input_tokens is None
        assert usage.output_tokens == usage.estimated_output_tokens != 0
    else:
        # It reports as it goes.
        assert usage.source is UsageSource.PARTIAL
        assert usage.input_tokens


@every_wire
async def test_an_outside_cancellation_wins_and_still_leaves_a_trace(wire: str, emulator: Emulator) -> None:
    call = Call(emulated("stall-mid", wire))
    task = call.start()
    await asyncio.wait_for(call.sink.heard.wait(), 5)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await emulator.wait_for(is_gone, timeout=PROMPTLY)
    assert call.trace.status is TraceStatus.CANCELLED
    assert call.trace.stream_was_cancelled


async def test_a_cancel_and_an_outside_cancellation_at_once_end_it_once(emulator: Emulator) -> None:
    call = Call(emulated("drip", "openai-chat"))
    task = call.start()
    await asyncio.wait_for(call.sink.heard.wait(), 5)
    call.cancel.set()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await emulator.wait_for(is_gone, timeout=PROMPTLY)
    assert call.trace.status is TraceStatus.CANCELLED


async def test_a_cancel_reaches_only_its_own_call(emulator: Emulator) -> None:
    calls = [Call(emulated("drip", WIRES[number % 4])) for number in range(12)]
    for call in calls:
        call.start()
    await asyncio.wait_for(asyncio.gather(*(call.sink.heard.wait() for call in calls)), 10)
    await calls[5].cancellation()
    await emulator.wait_for(is_gone, timeout=PROMPTLY)
    assert len(emulator.active) == 11
    assert sum(call.task.done() for call in calls if call.task) == 1
    for call in calls[:5] + calls[6:]:
        await call.cancellation()


async def test_random_cancels_leave_no_connection_no_task_and_one_trace_each(emulator: Emulator) -> None:
    await clients.warm_up()
    chance = random.Random(20261124)
    models = ("stall-headers", "silent", "stall-mid", "drip", "fast", "echo", "rate-limited", "truncated")
    calls = [
        Call(emulated(chance.choice(models), chance.choice(WIRES)), prompt="y" * 300) for _ in range(200)
    ]

    async def cancel_some_time(call: Call) -> bool:
        task = call.start()
        await asyncio.sleep(chance.uniform(0, 0.15))
        call.cancel.set()
        (outcome,) = await asyncio.wait_for(asyncio.gather(task, return_exceptions=True), 10)
        return isinstance(outcome, RunCancelled)

    cancelled = 0
    for start in range(0, len(calls), 25):
        cancelled += sum(await asyncio.gather(*map(cancel_some_time, calls[start : start + 25])))
    assert cancelled > 100
    assert all(len(call.recorder.traces) == 1 for call in calls)
    assert all(call.trace.stream_was_cancelled <= (call.trace.http_status == 200) for call in calls)
    await until(lambda: not emulator.active and not calls_tasks())
    connection_pool = pool.of_this_loop.get().http._transport._pool  # type: ignore[attr-defined]
    assert not connection_pool._requests
    assert all(connection.is_idle() for connection in connection_pool.connections)


async def test_it_notices_a_cancel_in_a_stream_of_comments(fresh_clients: None) -> None:
    async def comment(writer: asyncio.StreamWriter) -> None:
        while True:
            writer.write(b": still here\n\n")
            await asyncio.sleep(0.01)

    async with upstream(streaming(then=comment)) as server:
        call = Call(at(server.origin, "openai-chat"))
        call.start()
        await asyncio.wait_for(server.asked.wait(), 5)
        await asyncio.sleep(0.1)
        cancelled = await call.cancellation()
        await asyncio.wait_for(server.deserted.wait(), PROMPTLY)
    assert cancelled.partial is not None
    assert cancelled.partial.stream_was_cancelled


@contextmanager
def full_listener() -> Iterator[str]:
    """Yield the address of a socket that takes no more connections, so that connecting hangs."""
    with socket.socket() as listener, socket.socket() as first, socket.socket() as second:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for filler in (first, second):
            filler.setblocking(False)
            filler.connect_ex(listener.getsockname())
        host, port = listener.getsockname()
        yield f"http://{host}:{port}"
