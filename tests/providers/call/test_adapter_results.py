import asyncio
import json
from dataclasses import replace

import httpx2
import pytest
from pytest_django.fixtures import Settings

from emulator import Emulator
from providers.clients import pool
from providers.types import FinishReason, ModelOptions
from providers.types.events import TextDelta, ToolCallDelta, UsageSeen
from providers.types.quirks import Quirks
from providers.types.trace import TraceStatus
from providers.types.usage import UsageSource
from tests.providers.calling import KEY, WIRES, Call, at, emulated, until
from tests.providers.upstream import EVENT_STREAM, forever, in_turn, streaming, upstream

every_wire = pytest.mark.parametrize("wire", WIRES)

CHAT_END = b'data: {"id":"c1","model":"m","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n'
CHAT_USAGE = (
    b'data: {"id":"c1","model":"m","choices":[],'
    b'"usage":{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5}}\n\n'
)


def chat_text(escaped: bytes) -> bytes:
    return b'data: {"id":"c1","model":"m","choices":[{"index":0,"delta":{"content":"' + escaped + b'"}}]}\n\n'


@every_wire
async def test_the_result_is_what_the_sink_heard(wire: str, emulator: Emulator) -> None:
    prompt = "Grüße, 世界! 👩‍👩‍👧‍👦 " * 20
    call = Call(emulated("echo", wire), prompt=prompt.strip())
    result = await call.start()
    assert result.text == call.sink.text == prompt.strip()
    assert result.stop_reason is FinishReason.END_TURN
    assert result.usage.source is UsageSource.REPORTED
    usages = [event.usage for event in call.sink.events if isinstance(event, UsageSeen)]
    assert usages[-1] == result.usage


@every_wire
async def test_tool_calls_stream_and_add_up(wire: str, emulator: Emulator) -> None:
    call = Call(emulated("tools", wire))
    result = await call.start()
    assert result.stop_reason is FinishReason.TOOL_CALLS
    assert len(result.tool_calls) == 2
    for tool_call in result.tool_calls:
        deltas = [
            event.arguments
            for event in call.sink.events
            if isinstance(event, ToolCallDelta) and event.id == tool_call.id
        ]
        assert "".join(deltas) == tool_call.arguments


@every_wire
async def test_the_trace_tells_the_whole_call(wire: str, emulator: Emulator) -> None:
    call = Call(emulated("echo", wire), prompt="Say this.")
    result = await call.start()
    trace = call.trace
    assert trace.status is TraceStatus.COMPLETED
    assert trace.http_status == 200
    assert trace.origin == call.target.origin
    assert trace.url.startswith(emulator.origin)
    assert "?" not in trace.url
    assert trace.first_byte_at is not None
    assert trace.first_token_at is not None
    assert trace.started_at <= trace.first_byte_at <= trace.first_token_at <= trace.ended_at
    assert trace.events
    assert trace.bytes == emulator.exchanges[-1].bytes_sent
    assert trace.raw_usage == result.raw_usage is not None
    assert trace.raw_stop_reason == result.raw_stop_reason is not None
    assert "Say this." in str(trace.request)
    assert "Say this." in str(trace.response)
    assert trace.error is None
    assert trace.error_code is None
    assert not trace.stream_was_cancelled


async def test_the_trace_has_the_providers_own_request_id(emulator: Emulator) -> None:
    call = Call(emulated("echo", "anthropic-messages"))
    await call.start()
    assert call.trace.upstream_request_id
    assert call.trace.upstream_request_id.startswith("req_")


@every_wire
async def test_without_payloads_a_trace_keeps_only_what_it_measured(
    wire: str, emulator: Emulator, settings: Settings
) -> None:
    settings.RUNNEL_TRACE_PAYLOADS = False
    call = Call(emulated("echo", wire), prompt="A private matter.")
    await call.start()
    assert call.trace.request is None
    assert call.trace.response is None
    assert call.trace.raw_usage
    assert "private" not in repr(call.trace)


async def test_without_payloads_a_failure_quotes_nothing(emulator: Emulator, settings: Settings) -> None:
    settings.RUNNEL_TRACE_PAYLOADS = False
    call = Call(emulated("unauthorized", "anthropic-messages"))
    await call.failure()
    assert call.trace.error is not None
    assert set(call.trace.error) == {"status", "type", "code", "retry_after"}
    assert call.trace.error["status"] == 401


@every_wire
async def test_the_key_goes_to_the_provider_and_nowhere_else(wire: str, fresh_clients: None) -> None:
    async with upstream(streaming()) as server:
        call = Call(at(server.origin, wire), prompt=f"My key is {KEY}, keep it.")
        error = await call.failure()
    head, _, _ = server.requests[0].partition(b"\r\n\r\n")
    assert KEY.encode() in head
    assert KEY not in repr((call.trace, error.detail, call.target))
    assert "My key is [redacted], keep it." in str(call.trace.request)


@every_wire
async def test_a_connection_is_used_again_after_a_complete_answer(wire: str, emulator: Emulator) -> None:
    for _ in range(3):
        await Call(emulated("echo", wire)).start()
    transport = pool.of_this_loop.get().http._transport_for_url(httpx2.URL("http://127.0.0.1"))
    assert len(transport._pool.connections) == 1  # type: ignore[attr-defined]


