"""The decoder of one call: it reads one stream, once."""

from types import SimpleNamespace
from typing import cast

from providers import wires
from providers.call.decoder import Decoder
from providers.errors import LLMError, LLMMalformedResponseError, LLMProviderOverloadedError
from providers.errors.stop_signal import RunCancelled
from providers.framing.event_data import StreamEvent
from providers.types import FinishReason, Json
from providers.types.events import (
    ModelEvent,
    ReasoningDelta,
    TextDelta,
    ToolCallDelta,
    ToolCallFinished,
    ToolCallStarted,
)
from providers.wires import Wire
from providers.wires.accumulator import StepAccumulator
from providers.wires.reading import WireDecoder


def chunk(text: str, finish_reason: str | None = None) -> StreamEvent:
    return "", {
        "id": "c",
        "choices": [{"index": 0, "delta": {"content": text}, "finish_reason": finish_reason}],
    }


def started() -> tuple[Decoder, StepAccumulator]:
    accumulator = StepAccumulator()
    decoder = Decoder(wires.load("openai-chat"), accumulator)
    decoder.begin()
    return decoder, accumulator


def test_an_interrupt_after_the_end_changes_nothing() -> None:
    decoder, accumulator = started()
    decoder.decode([chunk("Hi", "stop")])
    decoder.finish()
    # The pump calls begin() before an interrupt if this is False; that would replace the answer by an empty one.
    assert decoder.is_under_way
    decoder.interrupt(RunCancelled())
    result = accumulator.result()
    assert (result.text, result.stop_reason) == ("Hi", FinishReason.END_TURN)
    assert not result.stream_was_cancelled


class Fragile(WireDecoder):
    """Says what an event holds, and cannot read an event that holds none."""

    def take(self, event: Json) -> list[ModelEvent]:
        return list(event["say"])

    def error(self) -> LLMError | None:
        return None

    def store(self) -> None:
        return None


def fragile() -> Decoder:
    decoder = Decoder(
        cast(Wire, SimpleNamespace(KIND="fragile", decoder=lambda _: Fragile())), StepAccumulator()
    )
    decoder.begin()
    return decoder


def saying(*events: object) -> StreamEvent:
    return "", {"say": events}


def test_what_came_before_a_malformed_event_is_said_and_nothing_after_it() -> None:
    decoder = fragile()
    said = decoder.decode([saying(TextDelta("Hi")), ("", {}), saying(TextDelta(" again"))])
    assert said == [TextDelta("Hi")]
    assert type(decoder.failure) is LLMMalformedResponseError
    assert decoder.decode([saying(TextDelta(" again"))]) == []


def test_what_stands_beside_an_error_is_said() -> None:
    decoder = fragile()
    event: StreamEvent = ("", {**saying(TextDelta("Hi"))[1], "error": {"message": "Overloaded"}})
    assert decoder.decode([event, saying(TextDelta(" again"))]) == [TextDelta("Hi")]
    assert type(decoder.failure) is LLMProviderOverloadedError


def test_pieces_that_came_together_are_joined() -> None:
    decoder = fragile()
    said = decoder.decode(
        [
            saying(TextDelta("a"), TextDelta("\ud83d")),
            saying(TextDelta("\ude00b"), ReasoningDelta("c", 0)),
            saying(ReasoningDelta("d", 0), ReasoningDelta("e", 1), ToolCallStarted("1", "f")),
            saying(ToolCallDelta("1", "{"), ToolCallDelta("1", "}"), ToolCallDelta("2", "[")),
            saying(ToolCallFinished("1")),
        ]
    )
    assert said == [
        TextDelta("a\U0001f600b"),
        ReasoningDelta("cd", 0),
        ReasoningDelta("e", 1),
        ToolCallStarted("1", "f"),
        ToolCallDelta("1", "{}"),
        ToolCallDelta("2", "["),
        ToolCallFinished("1"),
    ]
    assert decoder.pieces == 3


def test_a_text_that_is_none_is_malformed() -> None:
    decoder = fragile()
    said = decoder.decode([saying(TextDelta("Hi")), saying(TextDelta(cast(str, {"no": "text"})))])
    assert said == [TextDelta("Hi")]
    assert type(decoder.failure) is LLMMalformedResponseError
