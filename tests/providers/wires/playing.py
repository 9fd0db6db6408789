"""Play a stream of events to a wire, and check what all four wires must do with it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from providers import wires
from providers.errors import LLMError
from providers.errors.stop_signal import RunCancelled
from providers.types import (
    ChatMessage,
    FinishReason,
    Json,
    Origin,
    ReasoningPart,
    Role,
    StepResult,
    TextPart,
    quirks,
)
from providers.types.events import (
    ModelEvent,
    ReasoningDelta,
    ResponseStarted,
    TextDelta,
    ToolCallDelta,
    ToolCallFinished,
    ToolCallStarted,
    UsageSeen,
)
from providers.types.quirks import Quirks
from providers.wires.accumulator import StepAccumulator
from tests.contract.reading import recordings


@dataclass(frozen=True, kw_only=True)
class Told:
    """What a wire made of a stream."""

    events: list[ModelEvent]
    result: StepResult
    raised: Exception | None

    @property
    def meaning(self) -> list[ModelEvent]:
        """The events, without the start and the usage."""
        return [event for event in self.events if not isinstance(event, (ResponseStarted, UsageSeen))]


@dataclass(frozen=True, kw_only=True)
class Ending:
    """A stream, and how it must end."""

    name: str
    stream: list[Any]
    stop_reason: FinishReason | None = None
    error: type[LLMError] | None = None
    #: Checked where it is not ``None``.
    text: str | None = None
    raw: str | None = None

    def check(self, kind: str) -> Told:
        told = play(kind, self.stream)
        assert told.result.stop_reason is self.stop_reason
        assert type(told.raised) is (self.error or type(None))
        assert self.text is None or told.result.text == self.text
        assert not told.result.stream_was_cancelled
        return told


@dataclass(frozen=True, kw_only=True)
class Cut:
    """A stream that a cancel ends, and what of it a later request may contain."""

    name: str
    stream: list[Any]
    native: Sequence[Json]

    def check(self, kind: str) -> None:
        told = play(kind, self.stream, cancel=True)
        assert isinstance(told.raised, RunCancelled)
        assert told.result.stream_was_cancelled
        assert told.result.stop_reason is None
        assert list(told.result.native) == list(self.native)


def play(kind: str, stream: Iterable[Any], *, cancel: bool = False, quirks: Quirks = quirks.NONE) -> Told:
    """Feed ``stream`` to a wire, then end it, or cancel it in place of its end."""
    accumulator, told = StepAccumulator(quirks=quirks), list[ModelEvent]()
    reader = wires.read(wires.load(kind), accumulator)
    raised: Exception | None = None
    try:
        for event in stream:
            told += reader.take(event)
            if reader.failure is not None:
                raise reader.failure
        if cancel:
            raised = RunCancelled()
            reader.interrupt(raised)
        else:
            told += reader.conclude()
            reader.end()
    except LLMError as error:
        raised = error
    return Told(events=told, result=accumulator.result(), raised=raised)


def recordings_of(kind: str) -> Any:
    """Parametrise a test by the recorded streams of one wire."""
    absent = pytest.param(None, marks=pytest.mark.skip(reason="there are no recordings beside the project"))
    found = [pytest.param(one, id=one.name) for one in recordings() if one.wire == kind]
    return pytest.mark.parametrize("recording", found or [absent])


def streamed_calls(told: list[ModelEvent]) -> dict[str, tuple[str, str]]:
    """Return name and arguments of each call by its id, as a client knows them that only follows the events."""
    calls: dict[str, tuple[str, str]] = {}
    for event in told:
        if isinstance(event, ToolCallStarted):
            assert event.id
            assert event.id not in calls
            calls[event.id] = (event.name, "")
        elif isinstance(event, ToolCallDelta):
            name, arguments = calls[event.id]
            calls[event.id] = (name, arguments + event.arguments)
    return calls


def check_consistent(told: Told) -> None:
    """Compare what was streamed with what is kept."""
    events, result = told.events, told.result
    assert "".join(event.text for event in events if isinstance(event, TextDelta)) == result.text
    streamed = [(call_id, *call) for call_id, call in streamed_calls(events).items()]
    assert [(call.id, call.name, call.arguments) for call in result.tool_calls] == streamed
    finished = {event.id for event in events if isinstance(event, ToolCallFinished)}
    assert {call.id for call in result.tool_calls if call.complete} == finished
    reasoning = "".join(part.text for part in result.parts if isinstance(part, ReasoningPart))
    assert "".join(event.text for event in events if isinstance(event, ReasoningDelta)) == reasoning


def said(role: Role, *parts: Any, origin: Origin | None = None, native: tuple[Json, ...] = ()) -> ChatMessage:
    return ChatMessage(role=role, parts=parts, origin=origin, native=native)


def user(text: str) -> ChatMessage:
    return said(Role.USER, TextPart(text=text))


def answer(result: StepResult, origin: Origin) -> ChatMessage:
    """Return the answer of a wire as it stands in the history."""
    return said(Role.ASSISTANT, *result.parts, origin=origin, native=result.native)
