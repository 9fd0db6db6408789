"""An answer beyond a limit ends with a sentence that says what to do, and nobody waits for it."""

import asyncio
import gc
import json
import zlib
from collections.abc import Iterator
from time import thread_time

import pytest
from pytest_django.fixtures import Settings

from providers import errors
from providers.call.answer_bounds import AnswerBounds
from providers.call.limits import SizeLimits
from providers.types.events import (
    ModelEvent,
    ReasoningDelta,
    TextDelta,
    ToolCallDelta,
    ToolCallFinished,
    ToolCallStarted,
)
from tests.providers.calling import WIRES, Call, at
from tests.providers.upstream import Behaviour, Upstream, upstream

every_wire = pytest.mark.parametrize("wire", WIRES)

MEGABYTE = 2**20
CHUNK = (
    b'data: {"id":"c","object":"chat.completion.chunk","model":"m","choices":'
    b'[{"index":0,"delta":{"content":"word "}}]}\n\n'
)


def head(status: str = "200 OK", *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", "content-type: text/event-stream", "connection: close", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n"


def bomb(pattern: bytes, megabytes: int) -> Iterator[bytes]:
    """Yield the gzip form of ``pattern``, repeated up to ``megabytes``."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    block = pattern * (MEGABYTE // len(pattern))
    for _ in range(megabytes):
        yield packer.compress(block)
    yield packer.flush()


def sending(first: bytes, pieces: Iterator[bytes] | None = None, *, repeat: bytes = b"") -> Behaviour:
    """Send ``first``, then all ``pieces``, then ``repeat`` until the peer goes away."""

    async def behave(writer: asyncio.StreamWriter) -> None:
        writer.write(first)
        for piece in pieces or ():
            writer.write(piece)
            await writer.drain()
        while repeat:
            writer.write(repeat)
            await writer.drain()
            await asyncio.sleep(0)

    return behave


async def failure(behave: Behaviour, wire: str = "openai-chat") -> tuple[errors.LLMError, Call, Upstream]:
    async with upstream(behave) as server:
        call = Call(at(server.origin, wire))
        error = await call.failure()
        await asyncio.wait_for(server.deserted.wait(), 5)
    return error, call, server


def limit_of(error: errors.LLMError) -> object:
    assert type(error) is errors.LLMOversizedResponseError, error
    assert not error.retryable
    return error.detail["limit"]


@pytest.mark.parametrize(
    ("pattern", "limit"),
    [
        pytest.param(b"\0", "RUNNEL_EVENT_MB", id="one line"),
        pytest.param(b"\n", "RUNNEL_COMPRESSION_RATIO", id="blank lines"),
        pytest.param(b": still here\n\n", "RUNNEL_COMPRESSION_RATIO", id="comments"),
    ],
)
async def test_a_compressed_answer_may_not_grow_without_end(
    pattern: bytes, limit: str, settings: Settings, fresh_clients: None
) -> None:
    settings.RUNNEL_EVENT_MB = 4
    packed = list(bomb(pattern, 32))
    error, _, _ = await failure(sending(head("200 OK", "content-encoding: gzip"), iter(packed)))
    assert limit_of(error) == limit


async def test_a_compressed_answer_that_is_not_suspicious_is_read(fresh_clients: None) -> None:
    end = b'data: {"id":"c","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'
    packed = zlib.compress(CHUNK * 500 + end, wbits=31)
    async with upstream(sending(head("200 OK", "content-encoding: gzip") + packed)) as server:
        result = await Call(at(server.origin, "openai-chat")).start()
    assert result.text == "word " * 500


@every_wire
async def test_an_answer_may_not_grow_without_end(wire: str, settings: Settings, fresh_clients: None) -> None:
    settings.RUNNEL_RESPONSE_MB = 1
    error, _, _ = await failure(sending(head(), repeat=b": still here\n\n" * 1000), wire)
    assert limit_of(error) == "RUNNEL_RESPONSE_MB"


@every_wire
@pytest.mark.parametrize("start", [b"data: ", b'data: {"x": "', b": ", b"", b"[{"])
async def test_an_event_may_not_grow_without_end(
    wire: str, start: bytes, settings: Settings, fresh_clients: None
) -> None:
    settings.RUNNEL_EVENT_MB = 1
    error, _, _ = await failure(sending(head() + start, repeat=b"x" * 10_000), wire)
    assert limit_of(error) == "RUNNEL_EVENT_MB"
    assert "more than 1 MB" in error.message


@every_wire
@pytest.mark.parametrize("encoding", ["identity", "gzip"])
async def test_of_an_errors_body_the_beginning_is_read(
    wire: str, encoding: str, settings: Settings, fresh_clients: None
) -> None:
    settings.RUNNEL_ERROR_BODY_KB = 4
    start = head("404 Not Found", f"content-encoding: {encoding}")
    body = iter(bomb(b"no such page ", 20)) if encoding == "gzip" else iter([b"no such page "])
    repeat = b"" if encoding == "gzip" else b"no such page " * 1000
    error, call, _ = await failure(sending(start, body, repeat=repeat), wire)
    assert type(error) is errors.LLMNotFoundError
    assert "no such page" in error.message
    assert call.trace.bytes is not None
    assert call.trace.bytes < MEGABYTE


@every_wire
async def test_an_errors_body_may_be_an_event_stream(wire: str, fresh_clients: None) -> None:
    body = b'event: error\ndata: {"error": {"message": "Too blue", "type": "invalid_request_error"}}\n\n'
    error, call, _ = await failure(sending(head("400 Bad Request") + body), wire)
    assert type(error) is errors.LLMBadRequestError
    assert error.message.endswith("Too blue")
    assert call.trace.error is not None
    assert call.trace.error["message"] == "Too blue"


LIMITS = SizeLimits(event=100, response=100, compression=100, error_body=100, text=10, arguments=10, calls=2)


@pytest.mark.parametrize(
    ("event", "more", "limit"),
    [
        (TextDelta("12345"), TextDelta("123456"), "RUNNEL_ANSWER_CHARS"),
        (TextDelta("12345"), ReasoningDelta("123456"), "RUNNEL_ANSWER_CHARS"),
        (ToolCallDelta("a", "12345"), ToolCallDelta("b", "123456"), "RUNNEL_ARGUMENT_CHARS"),
        (ToolCallStarted("a", "f"), ToolCallStarted("c", "f"), "RUNNEL_CALLS_PER_STEP"),
    ],
)
def test_what_an_answer_says_has_a_limit(event: ModelEvent, more: ModelEvent, limit: str) -> None:
    bounds = AnswerBounds(LIMITS)
    for harmless in (event, ToolCallStarted("b", "f"), ToolCallFinished("a")):
        bounds.count(harmless)
    with pytest.raises(errors.LLMOversizedResponseError) as caught:
        bounds.count(more)
    assert limit_of(caught.value) == limit


async def test_what_was_said_before_a_limit_is_kept(settings: Settings, fresh_clients: None) -> None:
    settings.RUNNEL_ANSWER_CHARS = 1000
    error, call, _ = await failure(sending(head(), repeat=CHUNK))
    assert limit_of(error) == "RUNNEL_ANSWER_CHARS"
    assert error.partial is not None
    # What came in the same burst as the word that was too much is not shown.
    assert 600 < len(call.sink.text) <= 1000
    assert error.partial.text.startswith(call.sink.text)


async def test_calls_without_end_are_stopped(settings: Settings, fresh_clients: None) -> None:
    settings.RUNNEL_CALLS_PER_STEP = 50

    def calls() -> Iterator[bytes]:
        for number in range(5000):
            call = {"index": number, "id": f"call_{number}", "function": {"name": "f", "arguments": "{}"}}
            chunk = {"id": "c", "model": "m", "choices": [{"index": 0, "delta": {"tool_calls": [call]}}]}
            yield b"data: " + json.dumps(chunk).encode() + b"\n\n"

    error, call, _ = await failure(sending(head(), calls()))
    assert limit_of(error) == "RUNNEL_CALLS_PER_STEP"
    assert sum(isinstance(event, ToolCallStarted) for event in call.sink.events) == 50


@pytest.fixture
def frozen() -> None:
    """As in a server: no collection looks at what earlier tests have left, which takes longer than the limit."""
    gc.collect()
    gc.freeze()


@pytest.mark.parametrize("noise", [b"\n", b": x\n", CHUNK], ids=["blank lines", "comments", "words"])
async def test_a_burst_leaves_the_loop_to_others(noise: bytes, fresh_clients: None, frozen: None) -> None:
    longest = 0.0

    async def watch() -> None:
        nonlocal longest
        # The processor's time: what other processes take does not count.
        before = thread_time()
        while True:
            await asyncio.sleep(0)
            longest, before = max(longest, thread_time() - before), thread_time()

    packed = zlib.compress(noise * (4 * MEGABYTE // len(noise)), wbits=31)
    async with upstream(sending(head("200 OK", "content-encoding: gzip") + packed)) as server:
        call = Call(at(server.origin, "openai-chat"))
        task = call.start()
        await asyncio.wait_for(server.asked.wait(), 20)
        watcher = asyncio.create_task(watch())
        with pytest.raises(errors.LLMError):
            await asyncio.wait_for(task, 60)
        watcher.cancel()
    # All of it at once would take several times as long.
    assert longest < 0.1


@every_wire
async def test_interim_responses_without_end_are_no_answer(wire: str, fresh_clients: None) -> None:
    endless = sending(b"", repeat=b"HTTP/1.1 100 Continue\r\n\r\n" * 100)
    error, call, _ = await failure(endless, wire)
    assert type(error) is errors.LLMOversizedResponseError
    assert "headers without end" in error.message
    assert call.sink.events == []


async def test_a_few_interim_responses_change_nothing(fresh_clients: None) -> None:
    interim = b"HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n" * 50
    last = CHUNK.replace(b'"delta":{"content":"word "}', b'"delta":{},"finish_reason":"stop"')
    async with upstream(sending(interim + head() + CHUNK + last + b"data: [DONE]\n\n")) as server:
        assert (await Call(at(server.origin, "openai-chat")).run()).text == "word "
