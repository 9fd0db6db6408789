"""Every wire, fed the decoded events of real streams, says what another hand reads in them.

No SDK and no socket here: what is compared is the wire's own understanding, once as it streams (its
events) and once as it is kept (the accumulator's result).
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import assert_never

import pytest

from providers import wires
from providers.errors import LLMError
from providers.types import ProviderItemPart, ReasoningPart, StepResult
from providers.types.events import (
    ModelEvent,
    ProviderItem,
    ReasoningDelta,
    ReasoningSealed,
    ResponseStarted,
    RetryScheduled,
    TextDelta,
    ToolCallDelta,
    ToolCallFinished,
    ToolCallStarted,
    UsageSeen,
)
from providers.wires.accumulator import StepAccumulator
from tests.contract.reading import COUNTS, Reading, Recording, decoded, events, read, recordings

RECORDINGS = recordings()
ABSENT = pytest.param(None, marks=pytest.mark.skip(reason="there are no recordings beside the project"))

#: What a provider item's kind says when it comments on the words beside it.
COMMENTS = ("citation", "annotation", "grounding", "urlcontext")


@dataclass(frozen=True, kw_only=True)
class Told:
    """What a wire made of a stream."""

    events: tuple[ModelEvent, ...]
    result: StepResult
    error: LLMError | None


def name_of(recording: Recording | None) -> str:
    return f"{recording.wire}/{recording.name}" if recording else "none"


def tell(recording: Recording) -> Told:
    """Feed the wire all that came, up to an error: what follows the end must not change it."""
    accumulator = StepAccumulator()
    reader = wires.read(wires.load(recording.wire), accumulator)
    told: list[ModelEvent] = []
    error: LLMError | None = None
    try:
        for event in events(recording.sse):
            told += reader.take(event)
            if reader.failure is not None:
                raise reader.failure
        told += reader.conclude()
        reader.end()
    except LLMError as failure:
        error = failure
    return Told(events=tuple(told), result=accumulator.result(), error=error)


def heard_live(told: Told) -> Reading:
    """Return what somebody understands who only follows the events."""
    names: dict[str, str] = {}
    arguments: dict[str, str] = {}
    usage = dict.fromkeys(COUNTS)
    response_id = None
    text, reasoning, sealed, items = [], [], [], []
    for event in told.events:
        match event:
            case ResponseStarted():
                response_id = event.response_id
            case TextDelta():
                text.append(event.text)
            case ReasoningDelta():
                reasoning.append(event.text)
            case ReasoningSealed():
                sealed.append(event.value)
            case ToolCallStarted():
                names[event.id], arguments[event.id] = event.name, ""
            case ToolCallDelta():
                arguments[event.id] += event.arguments
            case ToolCallFinished():
                assert event.id in names
            case ProviderItem():
                items.append(event.kind)
            case UsageSeen():
                usage = {name: getattr(event.usage, name) for name in COUNTS}
            case RetryScheduled():
                raise AssertionError("no wire schedules a retry")
            case _:
                assert_never(event)
    return Reading(
        text="".join(text),
        reasoning="".join(reasoning),
        sealed=tuple(sealed),
        tool_calls=tuple((name, decoded(arguments[call_id])) for call_id, name in names.items()),
        provider_items=plain(items),
        stop_reason=told.result.stop_reason,
        error_code=told.error.code if told.error else None,
        usage=usage,
        response_id=response_id,
        # Another model may take over in the middle: only the end knows.
        model=told.result.model,
    )


def kept(told: Told) -> Reading:
    """Return what the result says."""
    result = told.result
    thoughts = [part for part in result.parts if isinstance(part, ReasoningPart)]
    return Reading(
        text=result.text,
        reasoning="".join(part.text for part in thoughts),
        sealed=tuple(part.sealed for part in thoughts if part.sealed),
        tool_calls=tuple((call.name, decoded(call.arguments)) for call in result.tool_calls),
        provider_items=plain(part.kind for part in result.parts if isinstance(part, ProviderItemPart)),
        stop_reason=result.stop_reason,
        error_code=told.error.code if told.error else None,
        usage={name: getattr(result.usage, name) for name in COUNTS},
        response_id=result.response_id,
        model=result.model,
    )


def plain(kinds: Iterable[str]) -> tuple[str, ...]:
    """Leave out what comments on the words beside it: citations are no items of their own."""
    return tuple(kind for kind in kinds if not any(word in kind.lower() for word in COMMENTS))


def by_kind(reading: Reading) -> Reading:
    """Sort the provider items: kept where they began, server tools that ran at once end in another order."""
    return replace(reading, provider_items=tuple(sorted(reading.provider_items)))


@pytest.mark.parametrize("recording", RECORDINGS or [ABSENT], ids=name_of)
def test_it_streams_what_another_hand_reads(recording: Recording) -> None:
    assert heard_live(tell(recording)) == read(recording.wire, recording.sse, recording.meta)


@pytest.mark.parametrize("recording", RECORDINGS or [ABSENT], ids=name_of)
def test_it_keeps_what_another_hand_reads(recording: Recording) -> None:
    reading = read(recording.wire, recording.sse, recording.meta)
    assert by_kind(kept(tell(recording))) == by_kind(reading)
