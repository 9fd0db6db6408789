"""The decoder of one call: it reads one stream, once."""

import pytest

from providers import wires
from providers.call.decoder import Decoder
from providers.errors import LLMMalformedResponseError
from providers.errors.stop_signal import RunCancelled
from providers.types import FinishReason, Json
from providers.wires.accumulator import StepAccumulator


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


def test_nothing_is_read_after_a_malformed_event() -> None:
    decoder, accumulator = started()
    decoder.decode(chunk("Hi"))
    with pytest.raises(LLMMalformedResponseError):
        decoder.decode({"choices": 5})
    assert decoder.decode(chunk(" again")) == []
    assert accumulator.result().text == "Hi"
