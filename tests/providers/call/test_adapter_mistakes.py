"""What nobody foresaw: it ends the call with all that was said, and blames whom it should."""

import asyncio
import logging
from collections.abc import Iterator
from uuid import uuid4

import pytest
from pytest_django.fixtures import Settings

from emulator import Emulator, ExchangeOutcome
from providers.adapter import StreamAdapter
from providers.errors import (
    LLMConnectionError,
    LLMInternalError,
)
from providers.errors.stop_signal import StopSignal
from providers.types import ChatMessage, ModelRequest
from providers.types.events import ModelEvent, TextDelta, ToolCallDelta, ToolCallStarted
from providers.types.trace import CallContext, TraceStatus
from tests.providers.call.test_adapter_results import chat_text
from tests.providers.calling import PATIENT, WIRES, Call, Recorder, Sink, at, emulated
from tests.providers.upstream import forever, streaming, upstream

every_wire = pytest.mark.parametrize("wire", WIRES)

SECRET = "the patient's name"


class Unspeakable(tuple[ChatMessage, ...]):
    """Messages that no wire can put into words, by a mistake that only we can have made."""

    __slots__ = ()

    def __iter__(self) -> Iterator[ChatMessage]:
        raise RuntimeError(SECRET)


async def internal_error(wire: str) -> tuple[LLMInternalError, Recorder]:
    recorder = Recorder()
    adapter = StreamAdapter(emulated("echo", wire), recorder=recorder, timeouts=PATIENT)
    with pytest.raises(LLMInternalError) as caught:
        await adapter.run(
            ModelRequest(origin=emulated("echo", wire).origin, messages=Unspeakable()),
            call=CallContext(run_id=uuid4(), step_id=uuid4()),
            cancel=StopSignal(),
            sink=Sink(),
        )
    return caught.value, recorder


@every_wire
async def test_our_own_mistake_is_ours_and_keeps_what_there_is(wire: str, emulator: Emulator) -> None:
    error, _ = await internal_error(wire)
    assert (error.code, error.stop_reason, error.retryable) == ("internal", "error", False)
    assert error.message == (
        "Something went wrong on our side. Try again; your administrator can see the details."
    )
    assert error.partial is not None
    assert error.__cause__ is not None


@every_wire
@pytest.mark.parametrize("payloads", [True, False])
async def test_the_trace_tells_where_and_quotes_nothing(
    wire: str, payloads: bool, emulator: Emulator, settings: Settings
) -> None:
    settings.RUNNEL_TRACE_PAYLOADS = payloads
    error, recorder = await internal_error(wire)
    (trace,) = recorder.traces
    assert (trace.status, trace.error_code) == (TraceStatus.FAILED, "internal")
    assert trace.error is not None
    assert trace.error["exception"] == type(error.__cause__).__name__
    assert "providers.wires." in trace.error["place"]
    assert SECRET not in repr((trace, error.detail, error.message))


