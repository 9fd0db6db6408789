import asyncio
import json
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from emulator import Emulator, ExchangeOutcome
from providers import errors
from providers.adapter import Timeouts
from providers.errors import LLMError
from providers.errors.translation import REDIRECTED
from providers.types import ModelOptions
from providers.types.trace import TraceStatus
from tests.providers.call.test_adapter_cancel import full_listener
from tests.providers.calling import KEY, PATIENT, WIRES, Call, Sink, at, emulated
from tests.providers.upstream import Behaviour, answering, forever, reset, streaming, upstream

every_wire = pytest.mark.parametrize("wire", WIRES)

#: For what must time out: seconds.
IMPATIENT = Timeouts(connect=0.3, first_byte=0.6, idle=0.3)

#: One event of each wire that says nothing yet, or hardly anything.
FIRST_FRAME = {
    "openai-chat": b'data: {"id":"c1","model":"m","choices":[{"index":0,"delta":{"content":"Well"}}]}\n\n',
    "openai-responses": b'event: response.created\ndata: {"type":"response.created","response":{"id":"r1"}}\n\n',
    "anthropic-messages": (
        b'event: message_start\ndata: {"type":"message_start","message":{"id":"m1","model":"m","content":[],'
        b'"usage":{"input_tokens":3,"output_tokens":1}}}\n\n'
    ),
    "gemini-generate": b'data: {"candidates":[{"content":{"role":"model","parts":[{"text":"Well"}]}}]}\n\n',
}

#: An error inside the stream, as each provider sends one.
OVERLOADED_FRAME = {
    "openai-chat": b'data: {"error":{"message":"Try later","type":"overloaded_error","code":503}}\n\n',
    "openai-responses": (
        b'event: error\ndata: {"type":"error","code":"server_is_overloaded","message":"Try later","param":null}\n\n'
    ),
    "anthropic-messages": (
        b'event: error\ndata: {"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}\n\n'
    ),
    "gemini-generate": b'{\n  "error": {"code": 503, "message": "Try later", "status": "UNAVAILABLE"}\n}\n',
}


async def failure_at(behave: Behaviour, wire: str, *, timeouts: Timeouts = PATIENT) -> tuple[LLMError, Call]:
    async with upstream(behave) as server:
        call = Call(at(server.origin, wire), timeouts=timeouts)
        error = await call.failure()
        await asyncio.wait_for(server.deserted.wait(), 2)
    assert call.trace.status is TraceStatus.FAILED
    assert call.trace.error_code == error.code
    assert error.partial is not None
    assert not error.partial.stream_was_cancelled
    assert KEY not in repr((call.trace, error.message, error.detail))
    return error, call


@every_wire
@pytest.mark.parametrize(
    ("model", "expected"),
    [
        ("context", errors.LLMContextWindowExceededError),
        ("unauthorized", errors.LLMAuthenticationError),
        ("rate-limited", errors.LLMRateLimitError),
        ("overloaded", errors.LLMProviderOverloadedError),
        ("truncated", errors.LLMConnectionError),
        ("reset", errors.LLMConnectionError),
        ("empty", errors.LLMEmptyResponseError),
    ],
)
async def test_it_names_what_went_wrong(
    model: str, expected: type[LLMError], wire: str, emulator: Emulator
) -> None:
    call = Call(emulated(model, wire))
    error = await call.failure()
    assert type(error) is expected
    assert error.partial is not None
    assert error.partial.text == call.sink.text
    assert bool(call.sink.text) is (model in {"truncated", "reset"})
    assert error.partial.stop_reason is None
    assert not error.partial.stream_was_cancelled
    assert (call.trace.status, call.trace.error_code) == (TraceStatus.FAILED, expected.code)


@every_wire
async def test_it_sends_a_failed_request_only_once(wire: str, emulator: Emulator) -> None:
    await Call(emulated("overloaded", wire)).failure()
    await Call(emulated("rate-limited", wire)).failure()
    assert len(emulator.exchanges) == 2


