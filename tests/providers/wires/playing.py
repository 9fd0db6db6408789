"""Feeds streams to a wire, for the tests of all wires."""

from dataclasses import dataclass
from typing import Any

from providers import wires
from providers.errors import LLMError
from providers.errors.cancellation import RunCancelled
from providers.types import StepResult
from providers.types import quirks as known_quirks
from providers.types.events import ModelEvent, ResponseStarted, UsageSeen
from providers.types.quirks import Quirks
from providers.wires.accumulator import StepAccumulator


@dataclass(frozen=True, kw_only=True)
class Told:
    """What the wire made of a stream."""

    events: list[ModelEvent]
    result: StepResult
    raised: Exception | None

    @property
    def meaning(self) -> list[ModelEvent]:
        """The events without the provider's name and the usage."""
        return [event for event in self.events if not isinstance(event, (ResponseStarted, UsageSeen))]


def play(kind: str, stream: list[Any], *, cancel: bool = False, quirks: Quirks = known_quirks.NONE) -> Told:
    """Feed ``stream`` to the wire ``kind``, then end it, or cancel it instead of ending it."""
    accumulator, events = StepAccumulator(quirks=quirks), list[ModelEvent]()
    reader = wires.read(wires.load(kind), accumulator)
    raised: Exception | None = None
    try:
        for event in stream:
            events += reader.take(event)
        if cancel:
            raised = RunCancelled()
            reader.interrupt(raised)
        else:
            reader.end()
    except LLMError as error:
        raised = error
    return Told(events=events, result=accumulator.result(), raised=raised)


def interrupted(kind: str, stream: list[Any], reason: BaseException) -> StepResult:
    """Feed ``stream`` to the wire ``kind``, interrupt it for ``reason``, and return what was kept."""
    accumulator = StepAccumulator()
    reader = wires.read(wires.load(kind), accumulator)
    for event in stream:
        reader.take(event)
    reader.interrupt(reason)
    return accumulator.result()
