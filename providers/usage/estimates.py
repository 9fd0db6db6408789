"""Decides whether a call's usage is whole, and guesses what is missing. Pure.

What a provider has reported is never overruled. Guesses go by length, at about four characters a
token, and mark the whole usage as estimated; what nobody can guess stays unknown.
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

#: Parts and functions of a request that are measured in about a millisecond.
_SHORT = 1_000


class MissingCounts(Enum):
    """What is missing in a usage and may be guessed."""

    #: Nothing.
    NONE = "none"
    #: What the model has read.
    INPUT = "input"
    #: What it has written.
    OUTPUT = "output"
    #: Both.
    ALL = "all"


def gap(result: StepResult, *, has_ended: bool, fills_halves: bool) -> MissingCounts:
    """Return what to guess of what ``result`` has used.

    A call that came to its end, or was cut or broke in the middle of its answer, is guessed whole when
    nothing was reported; of any other nobody knows whether it was read at all. Half a report is
    guessed to its end only for servers that are known for it (``fills_halves``).
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
    """Return ``usage`` with the source that it deserves: a report that leaves out a total is partial."""
    is_whole = None not in (usage.input_tokens, usage.output_tokens)
    if usage.source is UsageSource.REPORTED and not is_whole:
        return replace(usage, source=UsageSource.PARTIAL)
    return usage


def filled(usage: Usage, what: MissingCounts, *, read: int, written: int) -> Usage:
    """Return ``usage`` with ``what`` is missing guessed: ``read`` and ``written`` are tokens."""
    if what is MissingCounts.NONE:
        return usage
    return replace(
        usage,
        input_tokens=usage.input_tokens if what is MissingCounts.OUTPUT else read,
        output_tokens=usage.output_tokens if what is MissingCounts.INPUT else written,
        source=UsageSource.ESTIMATED,
    )


def tokens(characters: int) -> int:
    """Return about how many tokens so many characters are."""
    return -(-characters // CHARACTERS_PER_TOKEN)


def length(request: ModelRequest) -> int:
    """Return the characters that a model is sent; files count for nothing, as nobody knows for how much."""
    schemas = sum(
        len(tool.name) + len(tool.description) + len(str(tool.parameters)) for tool in request.tools
    )
    return len(request.system) + schemas + sum(length_of(message.parts) for message in request.messages)


def takes_long(request: ModelRequest) -> bool:
    """Whether nobody on the loop should wait while ``request`` is measured."""
    return len(request.tools) + sum(len(message.parts) for message in request.messages) > _SHORT


def length_of(parts: Iterable[Part]) -> int:
    """Return the characters of ``parts``."""
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
