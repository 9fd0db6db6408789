import asyncio
import json
from dataclasses import replace
from typing import Any

import pytest

from concurrency.conversions import off_loop
from providers import errors
from providers.types import (
    ChatMessage,
    FinishReason,
    MediaPart,
    ModelRequest,
    Role,
    StepResult,
    TextPart,
    ToolSpec,
)
from providers.types.usage import Usage, UsageSource
from providers.usage import estimates
from providers.usage.accounting import FinishedCall, usage
from providers.usage.estimates import Missing
from providers.wires.accumulator import StepAccumulator
from tests.providers.calling import WIRES, Call, at
from tests.providers.retry.attempting import beginning, events
from tests.providers.upstream import Behaviour, Upstream, answering, forever, streaming, upstream

every_wire = pytest.mark.parametrize("wire", WIRES)

NOTHING = StepAccumulator().result()
SAID = replace(NOTHING, parts=(TextPart(text="x" * 41),))


NONE, ALL = Missing(), Missing(input=True, output=True)


@pytest.mark.parametrize(
    ("result", "has_ended", "expected"),
    [
        pytest.param(SAID, True, ALL, id="ended without a report"),
        pytest.param(NOTHING, True, ALL, id="ended without a word"),
        pytest.param(SAID, False, ALL, id="broke in the middle"),
        pytest.param(replace(NOTHING, stream_was_cancelled=True), False, ALL, id="cut"),
        pytest.param(NOTHING, False, NONE, id="failed before it said anything"),
        pytest.param(replace(SAID, usage=Usage(input_tokens=1)), True, Missing(output=True), id="no output"),
        pytest.param(replace(SAID, usage=Usage(output_tokens=1)), True, Missing(input=True), id="no input"),
        pytest.param(
            replace(SAID, usage=Usage(input_tokens=1, output_tokens=1)),
            False,
            Missing(output=True),
            id="a running count may lag",
        ),
        pytest.param(
            replace(SAID, usage=Usage(input_tokens=0, output_tokens=0)), True, ALL, id="zeros beside words"
        ),
        pytest.param(
            replace(NOTHING, usage=Usage(input_tokens=5, output_tokens=0)), True, NONE, id="zero for no word"
        ),
        pytest.param(replace(SAID, usage=Usage(reasoning_tokens=1)), True, ALL, id="a part only"),
    ],
)
def test_it_knows_what_is_missing(result: StepResult, has_ended: bool, expected: Missing) -> None:
    assert estimates.missing(result, has_ended=has_ended) == expected


REPORTED = Usage(input_tokens=3, output_tokens=4, source=UsageSource.REPORTED)


@pytest.mark.parametrize(
    ("counted", "source"),
    [
        (REPORTED, UsageSource.REPORTED),
        (replace(REPORTED, output_tokens=None), UsageSource.PARTIAL),
        (replace(REPORTED, input_tokens=None), UsageSource.PARTIAL),
        (replace(REPORTED, source=UsageSource.PARTIAL), UsageSource.PARTIAL),
    ],
)
def test_a_report_that_leaves_something_out_is_partial(counted: Usage, source: UsageSource) -> None:
    assert estimates.settled(counted) == replace(counted, source=source)


@pytest.mark.parametrize(
    ("known", "what", "expected"),
    [
        (Usage(input_tokens=3), NONE, Usage(input_tokens=3)),
        (
            Usage(input_tokens=3, cached_input_tokens=1),
            Missing(output=True),
            Usage(
                input_tokens=3,
                cached_input_tokens=1,
                output_tokens=90,
                estimated_output_tokens=90,
                source=UsageSource.ESTIMATED,
            ),
        ),
        (
            Usage(),
            ALL,
            Usage(
                input_tokens=8,
                output_tokens=90,
                estimated_input_tokens=8,
                estimated_output_tokens=90,
                source=UsageSource.ESTIMATED,
            ),
        ),
        # What lags behind is completed; the reported part can still be told from the rest.
        (
            Usage(input_tokens=3, output_tokens=20),
            Missing(output=True),
            Usage(
                input_tokens=3,
                output_tokens=90,
                estimated_output_tokens=70,
                source=UsageSource.ESTIMATED,
            ),
        ),
        (
            Usage(input_tokens=0, output_tokens=0, source=UsageSource.REPORTED),
            ALL,
            Usage(
                input_tokens=8,
                output_tokens=90,
                estimated_input_tokens=8,
                estimated_output_tokens=90,
                source=UsageSource.ESTIMATED,
            ),
        ),
        # A running count that fits the text stands, and so does one that is above it: some tokens are not shown.
        (
            Usage(input_tokens=3, output_tokens=80),
            Missing(output=True),
            Usage(input_tokens=3, output_tokens=80),
        ),
        (
            Usage(input_tokens=3, output_tokens=300),
            Missing(output=True),
            Usage(input_tokens=3, output_tokens=300),
        ),
        # Reasoning is a part of the output, so the output is no less.
        (
            Usage(input_tokens=3, reasoning_tokens=400),
            Missing(output=True),
            Usage(
                input_tokens=3,
                reasoning_tokens=400,
                output_tokens=400,
                estimated_output_tokens=400,
                source=UsageSource.ESTIMATED,
            ),
        ),
    ],
)
def test_an_estimate_stands_beside_what_is_known(known: Usage, what: Missing, expected: Usage) -> None:
    assert estimates.filled(known, what, read=8, written=90) == expected


