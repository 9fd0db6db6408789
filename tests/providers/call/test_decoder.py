"""The decoder of one call: it reads one stream, once."""

from types import SimpleNamespace
from typing import cast

import pytest

from providers import wires
from providers.call.decoder import Decoder
from providers.errors import LLMError, LLMMalformedResponseError
from providers.errors.stop_signal import RunCancelled
from providers.types import FinishReason, Json
from providers.types.events import ModelEvent
from providers.wires.accumulator import StepAccumulator
from providers.wires.reading import WireDecoder


def chunk(text: str, finish_reason: str | None = None) -> Json:
    return {"id": "c", "choices": [{"delta": {"content": text}, "finish_reason": finish_reason}]}


def started() -> tuple[Decoder, StepAccumulator]:
    accumulator = StepAccumulator()
    decoder = Decoder(wires.load("openai-chat"), accumulator)
    decoder.begin()
    return decoder, accumulator


def test_an_interrupt_after_the_end_changes_nothing() -> None:
    decoder, accumulator = started()
    decoder.decode(chunk("Hi", "stop"))
    decoder.finish()
    # The pump calls begin() before an interrupt if this is False; that would replace the answer by an empty one.
    assert decoder.is_under_way
    decoder.interrupt(RunCancelled())
    result = accumulator.result()
    assert (result.text, result.stop_reason) == ("Hi", FinishReason.END_TURN)
    assert not result.stream_was_cancelled


class Strict(WireDecoder):
    """A decoder that raises on an event without choices."""

    def __init__(self, accumulator: StepAccumulator) -> None:
        self._chat = wires.load("openai-chat").decoder(accumulator)

    def take(self, event: Json) -> list[ModelEvent]:
        if not event["choices"]:
            raise TypeError
        return self._chat.take(event)

    def error(self) -> LLMError | None:
        return self._chat.error()

    def store(self) -> None:
        self._chat.store()


def test_nothing_is_read_after_a_malformed_event() -> None:
    accumulator = StepAccumulator()
    wire = SimpleNamespace(KIND="strict", decoder=Strict)
    decoder = Decoder(cast(wires.Wire, wire), accumulator)
    decoder.begin()
    decoder.decode(chunk("Hi"))
    with pytest.raises(LLMMalformedResponseError) as caught:
        decoder.decode({"choices": []})
    assert caught.value.detail["exception"] == "TypeError"
    assert decoder.decode(chunk(" again")) == []
    assert accumulator.result().text == "Hi"