@pytest.mark.parametrize("is_chunked", [True, False])
async def test_bytes_behind_an_answer_are_not_read_as_the_next_one(
    is_chunked: bool, fresh_clients: None
) -> None:
    def answer(text: bytes) -> bytes:
        body = chat_text(text) + CHAT_END + b"data: [DONE]\n\n"
        size = b"content-length: %d\r\n\r\n%s" % (len(body), body)
        if is_chunked:
            size = b"transfer-encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)
        return b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n" + size

    async def too_much(writer: asyncio.StreamWriter) -> None:
        writer.write(answer(b"Mine.") + answer(b"Nobody's."))
        await forever(writer)

    async def enough(writer: asyncio.StreamWriter) -> None:
        writer.write(answer(b"Yours."))
        await forever(writer)

    async with upstream(in_turn(too_much, enough)) as server:
        texts = [(await Call(at(server.origin, "openai-chat")).start()).text for _ in range(2)]
    assert texts == ["Mine.", "Yours."]


async def test_it_does_not_wait_for_a_body_that_never_ends(fresh_clients: None) -> None:
    frames = (chat_text(b"Done."), CHAT_END, CHAT_USAGE)
    async with upstream(streaming(*frames, then=forever)) as server:
        call = Call(at(server.origin, "openai-chat"))
        result = await asyncio.wait_for(call.start(), 30)
        await asyncio.wait_for(server.deserted.wait(), 10)
    assert result.text == "Done."
    assert result.usage.output_tokens == 2
    assert call.trace.status is TraceStatus.COMPLETED


async def test_it_waits_a_little_for_usage_that_follows_the_last_word(fresh_clients: None) -> None:
    async def count_later(writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(0.4)
        writer.write(CHAT_USAGE + b"data: [DONE]\n\n")
        await writer.drain()

    async with upstream(streaming(chat_text(b"Done."), CHAT_END, then=count_later)) as server:
        result = await asyncio.wait_for(Call(at(server.origin, "openai-chat")).start(), 5)
    assert result.usage.output_tokens == 2


async def test_a_reset_after_the_last_word_does_not_undo_the_answer(fresh_clients: None) -> None:
    async def abort(writer: asyncio.StreamWriter) -> None:
        writer.write(EVENT_STREAM.replace(b"connection: close", b"content-length: 99999"))
        writer.write(chat_text(b"Done.") + CHAT_END + CHAT_USAGE)
        await asyncio.sleep(0.05)
        writer.transport.abort()

    async with upstream(abort) as server:
        result = await asyncio.wait_for(Call(at(server.origin, "openai-chat")).start(), 5)
    assert result.text == "Done."


@pytest.mark.parametrize(
    ("pieces", "deltas"),
    [
        pytest.param([rb"\ud83d", rb"\ude00!"], ["😀!"], id="a pair in two pieces"),
        pytest.param([rb"a\ud83d", rb"\ude00b"], ["a😀b"], id="a pair at the edge of two pieces"),
        pytest.param([rb"\ud83dx"], ["\ufffdx"], id="half a pair"),
        pytest.param([rb"end\ud83d"], ["end", "\ufffd"], id="half a pair at the very end"),
        pytest.param([rb"a\u0000b"], ["a\ufffdb"], id="a NUL"),
    ],
)
async def test_no_broken_character_gets_out(
    pieces: list[bytes], deltas: list[str], fresh_clients: None
) -> None:
    frames = [chat_text(piece) for piece in pieces]
    async with upstream(streaming(*frames, CHAT_END, CHAT_USAGE, b"data: [DONE]\n\n")) as server:
        call = Call(at(server.origin, "openai-chat"))
        result = await asyncio.wait_for(call.start(), 5)
    assert [event.text for event in call.sink.events if isinstance(event, TextDelta)] == deltas
    assert result.text == "".join(deltas)
    assert "".join(deltas) in str(call.trace.response)


async def test_many_streams_run_at_once(emulator: Emulator) -> None:
    calls = [Call(emulated("drip", WIRES[number % 4])) for number in range(120)]
    for call in calls:
        call.start()
    await asyncio.wait_for(asyncio.gather(*(call.sink.heard.wait() for call in calls)), 30)
    assert len(emulator.active) == 120
    await asyncio.gather(*(call.cancellation() for call in calls))
    await until(lambda: not emulator.active)


async def test_a_server_is_asked_and_read_as_its_quirks_say() -> None:
    thought = b'data: {"id":"c1","model":"m","choices":[{"index":0,"delta":{"reasoning":"Four."}}]}\n\n'
    quirks = Quirks(output_limit="max_tokens", asks_for_usage=False, thoughts_may_be_the_answer=True)
    async with upstream(streaming(thought, CHAT_END, b"data: [DONE]\n\n")) as server:
        target = replace(at(server.origin, "openai-chat"), quirks=quirks)
        call = Call(target, options=ModelOptions(max_output_tokens=9))
        result = await call.start()
    body = json.loads(server.requests[0].partition(b"\r\n\r\n")[2])
    assert body["max_tokens"] == 9
    assert "stream_options" not in body
    assert (result.text, call.sink.text, call.sink.reasoning) == ("Four.", "Four.", "Four.")
