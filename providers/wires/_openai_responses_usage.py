"""Token counts of a Response, in the one accounting. Pure."""

from providers.types import Json
from providers.types.usage import Usage, UsageSource, first_count


def usage_from(raw: Json, *, is_final: bool = True) -> Usage:
    """Return what ``raw`` reports.

    Args:
        raw: the merged usage object. Gateways also use the names of Chat Completions and of Anthropic.
        is_final: whether it came with the end. Totals of 0 before it are placeholders.
    """
    read = first_count(raw, "input_tokens", "prompt_tokens")
    written = first_count(raw, "output_tokens", "completion_tokens")
    if not is_final:
        read, written = read or None, written or None
    return Usage(
        input_tokens=read,
        cached_input_tokens=first_count(
            raw,
            "input_tokens_details.cached_tokens",
            "prompt_tokens_details.cached_tokens",
            "cache_read_input_tokens",
        ),
        cache_write_input_tokens=first_count(
            raw, "input_tokens_details.cache_write_tokens", "cache_creation_input_tokens"
        ),
        output_tokens=written,
        reasoning_tokens=first_count(
            raw, "output_tokens_details.reasoning_tokens", "completion_tokens_details.reasoning_tokens"
        ),
        source=UsageSource.REPORTED if is_final and written is not None else UsageSource.PARTIAL,
    )
