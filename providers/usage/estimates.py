"""Decides which counts of a call's usage are missing, and estimates them. Pure.

Reported counts are never changed. Estimates use the length, at about four characters per token, and mark the
whole usage as estimated. Counts that cannot be estimated stay ``None``.
"""

from collections.abc import Iterable
from dataclasses import replace
from enum import Enum
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

#: Parts and functions of a request that take about 1 ms to measure.
_SHORT = 1_000


class MissingCounts(Enum):
    """The missing counts that may be estimated."""

    #: Nothing.
    NONE = "none"
    #: Input tokens.
    INPUT = "input"
    #: Output tokens.
    OUTPUT = "output"
    #: Both.
    ALL = "all"


def gap(result: StepResult, *, has_ended: bool, fills_halves: bool) -> MissingCounts:
    """Return the counts of ``result`` to estimate.

    Without a report, both counts are estimated if the answer has begun or is complete. Otherwise nothing is
    estimated, because the model may not have read the request. If a report has only one of the two counts,
    the other is estimated only for servers with ``fills_halves``.
    """
    if not (has_ended or result.parts or result.stream_was_cancelled):
        return MissingCounts.NONE
    usage = result.usage
    if usage.input_tokens is None and usage.output_tokens is None:
        return MissingCounts.ALL if usage.is_unknown or fills_halves else MissingCounts.NONE
    if None not in (usage.input_tokens, usage.output_tokens) or not fills_halves:
        return MissingCounts.NONE
    return MissingCounts.INPUT if usage.input_tokens is None else MissingCounts.OUTPUT


def settled(usage: Usage) -> Usage:
    """Return ``usage``; a report without both totals is marked as partial."""
    is_whole = None not in (usage.input_tokens, usage.output_tokens)
    if usage.source is UsageSource.REPORTED and not is_whole:
        return replace(usage, source=UsageSource.PARTIAL)
    return usage


def filled(usage: Usage, what: MissingCounts, *, read: int, written: int) -> Usage:
    """Return ``usage`` with the counts ``what`` set to the tokens ``read`` and ``written``, as estimated."""
    if what is MissingCounts.NONE:
        return usage
    return replace(
        usage,
        input_tokens=usage.input_tokens if what is MissingCounts.OUTPUT else read,
        output_tokens=usage.output_tokens if what is MissingCounts.INPUT else written,
        source=UsageSource.ESTIMATED,
    )


def tokens(characters: int) -> int:
    """Return the approximate number of tokens for a number of characters, rounded up."""
    return -(-characters // CHARACTERS_PER_TOKEN)


def length(request: ModelRequest) -> int:
    """Return the number of characters in ``request``. Files count as 0, because their tokens are unknown."""
    schemas = sum(
        len(tool.name) + len(tool.description) + len(str(tool.parameters)) for tool in request.tools
    )
    return len(request.system) + schemas + sum(length_of(message.parts) for message in request.messages)


def takes_long(request: ModelRequest) -> bool:
    """Return whether measuring ``request`` would block the event loop for more than about 1 ms."""
    return len(request.tools) + sum(len(message.parts) for message in request.messages) > _SHORT


def length_of(parts: Iterable[Part]) -> int:
    """Return the number of characters in ``parts``."""
    return sum(len(_words(part)) for part in parts)


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
