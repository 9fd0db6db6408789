"""Token usage, counted in the same way for every provider.

``input_tokens`` and ``output_tokens`` are totals. ``cached_input_tokens`` and ``cache_write_input_tokens`` are parts
of the first, ``reasoning_tokens`` is a part of the second. A part is never added to its total again; AG-UI's
``TokenUsage`` and OpenTelemetry count in the same way. The part of a total that is an estimate stands beside it.
``None`` means that the number was not reported; 0 means that it was reported as 0.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from enum import StrEnum


class UsageSource(StrEnum):
    """The source of the numbers."""

    #: The provider reported them at the end of its answer.
    REPORTED = "reported"
    #: The answer did not come to its end, or nothing was reported: what is known is exact.
    PARTIAL = "partial"
    #: A part was computed here from the text, because the provider did not report it.
    ESTIMATED = "estimated"


@dataclass(frozen=True, kw_only=True, slots=True)
class Usage:
    """Tokens of one call, or the sum of several calls."""

    input_tokens: int | None = None
    cached_input_tokens: int | None = None
    cache_write_input_tokens: int | None = None
    output_tokens: int | None = None
    reasoning_tokens: int | None = None
    #: The part of ``input_tokens`` that was computed here, not reported; ``None`` for no part.
    estimated_input_tokens: int | None = None
    #: The same of ``output_tokens``.
    estimated_output_tokens: int | None = None
    source: UsageSource = UsageSource.PARTIAL

    @property
    def total_tokens(self) -> int | None:
        """Input plus output; ``None`` if either is unknown."""
        if self.input_tokens is None or self.output_tokens is None:
            return None
        return self.input_tokens + self.output_tokens

    @property
    def is_unknown(self) -> bool:
        """Whether no number is known."""
        return all(getattr(self, name) is None for name in COUNTS)


#: The counts that a provider may report, and how much of them is an estimate.
COUNTS = tuple(
    item.name for item in fields(Usage) if item.name.removeprefix("estimated_") == item.name != "source"
)
ESTIMATES = ("estimated_input_tokens", "estimated_output_tokens")

#: From the least to the most trustworthy: a sum is worth what its worst part is worth.
_TRUST = (UsageSource.PARTIAL, UsageSource.ESTIMATED, UsageSource.REPORTED)

#: No call comes near, and the sum of two is still one that every reader of JSON takes exactly.
_MOST_TOKENS = 2**52

#: A count as text, and its most characters.
_WHOLE = re.compile(r"([0-9]+)(?:\.0*)?")
_LONGEST_TEXT = len(str(_MOST_TOKENS)) + 4

#: The rule of thumb for English text that providers themselves publish.
CHARACTERS_PER_TOKEN = 4


def as_count(value: object) -> int | None:
    """Return ``value`` as a token count, ``None`` if it is not one.

    Some servers send their numbers as text, or as whole floats.
    """
    if isinstance(value, str) and len(value) <= _LONGEST_TEXT and (text := _WHOLE.fullmatch(value)):
        value = int(text[1])
    elif isinstance(value, float) and value.is_integer():
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool):
        return None
    return value if 0 <= value <= _MOST_TOKENS else None


def count_in(raw: object, *path: str) -> int | None:
    """Return the number of tokens at ``path`` in ``raw``, a provider's usage object; ``None`` if there is none."""
    for name in path:
        raw = raw.get(name) if isinstance(raw, Mapping) else None
    return as_count(raw)


def first_count(raw: object, *paths: str) -> int | None:
    """Return the first count above 0 at one of ``paths`` (names joined by dots); else 0 if one is reported, else ``None``.

    The same count has several names, and gateways that send two of them leave the wrong one at 0.
    """
    counts = [count for path in paths if (count := count_in(raw, *path.split("."))) is not None]
    return next((count for count in counts if count), 0 if counts else None)


def add(*usages: Usage) -> Usage:
    """Return the sum of ``usages``. A number is ``None`` if no usage knows it; unknown numbers count as 0 otherwise."""
    if not usages:
        return Usage()
    counts: dict[str, int | None] = {}
    for name in (*COUNTS, *ESTIMATES):
        known = [value for usage in usages if (value := getattr(usage, name)) is not None]
        counts[name] = sum(known) if known else None
    return Usage(**counts, source=min((usage.source for usage in usages), key=_TRUST.index))