async def test_it_is_logged_once_with_its_traceback(
    emulator: Emulator, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        error, _ = await internal_error("openai-chat")
    (record,) = caplog.records
    assert record.exc_info is not None
    assert record.exc_info[1] is error.__cause__


@pytest.mark.parametrize(
    "nonsense",
    [
        b'{"id":"c","choices":5}',
        b'{"id":"c","choices":[{"index":0,"delta":{"refusal":{"no":"way"}}}]}',
        b'{"id":"c","choices":[{"index":0,"delta":{"content":[[7]],"tool_calls":[null]}}]}',
    ],
)
async def test_a_part_that_makes_no_sense_costs_nothing_else(nonsense: bytes, fresh_clients: None) -> None:
    usage = b'data: {"id":"c","choices":[],"usage":{"prompt_tokens":3,"completion_tokens":2}}\n\n'
    end = b'data: {"id":"c","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n'
    frames = (chat_text(b"We"), b"data: " + nonsense + b"\n\n", chat_text(b"ll"), end, usage)
    async with upstream(streaming(*frames, b"data: [DONE]\n\n")) as server:
        call = Call(at(server.origin, "openai-chat"))
        result = await call.start()
    assert result.text == call.sink.text == "Well"
    assert (result.usage.input_tokens, result.usage.output_tokens) == (3, 2)


@every_wire
async def test_what_the_sink_raises_while_we_wait_for_it_is_the_callers_own(
    wire: str, emulator: Emulator
) -> None:
    class LostFenceError(Exception):
        pass

    class FencedSink(Sink):
        async def wait_for_room(self) -> None:
            raise lost

    lost = LostFenceError(SECRET)
    call = Call(emulated("fast", wire), sink=FencedSink())
    with pytest.raises(LostFenceError) as caught:
        await asyncio.wait_for(call.start(), 5)
    assert caught.value is lost
    assert call.trace.error is not None
    assert call.trace.error["exception"] == "LostFenceError"
    assert SECRET not in repr(call.trace.error)


async def test_a_sink_that_failed_hears_no_more(fresh_clients: None) -> None:
    class OnceSink(Sink):
        def take(self, event: ModelEvent) -> None:
            super().take(event)
            if isinstance(event, TextDelta):
                raise RuntimeError

    async with upstream(streaming(chat_text(rb"a\ud83d"))) as server:
        call = Call(at(server.origin, "openai-chat"), sink=OnceSink())
        with pytest.raises(RuntimeError):
            await asyncio.wait_for(call.start(), 5)
    assert call.sink.text == "a"


class Saboteur(Sink):
    """Cancels the task that the call runs in, as a cancel scope that gets out of hand does."""

    def take(self, event: ModelEvent) -> None:
        super().take(event)
        if isinstance(event, TextDelta):
            task = asyncio.current_task()
            assert task is not None
            task.cancel()


@every_wire
async def test_a_cancellation_that_nobody_asked_for_is_a_broken_connection(
    wire: str, emulator: Emulator
) -> None:
    call = Call(emulated("drip", wire), sink=Saboteur())
    error = await call.failure()
    assert type(error) is LLMConnectionError
    assert error.partial is not None
    assert error.partial.text == call.sink.text != ""
    assert not error.partial.stream_was_cancelled
    assert (call.trace.status, call.trace.error_code) == (TraceStatus.FAILED, "llm_connection")
    await emulator.wait_for(lambda exchange: exchange.outcome is ExchangeOutcome.PEER_GONE, timeout=1)


async def test_a_cancellation_from_outside_wins_over_a_sink_that_refuses_its_last_word(
    fresh_clients: None,
) -> None:
    class ClosedSink(Sink):
        def take(self, event: ModelEvent) -> None:
            if isinstance(event, TextDelta) and event.text == "\ufffd":
                raise RuntimeError
            super().take(event)

    async with upstream(streaming(chat_text(rb"a\ud83d"), then=forever)) as server:
        call = Call(at(server.origin, "openai-chat"), sink=ClosedSink())
        task = call.start()
        await asyncio.wait_for(call.sink.heard.wait(), 5)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert call.trace.status is TraceStatus.CANCELLED


def chat_call(piece: bytes) -> bytes:
    return (
        b'data: {"id":"c1","model":"m","choices":[{"index":0,"delta":{"tool_calls":'
        b'[{"index":0,"id":"call\\u0000","function":{"name":"f","arguments":"' + piece + b'"}}]}}]}\n\n'
    )


async def test_a_call_that_ends_inside_a_character_is_shown_and_kept_alike(
    fresh_clients: None,
) -> None:
    end = b'data: {"id":"c1","choices":[{"index":0,"delta":{},"finish_reason":"tool_calls"}]}\n\n'
    frames = (chat_text(rb"a\ud83d"), chat_call(rb"{\"a\":\"\ud83d"), end)
    async with upstream(streaming(*frames, b"data: [DONE]\n\n")) as server:
        call = Call(at(server.origin, "openai-chat"))
        result = await call.start()
    said = [
        event for event in call.sink.events if isinstance(event, TextDelta | ToolCallStarted | ToolCallDelta)
    ]
    assert said == [
        TextDelta("a"),
        TextDelta("\ufffd"),
        ToolCallStarted("call\ufffd", "f"),
        ToolCallDelta("call\ufffd", '{"a":"'),
        ToolCallDelta("call\ufffd", "\ufffd"),
    ]
    assert result.text == "a\ufffd"
    assert result.tool_calls[0].arguments == '{"a":"\ufffd'
