"""Cleans what a wire says before anyone else sees it: events one by one, the result as a whole.

Names and counts that are none are unknown. Text passes ``providers.text`` exactly here. The pieces of one text, thought or function call are
joined across events, so what the events add up to is what the result says. Pure.
"""

from collections.abc import Hashable, Iterator
from dataclasses import replace
from typing import Any, assert_never

from providers.events import (
    ModelEvent,
    ProviderItem,
    ReasoningDelta,
    ReasoningSealed,
    ResponseStarted,
    TextDelta,
    ToolCallDelta,
    ToolCallFinished,
    ToolCallStarted,
    UsageSeen,
)
from providers.text import Seam, clean, clean_json
from providers.types import (
    Part,
    ProviderItemPart,
    ReasoningPart,
    StepResult,
    TextPart,
    ToolCallPart,
    ToolResultPart,
)
from providers.usage import COUNTS, Usage

#: No call comes near, and the sum of two is still one that every reader of JSON takes exactly.
_MOST_TOKENS = 2**52


class Boundary:
    """The way out for the events of one call."""

    def __init__(self) -> None:
        self._text = Seam()
        self._others: dict[Hashable, Seam] = {}

    def let_through(self, event: ModelEvent) -> ModelEvent | None:
        """Return ``event`` clean, or ``None`` when all of it is held back for its other half."""
        match event:
            case TextDelta():
                text = self._text.feed(event.text)
                return event if text is event.text else TextDelta(text) if text else None
            case ReasoningDelta():
                text = self._seam(event.index).feed(event.text)
                return event if text is event.text else ReasoningDelta(text, event.index) if text else None
            case ToolCallDelta():
                text = self._seam(event.id).feed(event.arguments)
                return ToolCallDelta(clean(event.id), text) if text else None
            case ToolCallStarted():
                return ToolCallStarted(clean(event.id), clean(event.name))
            case ToolCallFinished():
                return ToolCallFinished(clean(event.id))
            case ReasoningSealed():
                return ReasoningSealed(clean(event.value), event.index)
            case ProviderItem():
                return ProviderItem(clean(event.kind), clean_json(event.data))
            case ResponseStarted():
                return ResponseStarted(_clean_name(event.response_id), _clean_name(event.model))
            case UsageSeen():
                return UsageSeen(_clean_usage(event.usage))
            case _:
                assert_never(event)

    def release(self) -> Iterator[ModelEvent]:
        """Yield what was held back, when nothing more will come."""
        if text := self._text.close():
            yield TextDelta(text)
        for key, seam in self._others.items():
            if text := seam.close():
                yield ReasoningDelta(text, key) if isinstance(key, int) else ToolCallDelta(str(key), text)

    def _seam(self, key: Hashable) -> Seam:
        return self._others.setdefault(key, Seam())


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


def _clean_usage(usage: Usage) -> Usage:
    counts: dict[str, Any] = {name: _clean_count(getattr(usage, name)) for name in COUNTS}
    return replace(usage, **counts)


def _clean_count(value: Any) -> int | None:
    is_count = isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _MOST_TOKENS
    return value if is_count else None


def _clean_part(part: Part) -> Part:
    match part:
        case TextPart():
            return replace(part, text=clean(part.text), annotations=tuple(map(clean_json, part.annotations)))
        case ReasoningPart():
            return replace(part, text=clean(part.text), sealed=clean_json(part.sealed))
        case ToolCallPart():
            return replace(part, id=clean(part.id), name=clean(part.name), arguments=clean(part.arguments))
        case ToolResultPart():
            return replace(
                part, call_id=clean(part.call_id), name=clean(part.name), content=clean(part.content)
            )
        case ProviderItemPart():
            return replace(part, kind=clean(part.kind), data=clean_json(part.data))
        case _:
            assert_never(part)
