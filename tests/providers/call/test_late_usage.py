import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from providers.adapter import Timeouts
from providers.types import TextPart
from providers.types.events import TextDelta
from providers.types.trace import TraceStatus
from providers.types.usage import Usage, UsageSource
from providers.wires.accumulator import StepAccumulator
from providers.wires.late_usage import LateUsage
from tests.providers.calling import PATIENT, WIRES, Call, at
from tests.providers.retry.attempting import beginning, events
from tests.providers.upstream import Behaviour, Upstream, forever, streaming, upstream

every_wire = pytest.mark.parametrize("wire", WIRES)

#: Reads a cancelled stream on for so long, in seconds.
READING_ON = replace(PATIENT, late_usage=5)
NOT_LONG = replace(PATIENT, late_usage=0.3)


def words(wire: str) -> bytes:
    """More words of an answer that ``beginning`` has begun."""
    match wire:
        case "openai-chat":
            return events({"id": "c", "choices": [{"index": 0, "delta": {"content": " LATE"}}]})
        case "openai-responses":
            delta = {"item_id": "m", "output_index": 0, "content_index": 0, "delta": " LATE"}
            return events({"type": "response.output_text.delta", **delta})
        case "anthropic-messages":
            delta = {"type": "text_delta", "text": " LATE"}
            return events({"type": "content_block_delta", "index": 0, "delta": delta})
        case _:
            return events({"candidates": [{"content": {"role": "model", "parts": [{"text": " LATE"}]}}]})