def request_of(*texts: str, tools: tuple[ToolSpec, ...] = ()) -> ModelRequest:
    target = at("http://127.0.0.1", "openai-chat")
    messages = tuple(ChatMessage(role=Role.USER, parts=(TextPart(text=text),)) for text in texts)
    return ModelRequest(origin=target.origin, messages=messages, system="Be brief.", tools=tools)


def test_all_that_is_sent_is_measured() -> None:
    tool = ToolSpec(name="look", description="Looks.", parameters={"type": "object"})
    bare = estimates.input_tokens(request_of())
    assert bare == 3
    assert estimates.input_tokens(request_of("one", "three")) == bare + 2 * (4 + 1)
    assert 8 <= estimates.input_tokens(request_of(tools=(tool,))) - bare <= 14


def test_a_text_file_counts_and_a_picture_does_not() -> None:
    def sending(mime_type: str) -> ModelRequest:
        part = MediaPart(kind="document", mime_type=mime_type, data="eHh4" * 100)
        return replace(request_of(), messages=(ChatMessage(role=Role.USER, parts=(part,)),))

    assert estimates.input_tokens(sending("text/plain")) - estimates.input_tokens(sending("image/png")) == 75


async def test_a_long_request_and_a_long_answer_are_measured_on_a_thread(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    request = request_of(*["word"] * 1_001)
    threads = []

    async def watched(*args: Any, **kwargs: Any) -> Any:
        threads.append(args)
        return await off_loop(*args, **kwargs)

    monkeypatch.setattr("providers.usage.accounting.off_loop", watched)
    target = at("http://127.0.0.1", "openai-chat")
    case = FinishedCall(target=target, request=request, body={}, result=SAID, has_ended=True)
    assert (await usage(case)).input_tokens == 3 + 1_001 * (4 + 1)
    assert len(threads) == 1
    case = replace(case, request=request_of("word"))
    await usage(case)
    assert len(threads) == 1
    flood = replace(SAID, parts=(TextPart(text="word " * 10_000),))
    assert (await usage(replace(case, result=flood))).output_tokens == 10_000
    assert len(threads) == 2


#: The estimate for a prompt of forty letters, with what chat templates put around it.
ASKED = 4 + 7


def assert_all_estimated(usage: Usage) -> None:
    assert usage.source is UsageSource.ESTIMATED
    assert usage.estimated_input_tokens == usage.input_tokens
    assert usage.estimated_output_tokens == usage.output_tokens


def uncounted(wire: str) -> bytes:
    """A whole answer of eight characters that nobody has counted."""
    match wire:
        case "openai-chat":
            return events(
                {"choices": [{"index": 0, "delta": {"content": "Good day"}, "finish_reason": "stop"}]}
            )
        case "openai-responses":
            item = {"type": "message", "id": "m", "content": [{"type": "output_text", "text": "Good day"}]}
            response = {"id": "r", "status": "completed", "output": [item]}
            return events(
                {"type": "response.created", "response": {"id": "r"}},
                {"type": "response.output_item.done", "output_index": 0, "item": item},
                {"type": "response.completed", "response": response},
            )
        case "anthropic-messages":
            return events(
                {"type": "message_start", "message": {"id": "m", "content": []}},
                {
                    "type": "content_block_start",
                    "index": 0,
                    "content_block": {"type": "text", "text": "Good day"},
                },
                {"type": "content_block_stop", "index": 0},
                {"type": "message_delta", "delta": {"stop_reason": "end_turn"}},
                {"type": "message_stop"},
            )
        case _:
            parts = [{"text": "Good day"}]
            return events(
                {"candidates": [{"content": {"role": "model", "parts": parts}, "finishReason": "STOP"}]}
            )


@every_wire
async def test_an_answer_that_nobody_counted_is_estimated(wire: str, fresh_clients: None) -> None:
    async with upstream(streaming(uncounted(wire), b"data: [DONE]\n\n")) as server:
        result = await Call(at(server.origin, wire), prompt="x" * 40).start()
    assert (result.usage.input_tokens, result.usage.output_tokens) == (ASKED, 2)
    assert_all_estimated(result.usage)
    assert len(server.requests) == 1


@every_wire
async def test_an_answer_that_broke_is_estimated(wire: str, fresh_clients: None) -> None:
    async with upstream(streaming(beginning(wire))) as server:
        error = await Call(at(server.origin, wire), prompt="x" * 40).failure()
    assert error.partial is not None
    counted = error.partial.usage
    assert counted.source is UsageSource.ESTIMATED
    assert counted.output_tokens == counted.estimated_output_tokens == 1
    is_told = wire == "anthropic-messages"
    assert counted.input_tokens == (7 if is_told else ASKED)
    assert counted.estimated_input_tokens == (None if is_told else ASKED)


async def test_a_refused_request_is_not_estimated(fresh_clients: None) -> None:
    async with upstream(answering("500 No", b"{}")) as server:
        error = await Call(at(server.origin, "openai-chat")).failure()
    assert type(error) is errors.LLMServerError
    assert error.partial is not None
    assert error.partial.usage.is_unknown


async def test_half_a_report_is_completed(fresh_clients: None) -> None:
    frames = events(
        {"choices": [{"index": 0, "delta": {"content": "Good day"}, "finish_reason": "stop"}]},
        {"choices": [], "usage": {"prompt_tokens": 7}},
    )
    async with upstream(streaming(frames, b"data: [DONE]\n\n")) as server:
        result = await Call(at(server.origin, "openai-chat")).start()
    assert result.usage == Usage(
        input_tokens=7, output_tokens=2, estimated_output_tokens=2, source=UsageSource.ESTIMATED
    )


COUNTERS = {
    "openai-responses": ("/responses/input_tokens", {"input_tokens": 123}),
    "anthropic-messages": ("/messages/count_tokens", {"input_tokens": 123}),
    "gemini-generate": ("/models/some-model:countTokens", {"totalTokens": 123}),
}


def counting(wire: str, count: Behaviour) -> Behaviour:
    """Answer a question without counting, and to be asked for a count do ``count``."""
    server: Upstream | None = None

    async def behave(writer: asyncio.StreamWriter) -> None:
        assert server is not None
        path = server.requests[-1].split(b" ", 2)[1].decode()
        if path.endswith(tuple(end for end, _ in COUNTERS.values())):
            await count(writer)
        else:
            await streaming(uncounted(wire), b"data: [DONE]\n\n")(writer)

    def belongs_to(its: Upstream) -> None:
        nonlocal server
        server = its

    behave.belongs_to = belongs_to  # type: ignore[attr-defined]
    return behave


async def ask(wire: str, count: Behaviour) -> tuple[StepResult, Upstream]:
    behave = counting(wire, count)
    async with upstream(behave) as server:
        behave.belongs_to(server)  # type: ignore[attr-defined]
        return await Call(at(server.origin, wire), prompt="x" * 40).start(), server


@pytest.mark.parametrize("wire", COUNTERS)
async def test_the_provider_counts_what_it_has_read_if_it_may(
    wire: str, fresh_clients: None, settings: Any
) -> None:
    settings.RUNNEL_COUNT_TOKENS = True
    end, answer = COUNTERS[wire]
    result, server = await ask(
        wire, answering("200 OK", json.dumps(answer).encode(), "content-type: application/json")
    )
    assert result.stop_reason is FinishReason.END_TURN
    assert (result.usage.input_tokens, result.usage.output_tokens) == (123, 2)
    assert_all_estimated(result.usage)
    asked = server.requests[1]
    assert asked.split(b" ", 2)[1].decode().endswith(end)
    assert b"x" * 40 in asked
    assert b'"stream"' not in asked


@pytest.mark.parametrize("wire", COUNTERS)
@pytest.mark.parametrize(
    "count",
    [
        pytest.param(answering("404 No", b"{}"), id="not known"),
        pytest.param(answering("200 OK", b"[]", "content-type: application/json"), id="nonsense"),
        pytest.param(forever, id="silence"),
    ],
)
async def test_a_provider_that_does_not_count_delays_nothing(
    count: Behaviour, wire: str, fresh_clients: None, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("providers.usage.accounting._COUNT_SECONDS", 0.2)
    settings.RUNNEL_COUNT_TOKENS = True
    result, server = await asyncio.wait_for(ask(wire, count), 20)
    assert (result.usage.input_tokens, result.usage.output_tokens) == (ASKED, 2)
    assert_all_estimated(result.usage)
    assert len(server.requests) == 2


async def test_a_wire_that_cannot_count_is_not_asked(fresh_clients: None, settings: Any) -> None:
    settings.RUNNEL_COUNT_TOKENS = True
    result, server = await ask("openai-chat", forever)
    assert result.usage.source is UsageSource.ESTIMATED
    assert len(server.requests) == 1