@every_wire
async def test_it_tells_how_long_to_wait(wire: str, fresh_clients: None) -> None:
    body = json.dumps({"error": {"message": "Slow down", "type": "rate_limit_error"}}).encode()
    limited = answering(
        "429 Too Many Requests", body, "content-type: application/json", "retry-after-ms: 1500"
    )
    error, call = await failure_at(limited, wire)
    assert type(error) is errors.LLMRateLimitError
    assert error.retry_after == 1.5
    assert call.trace.error is not None
    assert call.trace.error["shown"] == error.message
    assert call.trace.error["message"] == "Slow down"


@every_wire
async def test_it_reads_a_date_to_wait_for(wire: str, fresh_clients: None) -> None:
    later = format_datetime(datetime.now(UTC) + timedelta(seconds=100), usegmt=True)
    error, _ = await failure_at(answering("429 Too Many Requests", b"{}", f"retry-after: {later}"), wire)
    assert error.retry_after is not None
    assert 90 < error.retry_after <= 100


@every_wire
async def test_it_reads_an_error_inside_the_stream(wire: str, fresh_clients: None) -> None:
    error, call = await failure_at(streaming(FIRST_FRAME[wire], OVERLOADED_FRAME[wire]), wire)
    assert type(error) is errors.LLMProviderOverloadedError
    assert call.trace.http_status == 200


@every_wire
async def test_data_that_is_no_json_is_named(wire: str, fresh_clients: None) -> None:
    error, call = await failure_at(streaming(FIRST_FRAME[wire], b"data: {not json\n\n"), wire)
    assert type(error) is errors.LLMConnectionError
    assert error.message == "The model provider sent data that cannot be read. Try again."
    assert call.trace.error is not None
    assert call.trace.error["data"] == "{not json"


@every_wire
async def test_bytes_that_are_no_characters_are_replaced(wire: str, fresh_clients: None) -> None:
    frames = (FIRST_FRAME[wire], b'data: {"text":"\xff\xfe"}\n\n')
    error, _ = await failure_at(streaming(*frames), wire)
    assert "before the answer was complete" in error.message


@every_wire
async def test_a_reset_before_the_answer_breaks_the_connection(wire: str, fresh_clients: None) -> None:
    error, call = await failure_at(reset, wire)
    assert type(error) is errors.LLMConnectionError
    assert call.trace.http_status is None


@every_wire
async def test_nobody_listening_breaks_the_connection(wire: str, fresh_clients: None) -> None:
    async with upstream(forever) as server:
        address = server.origin
    call = Call(at(address, wire))
    error = await call.failure()
    assert type(error) is errors.LLMConnectionError
    assert call.trace.url.startswith(address)


@every_wire
async def test_a_web_page_is_no_answer(wire: str, fresh_clients: None) -> None:
    page = answering("200 OK", b"<!doctype html><title>Welcome</title>", "content-type: text/html")
    error, call = await failure_at(page, wire)
    assert type(error) is errors.LLMWrongAddressError
    assert call.trace.http_status == 200


@every_wire
async def test_a_gateways_page_is_read_by_its_status(wire: str, fresh_clients: None) -> None:
    page = answering(
        "502 Bad Gateway", b"<html><title>502 Bad Gateway</title></html>", "content-type: text/html"
    )
    error, _ = await failure_at(page, wire)
    assert type(error) is errors.LLMServerError
    assert "<" not in error.message


@every_wire
async def test_a_stream_without_events_is_an_empty_answer(wire: str, fresh_clients: None) -> None:
    error, _ = await failure_at(streaming(), wire)
    assert type(error) is errors.LLMEmptyResponseError


@every_wire
async def test_it_follows_no_redirect_and_keeps_the_key(wire: str, fresh_clients: None) -> None:
    async with upstream(answering("200 OK", b"")) as elsewhere:
        redirect = answering("307 Temporary Redirect", b"", f"location: {elsewhere.origin}/v1/stolen")
        error, _ = await failure_at(redirect, wire)
        assert not elsewhere.requests
    assert type(error) is errors.LLMWrongAddressError
    assert error.message == REDIRECTED


