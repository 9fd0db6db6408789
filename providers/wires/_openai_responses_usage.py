"""Token counts of a Response, in the one accounting. Pure."""

from providers.types import Json
from providers.types.usage import Usage, UsageSource, count_in


def usage_from(raw: Json) -> Usage:
    """Return what ``raw`` reports; it comes with the end only."""
    return Usage(
        input_tokens=count_in(raw, "input_tokens"),
        cached_input_tokens=count_in(raw, "input_tokens_details", "cached_tokens"),
        cache_write_input_tokens=count_in(raw, "input_tokens_details", "cache_write_tokens"),
        output_tokens=count_in(raw, "output_tokens"),
        reasoning_tokens=count_in(raw, "output_tokens_details", "reasoning_tokens"),
        source=UsageSource.REPORTED,
    )
