"""What a reader does at the end of a stream, on all four wires alike."""

import asyncio
from dataclasses import dataclass
from typing import Any

import pytest

from providers import wires
from providers.errors import LLMConnectionError, LLMServerError
from providers.errors.stop_signal import RunCancelled
from providers.types import FinishReason
from providers.types.events import TextDelta
from providers.wires.accumulator import StepAccumulator
from tests.providers.wires import anthropic_events, chat_chunks, gemini_chunks, responses_events
from tests.providers.wires.playing import play


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