@every_wire
async def test_a_key_that_the_provider_quotes_is_not_repeated(wire: str, fresh_clients: None) -> None:
    body = json.dumps({"error": {"message": f"Bad request with key {KEY}", "type": "invalid_request_error"}})
    error, call = await failure_at(answering("400 Bad Request", body.encode()), wire)
    assert type(error) is errors.LLMBadRequestError
    assert "Bad request with key" in error.message
    assert call.trace.error is not None
    assert "Bad request with key" in call.trace.error["message"]


@every_wire
async def test_it_gives_up_connecting(wire: str, fresh_clients: None) -> None:
    with full_listener() as origin:
        call = Call(at(origin, wire), timeouts=IMPATIENT)
        error = await call.failure()
    assert type(error) is errors.LLMTimeoutError
    assert call.trace.status is TraceStatus.FAILED


@every_wire
async def test_it_gives_up_waiting_for_headers(wire: str, emulator: Emulator) -> None:
    # The first call of all loads the SDK, and this one is to be sent before its time is up.
    await Call(emulated("echo", wire)).start()
    call = Call(emulated("stall-headers", wire), timeouts=IMPATIENT)
    error = await call.failure()
    assert type(error) is errors.LLMTimeoutError
    assert "did not begin" in error.message
    await emulator.wait_for(lambda exchange: exchange.outcome is ExchangeOutcome.PEER_GONE, timeout=1)


@every_wire
@pytest.mark.parametrize(
    ("model", "sentence"), [("silent", "sent no words for"), ("stall-mid", "in the middle of its answer")]
)
async def test_it_gives_up_on_a_silent_stream(
    wire: str, model: str, sentence: str, emulator: Emulator
) -> None:
    call = Call(emulated(model, wire), timeouts=IMPATIENT)
    error = await call.failure()
    assert type(error) is errors.LLMTimeoutError
    assert sentence in error.message
    assert error.partial is not None
    assert error.partial.text == call.sink.text
    assert not error.partial.stream_was_cancelled
    await emulator.wait_for(lambda exchange: exchange.outcome is ExchangeOutcome.PEER_GONE, timeout=1)


async def test_a_slow_log_is_not_a_silent_provider(emulator: Emulator) -> None:
    call = Call(emulated("fast", "openai-chat"), timeouts=IMPATIENT)
    call.sink.room.clear()
    task = call.start()
    await asyncio.wait_for(call.sink.blocked.wait(), 5)
    await asyncio.sleep(IMPATIENT.idle * 3)
    call.sink.room.set()
    result = await asyncio.wait_for(task, 10)
    assert result.text == call.sink.text


@every_wire
async def test_an_error_whose_body_hangs_is_read_by_its_status(wire: str, fresh_clients: None) -> None:
    async def half_an_error(writer: asyncio.StreamWriter) -> None:
        writer.write(b'HTTP/1.1 503 No\r\nretry-after: 7\r\ncontent-length: 999\r\n\r\n{"err')
        await forever(writer)

    error, _ = await failure_at(half_an_error, wire, timeouts=IMPATIENT)
    assert type(error) is errors.LLMProviderOverloadedError
    assert error.retry_after == 7


@every_wire
async def test_a_sink_that_fails_ends_the_call_and_closes_the_connection(
    wire: str, emulator: Emulator
) -> None:
    class LostFenceError(Exception):
        pass

    class FencedSink(Sink):
        def take(self, event: object) -> None:
            raise LostFenceError

    call = Call(emulated("drip", wire), sink=FencedSink())
    with pytest.raises(LostFenceError):
        await asyncio.wait_for(call.start(), 5)
    await emulator.wait_for(lambda exchange: exchange.outcome is ExchangeOutcome.PEER_GONE, timeout=1)
    assert (call.trace.status, call.trace.error_code) == (TraceStatus.FAILED, "internal")


async def test_what_the_wire_has_no_words_for_is_never_sent() -> None:
    async with upstream(forever) as server:
        call = Call(at(server.origin, "openai-responses"), options=ModelOptions(stop_sequences=("END",)))
        error = await call.failure()
    assert (type(error), error.code) == (errors.LLMUnsupportedError, "llm_unsupported")
    assert "stop_sequences" in error.message
    assert not server.requests
    assert (call.trace.status, call.trace.error_code) == (TraceStatus.FAILED, error.code)
