"""Sanitizes a wire's output before any other code sees it: each event, and the result as a whole. Pure.

Invalid names and counts become ``None``. This is the only place where a provider's text passes
``providers.text.cleaning``. The sanitizer joins characters that are split across events of one text, thought or
function call. The text of all events, in order, therefore equals the text of the result.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, assert_never

from providers.text.cleaning import SurrogateJoiner, clean, clean_json
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
    """Sanitizes the events of one call, in order."""

    def __init__(self) -> None:
        self._text = SurrogateJoiner()
        #: Source of the last text: ``None`` for the answer, else the index of the thought.
        self._text_source: int | None = None
        self._calls: dict[str, SurrogateJoiner] = {}

    def sanitize(self, event: ModelEvent) -> Sequence[ModelEvent]:
        """Return ``event`` sanitized, or nothing while all of it is one half of a character.

        If this event separates a held half character from its other half, the held half comes first.
        """
        match event:
            case TextDelta():
                rest = () if self._text_source is None else self._switch_to(None)
                text = self._text.feed(event.text)
                if text is event.text:
                    return (*rest, event)
                return (*rest, TextDelta(text)) if text else rest
            case ReasoningDelta():
                rest = () if self._text_source == event.index else self._switch_to(event.index)
                text = self._text.feed(event.text)
                if text is event.text:
                    return (*rest, event)
                return (*rest, ReasoningDelta(text, event.index)) if text else rest
            case ToolCallDelta():
                call_id = _clean_text(event.id)
                text = self._calls.setdefault(call_id, SurrogateJoiner()).feed(event.arguments)
                return (ToolCallDelta(call_id, text),) if text else ()
            case ToolCallStarted():
                return (*self._flush_text(), ToolCallStarted(_clean_text(event.id), _clean_text(event.name)))
            case ToolCallFinished():
                call_id = _clean_text(event.id)
                return (*self._flush_arguments(call_id), ToolCallFinished(call_id))
            case ReasoningSealed() | ProviderItem() | ResponseStarted() | UsageSeen() | RetryScheduled():
                return (_clean_event(event),)
            case _:
                assert_never(event)

    def flush(self) -> Iterator[ModelEvent]:
        """Yield all held text. Call it after the last event."""
        yield from self._flush_text()
        for call_id in tuple(self._calls):
            yield from self._flush_arguments(call_id)

    def _switch_to(self, source: int | None) -> tuple[ModelEvent, ...]:
        rest = self._flush_text()
        self._text_source = source
        return rest

    def _flush_text(self) -> tuple[ModelEvent, ...]:
        if not (text := self._text.close()):
            return ()
        return (TextDelta(text) if self._text_source is None else ReasoningDelta(text, self._text_source),)

    def _flush_arguments(self, call_id: str) -> tuple[ModelEvent, ...]:
        joiner = self._calls.pop(call_id, None)
        return (ToolCallDelta(call_id, text),) if joiner is not None and (text := joiner.close()) else ()


def _clean_event(
    event: ReasoningSealed | ProviderItem | ResponseStarted | UsageSeen | RetryScheduled,
) -> ModelEvent:
    """Return a sanitized event of a kind that is never split across events."""
    match event:
        case ReasoningSealed():
            return ReasoningSealed(_clean_text(event.value), event.index)
        case ProviderItem():
            return ProviderItem(_clean_text(event.kind), clean_json(event.data))
        case ResponseStarted():
            return ResponseStarted(_clean_name(event.response_id), _clean_name(event.model))
        case UsageSeen():
            return UsageSeen(_clean_usage(event.usage))
        case RetryScheduled():
            # Built by this project from sanitized text.
            return event
        case _:
            assert_never(event)


def clean_result(result: StepResult) -> StepResult:
    """Return ``result`` with every string in it sanitized and invalid counts set to ``None``."""
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
        unexecuted=tuple(map(clean, result.unexecuted)),
    )


def _clean_name(value: Any) -> str | None:
    """Return an optional id or name as text, else ``None``. Some servers send numbers."""
    return clean(str(value)) if isinstance(value, (str, int)) else None


def _clean_text(value: object) -> str:
    """Return a required id or name as text. Some servers number their function calls."""
    return clean(value if isinstance(value, str) else str(value))


def _clean_usage(usage: Usage) -> Usage:
    counts: dict[str, Any] = {name: as_count(getattr(usage, name)) for name in COUNTS}
    cleaned = replace(usage, **counts)
    # A usage object without any number is no report.
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
                part, id=_clean_text(part.id), name=_clean_text(part.name), arguments=clean(part.arguments)
            )
        case ToolResultPart():
            return replace(
                part, call_id=clean(part.call_id), name=clean(part.name), content=clean(part.content)
            )
        case MediaPart():
            # Only users send media; it was sanitized as input.
            return part
        case ProviderItemPart():
            return replace(part, kind=_clean_text(part.kind), data=clean_json(part.data))
        case _:
            assert_never(part)
