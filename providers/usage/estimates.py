"""Decides which counts of a call's usage are missing, and estimates them. Pure.

Reported counts are kept. The estimated part of a count is marked in ``estimated_input_tokens`` or
``estimated_output_tokens``. Counts that cannot be estimated stay ``None``.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import assert_never

from providers.types import (
    MediaPart,
    ModelRequest,
    Part,
    ProviderItemPart,
    ReasoningPart,
    StepResult,
    TextPart,
    ToolCallPart,
    ToolResultPart,
)
from providers.types.usage import CHARACTERS_PER_TOKEN, Usage, UsageSource
from providers.usage import text_tokens

#: Parts and functions of a request that take about 1 ms to measure.
_SHORT = 100
#: Characters of a request that take about 5 ms to measure.
_SHORT_TEXT = 20_000

#: Tokens that chat templates add around one message.
_AROUND_MESSAGE = 4

#: Tokens, and share of the count. A running count that lags behind the text by less than one of them is kept.
_LAG, _LAG_SHARE = 10, 0.3


@dataclass(frozen=True, kw_only=True, slots=True)
class Missing:
    """The counts of a call to estimate."""

    input: bool = False
    #: Also true for the running count of a cut answer, because it may lag behind the text that was shown.
    output: bool = False

    def __bool__(self) -> bool:
        return self.input or self.output


def missing(result: StepResult, *, has_ended: bool) -> Missing:
    """Return the counts of ``result`` to estimate.

    Nothing is estimated if the answer has not begun, because the model may not have read the request. Zeros beside an
    answer are placeholders of servers that do not count.
    """
    if not (has_ended or result.parts or result.stream_was_cancelled):
        return Missing()
    usage = result.usage
    may_lag = not has_ended and usage.source is not UsageSource.REPORTED
    is_unsaid = not usage.output_tokens if any(map(_words, result.parts)) else usage.output_tokens is None
    return Missing(input=not usage.input_tokens, output=is_unsaid or may_lag)


def settled(usage: Usage) -> Usage:
    """Return ``usage``; a report without both totals is marked as partial."""
    is_whole = None not in (usage.input_tokens, usage.output_tokens)
    if usage.source is UsageSource.REPORTED and not is_whole:
        return replace(usage, source=UsageSource.PARTIAL)
    return usage


def filled(usage: Usage, what: Missing, *, read: int, written: int) -> Usage:
    """Return ``usage`` with its missing counts set to the tokens ``read`` and ``written``, as estimated."""
    if what.input:
        usage = replace(usage, input_tokens=read, estimated_input_tokens=read)
    if what.output:
        reported = usage.output_tokens or 0
        lag = written - reported
        is_unsaid = usage.output_tokens is None or (reported == 0 and written > 0)
        if is_unsaid or (lag >= _LAG and lag > reported * _LAG_SHARE):
            # Reported reasoning is part of the output, and may be more than the visible text.
            written = max(written, usage.reasoning_tokens or 0)
            usage = replace(usage, output_tokens=written, estimated_output_tokens=written - reported)
    if usage.estimated_input_tokens is usage.estimated_output_tokens is None:
        return usage
    return replace(usage, source=UsageSource.ESTIMATED)


def input_tokens(request: ModelRequest) -> int:
    """Return the approximate number of tokens of ``request``. Images and sound count as 0 (unknown)."""
    tools = sum(
        text_tokens.estimate(f"{tool.name} {tool.description} {json.dumps(tool.parameters, default=str)}")
        for tool in request.tools
    )
    said = sum(_AROUND_MESSAGE + _tokens_of(message.parts) for message in request.messages)
    return text_tokens.estimate(request.system) + tools + said


def output_tokens(parts: Iterable[Part], *, pieces: int | None = None) -> int:
    """Return the approximate number of tokens of an answer.

    Args:
        parts: the answer.
        pieces: the number of upstream events with a piece of the answer; ``None`` if not counted.
    """
    parts = tuple(parts)
    if pieces is None:
        return _tokens_of(parts)
    return text_tokens.of_pieces("".join(map(_words, parts)), pieces)


def takes_long(request: ModelRequest, answer: Iterable[Part]) -> bool:
    """Return whether measuring ``request`` and ``answer`` would block the event loop for some milliseconds."""
    parts = [*answer, *(part for message in request.messages for part in message.parts)]
    if len(parts) + len(request.tools) > _SHORT:
        return True
    return len(request.system) + sum(len(_words(part)) for part in parts) > _SHORT_TEXT


def _tokens_of(parts: Iterable[Part]) -> int:
    return sum(_tokens(part) for part in parts)


def _tokens(part: Part) -> int:
    if isinstance(part, MediaPart) and part.mime_type == "text/plain" and part.data is not None:
        return len(part.data) * 3 // 4 // CHARACTERS_PER_TOKEN
    return text_tokens.estimate(_words(part))


def _words(part: Part) -> str:
    match part:
        case TextPart() | ReasoningPart():
            return part.text
        case ToolCallPart():
            return part.name + part.arguments
        case ToolResultPart():
            return part.content
        case MediaPart() | ProviderItemPart():
            return ""
        case _:
            assert_never(part)
