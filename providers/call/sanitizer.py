"""Cleans what a wire says before anyone else sees it: events one by one, the result as a whole.

Names and counts that are none are unknown. Text passes ``providers.text`` exactly here. The pieces of one
text, thought or function call are joined across events, so what the events add up to, in their order, is what
the result says. Pure.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, assert_never

from providers.text import SurrogateJoiner, clean, clean_json
from providers.types import (
    MediaPart,
    Part,
    ProviderItemPart,
    ReasoningPart,
    StepResult,
    TextPart,
    ToolCallPart,
    ToolResultPart,
)
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
from providers.types.usage import COUNTS, Usage, UsageSource, as_count


class Sanitizer:
    """The way out for the events of one call."""

    def __init__(self) -> None:
        self._words = SurrogateJoiner()
        #: Whose words came last: the answer's (``None``), or those of the thought with this index.
        self._voice: int | None = None
        self._calls: dict[str, SurrogateJoiner] = {}

    def let_through(self, event: ModelEvent) -> Sequence[ModelEvent]:
        """Return ``event`` clean, or nothing when all of it is held back for its other half.

        Half a character that was held back comes first when this event parts it from its other half.
        """
        match event:
            case TextDelta():
                rest = () if self._voice is None else self._turn_to(None)
                text = self._words.feed(event.text)
                if text is event.text:
                    return (*rest, event)
                return (*rest, TextDelta(text)) if text else rest
            case ReasoningDelta():
                rest = () if self._voice == event.index else self._turn_to(event.index)
                text = self._words.feed(event.text)
                if text is event.text:
                    return (*rest, event)
                return (*rest, ReasoningDelta(text, event.index)) if text else rest
            case ToolCallDelta():
                call_id = _clean_word(event.id)
                text = self._calls.setdefault(call_id, SurrogateJoiner()).feed(event.arguments)
                return (ToolCallDelta(call_id, text),) if text else ()
            case ToolCallStarted():
                return (*self._last_words(), ToolCallStarted(_clean_word(event.id), _clean_word(event.name)))
            case ToolCallFinished():
                call_id = _clean_word(event.id)
                return (*self._last_arguments(call_id), ToolCallFinished(call_id))
            case ReasoningSealed() | ProviderItem() | ResponseStarted() | UsageSeen() | RetryScheduled():
                return (_clean_event(event),)
            case _:
                assert_never(event)

    def release(self) -> Iterator[ModelEvent]:
        """Yield what was held back, when nothing more will come."""
        yield from self._last_words()
        for call_id in tuple(self._calls):
            yield from self._last_arguments(call_id)

    def _turn_to(self, voice: int | None) -> tuple[ModelEvent, ...]:
        rest = self._last_words()
        self._voice = voice
        return rest

    def _last_words(self) -> tuple[ModelEvent, ...]:
        if not (text := self._words.close()):
            return ()
        return (TextDelta(text) if self._voice is None else ReasoningDelta(text, self._voice),)

    def _last_arguments(self, call_id: str) -> tuple[ModelEvent, ...]:
        seam = self._calls.pop(call_id, None)
        return (ToolCallDelta(call_id, text),) if seam is not None and (text := seam.close()) else ()


def _clean_event(
    event: ReasoningSealed | ProviderItem | ResponseStarted | UsageSeen | RetryScheduled,
) -> ModelEvent:
    """Return an event that is whole in itself clean."""
    match event:
        case ReasoningSealed():
            return ReasoningSealed(_clean_word(event.value), event.index)
        case ProviderItem():
            return ProviderItem(_clean_word(event.kind), clean_json(event.data))
        case ResponseStarted():
            return ResponseStarted(_clean_name(event.response_id), _clean_name(event.model))
        case UsageSeen():
            return UsageSeen(_clean_usage(event.usage))
        case RetryScheduled():
            # Ours, and made of what is clean.
            return event
        case _:
            assert_never(event)


def clean_result(result: StepResult) -> StepResult:
    """Return ``result`` with every string in it clean."""
    return replace(
        result,
        parts=tuple(_clean_part(part) for part in result.parts),
        native=tuple(clean_json(item) for item in result.native),
        raw_stop_reason=_clean_name(result.raw_stop_reason),
        usage=_clean_usage(result.usage),
        raw_usage=clean_json(result.raw_usage),
        response_id=_clean_name(result.response_id),
        model=_clean_name(result.model),
        response=clean_json(result.response),
    )


def _clean_name(value: Any) -> str | None:
    """Return an id or a name as text; some servers number their answers."""
    return clean(str(value)) if isinstance(value, (str, int)) else None


def _clean_word(value: object) -> str:
    """Return what has to be a word as one: some servers number their function calls."""
    return clean(value if isinstance(value, str) else str(value))


def _clean_usage(usage: Usage) -> Usage:
    counts: dict[str, Any] = {name: as_count(getattr(usage, name)) for name in COUNTS}
    cleaned = replace(usage, **counts)
    # A usage object without a number in it reports nothing.
    is_hollow = cleaned.is_unknown and cleaned.source is UsageSource.REPORTED
    return replace(cleaned, source=UsageSource.PARTIAL) if is_hollow else cleaned


def _clean_part(part: Part) -> Part:
    match part:
        case TextPart():
            return replace(part, text=clean(part.text), annotations=tuple(map(clean_json, part.annotations)))
        case ReasoningPart():
            return replace(part, text=clean(part.text), sealed=clean_json(part.sealed))
        case ToolCallPart():
            return replace(
                part, id=_clean_word(part.id), name=_clean_word(part.name), arguments=clean(part.arguments)
            )
        case ToolResultPart():
            return replace(
                part, call_id=clean(part.call_id), name=clean(part.name), content=clean(part.content)
            )
        case MediaPart():
            # Of users only; it passed the boundary on its way in.
            return part
        case ProviderItemPart():
            return replace(part, kind=_clean_word(part.kind), data=clean_json(part.data))
        case _:
            assert_never(part)
