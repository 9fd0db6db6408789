"""Token counts of Gemini's chunks, in the one accounting. Pure."""

from providers.types import Json
from providers.types.usage import Usage, UsageSource, count_in


def has_counts(raw: Json) -> bool:
    """Whether ``raw`` reports anything: Vertex sends usage objects without counts before its last chunk."""
    return any(name.endswith("TokenCount") for name in raw)


def usage_from(raw: Json, *, is_final: bool) -> Usage:
    """Return what ``raw``, a running total, reports; before the end of the answer it is partial."""
    return Usage(
        input_tokens=_sum(count_in(raw, "promptTokenCount"), count_in(raw, "toolUsePromptTokenCount")),
        cached_input_tokens=count_in(raw, "cachedContentTokenCount"),
        output_tokens=_sum(count_in(raw, "candidatesTokenCount"), count_in(raw, "thoughtsTokenCount")),
        reasoning_tokens=count_in(raw, "thoughtsTokenCount"),
        source=UsageSource.REPORTED if is_final else UsageSource.PARTIAL,
    )


def _sum(*counts: int | None) -> int | None:
    """Add up what was reported; ``None`` when nothing was."""
    known = [count for count in counts if count is not None]
    return sum(known) if known else None
