"""What a reader does at the end of a stream, on all four wires alike."""

import asyncio
import json
from dataclasses import dataclass
from typing import Any

import pytest

from providers import wires
from providers.errors import LLMConnectionError, LLMEmptyResponseError, LLMError, LLMServerError
from providers.errors.stop_signal import RunCancelled
from providers.types import ChatMessage, FinishReason, ModelRequest, Origin, Role, TextPart
from providers.types.events import TextDelta
from providers.wires.accumulator import StepAccumulator
from tests.providers.wires import anthropic_events, chat_chunks, gemini_chunks, responses_events
from tests.providers.wires.playing import play, user


@dataclass(frozen=True, kw_only=True)
class Hello:
    """An answer that says "Hello", without its terminal event and with it."""

    kind: str
    open: list[Any]
    complete: list[Any]


ANTHROPIC = [anthropic_events.start(), *anthropic_events.text(0, "Hello", stop=False)]
CHAT = [chat_chunks.chunk(content="Hello")]
GEMINI = [gemini_chunks.chunk(gemini_chunks.words("Hello"))]
RESPONSES = responses_events.text(0, "Hello")
EVERY_WIRE = [
    Hello(
        kind="anthropic-messages",
        open=ANTHROPIC,
        complete=[*ANTHROPIC, anthropic_events.end("end_turn")[0]],
    ),
    Hello(kind="openai-chat", open=CHAT, complete=[*CHAT, chat_chunks.chunk("stop")]),
    Hello(kind="openai-responses", open=RESPONSES[:-1], complete=[*RESPONSES, responses_events.end()]),
    Hello(kind="gemini-generate", open=GEMINI, complete=[*GEMINI, gemini_chunks.chunk(finish="STOP")]),
]
every_wire = pytest.mark.parametrize("hello", EVERY_WIRE, ids=lambda hello: hello.kind)


@every_wire
def test_it_cuts_nothing_after_the_end(hello: Hello) -> None:
    told = play(hello.kind, hello.complete, cancel=True)
    assert isinstance(told.raised, RunCancelled)
    assert not told.result.stream_was_cancelled
    assert told.result.stop_reason is FinishReason.END_TURN


@every_wire
@pytest.mark.parametrize("reason", [asyncio.CancelledError(), RuntimeError()], ids=["task", "sink"])
def test_it_keeps_the_answer_when_its_caller_fails(hello: Hello, reason: BaseException) -> None:
    accumulator = StepAccumulator()
    reader = wires.read(wires.load(hello.kind), accumulator)
    for event in hello.open:
        reader.take(event)
    reader.interrupt(reason)
    assert accumulator.result().text == "Hello"
    assert not accumulator.result().stream_was_cancelled


@every_wire
def test_it_takes_the_end_back_when_the_sdk_finds_an_error_after_it(hello: Hello) -> None:
    accumulator = StepAccumulator()
    reader = wires.read(wires.load(hello.kind), accumulator)
    for event in hello.complete:
        reader.take(event)
    assert accumulator.stop_reason is FinishReason.END_TURN
    reader.interrupt(LLMServerError())
    assert accumulator.result().stop_reason is None
    assert accumulator.result().text == "Hello"


@every_wire
def test_it_changes_nothing_once_it_is_over(hello: Hello) -> None:
    accumulator = StepAccumulator()
    reader = wires.read(wires.load(hello.kind), accumulator)
    assert TextDelta("Hello") in [meant for event in hello.open for meant in reader.take(event)]
    with pytest.raises(LLMConnectionError):
        reader.end()
    before = accumulator.result()
    assert [meant for event in hello.complete for meant in reader.take(event)] == []
    reader.interrupt(RunCancelled())
    reader.end()
    assert accumulator.result() == before


def told_after_done(kind: str, stream: list[Any]) -> tuple[StepAccumulator, LLMError | None]:
    """Feed ``stream`` to a wire, then ``[DONE]`` and the end."""
    accumulator = StepAccumulator()
    reader = wires.read(wires.load(kind), accumulator)
    for event in stream:
        reader.take(event)
    accumulator.is_done = True
    try:
        reader.conclude()
        reader.end()
    except LLMError as error:
        return accumulator, error
    return accumulator, None


@every_wire
def test_it_takes_done_after_words_for_the_end(hello: Hello) -> None:
    accumulator, error = told_after_done(hello.kind, hello.open)
    assert error is None
    assert accumulator.result().text == "Hello"
    assert accumulator.result().stop_reason is FinishReason.END_TURN


HALF_CALLS = [
    ("anthropic-messages", anthropic_events.call(0, "c1", '{"a"', stop=False)),
    ("openai-responses", responses_events.HALF_CALL),
    ("gemini-generate", [gemini_chunks.chunk(gemini_chunks.call(willContinue=True))]),
]


@pytest.mark.parametrize(("kind", "stream"), HALF_CALLS, ids=[kind for kind, _ in HALF_CALLS])
def test_it_takes_done_within_a_call_for_no_end(kind: str, stream: list[Any]) -> None:
    accumulator, error = told_after_done(kind, stream)
    assert isinstance(error, LLMConnectionError)
    assert not any(call.complete for call in accumulator.result().tool_calls)


WHOLE_CALLS = [
    ("anthropic-messages", anthropic_events.call(0, "c1", '{"a": 1}', stop=False)),
    ("openai-responses", responses_events.call(0, '{"a": 1}')[:-1]),
    ("gemini-generate", [gemini_chunks.chunk(gemini_chunks.call(args={"a": 1}))]),
]


@pytest.mark.parametrize(("kind", "stream"), WHOLE_CALLS, ids=[kind for kind, _ in WHOLE_CALLS])
def test_it_takes_done_after_a_whole_call_for_the_end(kind: str, stream: list[Any]) -> None:
    accumulator, error = told_after_done(kind, stream)
    assert error is None
    assert accumulator.result().stop_reason is FinishReason.TOOL_CALLS
    assert [call.arguments for call in accumulator.result().tool_calls] == ['{"a": 1}']


@every_wire
@pytest.mark.parametrize("follows_results", [True, False])
def test_it_lets_an_answer_to_results_be_empty(hello: Hello, follows_results: bool) -> None:
    accumulator = StepAccumulator()
    accumulator.follows_results = follows_results
    reader = wires.read(wires.load(hello.kind), accumulator)
    reader.take(hello.complete[-1])
    if follows_results:
        reader.end()
        assert accumulator.result().stop_reason is FinishReason.END_TURN
    else:
        with pytest.raises(LLMEmptyResponseError):
            reader.end()


@every_wire
def test_it_sends_the_words_of_an_answer_whose_own_form_is_gone(hello: Hello) -> None:
    origin = Origin(wire=hello.kind, provider="somewhere", model="some-model")
    answer = ChatMessage(role=Role.ASSISTANT, parts=(TextPart(text="Here it is."),), origin=origin)
    request = ModelRequest(origin=origin, messages=(user("Draw."), answer, user("Again.")))
    assert "Here it is." in json.dumps(wires.load(hello.kind).build_body(request))