def ending(wire: str) -> bytes:
    """The end of such an answer, with its usage."""
    match wire:
        case "openai-chat":
            usage = {"prompt_tokens": 7, "completion_tokens": 5, "total_tokens": 12}
            return events(
                {"id": "c", "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]},
                {"id": "c", "choices": [], "usage": usage},
            )
        case "openai-responses":
            usage = {"input_tokens": 7, "output_tokens": 5}
            response = {"id": "r", "status": "completed", "output": [], "usage": usage}
            return events({"type": "response.completed", "response": response})
        case "anthropic-messages":
            return events(
                {"type": "content_block_stop", "index": 0},
                {
                    "type": "message_delta",
                    "delta": {"stop_reason": "end_turn"},
                    "usage": {"output_tokens": 5},
                },
                {"type": "message_stop"},
            )
        case _:
            usage = {"promptTokenCount": 7, "candidatesTokenCount": 5}
            candidate = {"content": {"role": "model", "parts": [{"text": "."}]}, "finishReason": "STOP"}
            return events({"candidates": [candidate], "usageMetadata": usage})


WHOLE = Usage(input_tokens=7, output_tokens=5, source=UsageSource.REPORTED)


@asynccontextmanager
async def cut_in_the_middle(
    wire: str, *rest: bytes, then: Behaviour = forever, timeouts: Timeouts = READING_ON
) -> AsyncIterator[tuple[Call, Upstream]]:
    """A call that has said a word and was cancelled; ``rest`` comes after that, then happens ``then``."""
    has_cut = asyncio.Event()

    async def go_on(writer: asyncio.StreamWriter) -> None:
        await has_cut.wait()
        for frame in rest:
            writer.write(frame)
            await writer.drain()
            await asyncio.sleep(0.02)
        await then(writer)

    async with upstream(streaming(beginning(wire), then=go_on)) as server:
        call = Call(at(server.origin, wire), timeouts=timeouts)
        call.start()
        await asyncio.wait_for(call.sink.heard.wait(), 20)
        call.cancel.set()
        await asyncio.sleep(0)
        has_cut.set()
        yield call, server


@every_wire
async def test_a_cancelled_stream_is_read_on_for_its_usage(wire: str, fresh_clients: None) -> None:
    async with cut_in_the_middle(wire, words(wire), words(wire), ending(wire)) as (call, server):
        cancelled = await call.cancellation()
        await asyncio.wait_for(server.deserted.wait(), 2)
    partial = cancelled.partial
    assert partial is not None
    assert partial.usage == WHOLE
    # Nothing that came after the cancel was shown or is kept.
    assert partial.parts == (TextPart(text="Well"),)
    assert partial.stop_reason is None
    assert partial.stream_was_cancelled
    assert [event.text for event in call.sink.events if isinstance(event, TextDelta)] == ["Well"]
    assert call.trace.status is TraceStatus.CANCELLED
    assert "LATE" not in repr(call.trace)
    assert call.trace.raw_usage == partial.raw_usage is not None
    # Three pieces came 20 ms apart: so long the connection was open after the cancel, and that is said.
    assert cancelled.upstream_closed_ms is not None
    assert cancelled.upstream_closed_ms > 20


@every_wire
async def test_it_is_closed_when_the_time_for_that_is_up(wire: str, fresh_clients: None) -> None:
    async with cut_in_the_middle(wire, words(wire), timeouts=NOT_LONG) as (call, server):
        cancelled = await call.cancellation()
        await asyncio.wait_for(server.deserted.wait(), 2)
    assert cancelled.partial is not None
    assert cancelled.partial.text == "Well"
    assert cancelled.partial.usage.source is not UsageSource.REPORTED
    assert cancelled.upstream_closed_ms is not None
    assert 290 < cancelled.upstream_closed_ms < 3_000


@every_wire
async def test_what_breaks_meanwhile_changes_nothing(wire: str, fresh_clients: None) -> None:
    async def abort(writer: asyncio.StreamWriter) -> None:
        writer.write(b"data: {nonsense\n\n")
        await writer.drain()
        writer.transport.abort()

    async with cut_in_the_middle(wire, then=abort) as (call, _):
        cancelled = await call.cancellation()
    assert cancelled.partial is not None
    assert cancelled.partial.text == "Well"
    assert cancelled.partial.stream_was_cancelled


async def test_a_task_that_is_cancelled_meanwhile_closes_it_at_once(fresh_clients: None) -> None:
    async with cut_in_the_middle("openai-chat") as (call, server):
        await asyncio.sleep(0.05)
        assert call.task is not None
        call.task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call.task
        await asyncio.wait_for(server.deserted.wait(), 2)
    assert call.trace.stream_was_cancelled


async def test_before_the_answer_there_is_nothing_to_wait_for(fresh_clients: None) -> None:
    async with upstream(forever) as server:
        call = Call(at(server.origin, "openai-chat"), timeouts=READING_ON)
        call.start()
        await asyncio.wait_for(server.asked.wait(), 20)
        cancelled = await call.cancellation()
        await asyncio.wait_for(server.deserted.wait(), 2)
    assert cancelled.upstream_closed_ms is not None
    assert cancelled.upstream_closed_ms < 4_000


@pytest.mark.parametrize("wire", WIRES)
@pytest.mark.parametrize(
    "event",
    [
        None,
        [],
        {},
        {"choices": 3},
        {"usage": 3},
        {"candidates": [1]},
        {"usageMetadata": []},
        {"type": "response.completed"},
        {"type": "message_delta", "usage": None},
    ],
)
def test_what_is_no_usage_is_passed_over(wire: str, event: object) -> None:
    accumulator = StepAccumulator()
    LateUsage(wire, accumulator).take(event)
    assert accumulator.usage.is_unknown


def test_a_late_count_erases_none_that_came_before() -> None:
    accumulator = StepAccumulator()
    accumulator.raw_usage = {
        "message_start": {"input_tokens": 9, "output_tokens": 1},
        "message_delta": {"output_tokens": 4, "output_tokens_details": {"thinking_tokens": 3}},
    }
    assert LateUsage("anthropic-messages", accumulator).take(
        {"type": "message_delta", "usage": {"output_tokens": 7}}
    )
    assert accumulator.usage == Usage(
        input_tokens=9, output_tokens=7, reasoning_tokens=3, source=UsageSource.REPORTED
    )
