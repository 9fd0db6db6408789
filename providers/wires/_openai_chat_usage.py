"""Token counts of a Chat Completions stream, in the one accounting. Pure."""

from providers.types import Json
from providers.types.usage import Usage, UsageSource, count_in


def usage_from(raw: Json, *, is_final: bool) -> Usage:
    """Return what ``raw`` reports; before the end of the answer its numbers are partial."""
    cached = count_in(raw, "prompt_tokens_details", "cached_tokens")
    prompt, completion = count_in(raw, "prompt_tokens"), count_in(raw, "completion_tokens")
    reasoning = count_in(raw, "completion_tokens_details", "reasoning_tokens")
    # xAI counts reasoning beside the completion instead of within it, and its total tells.
    if (
        reasoning
        and completion is not None
        and count_in(raw, "total_tokens") == (prompt or 0) + completion + reasoning
    ):
        completion += reasoning
    return Usage(
        input_tokens=prompt,
        # DeepSeek's older name for the same count.
        cached_input_tokens=count_in(raw, "prompt_cache_hit_tokens") if cached is None else cached,
        cache_write_input_tokens=count_in(raw, "prompt_tokens_details", "cache_write_tokens"),
        output_tokens=completion,
        reasoning_tokens=reasoning,
        source=UsageSource.REPORTED if is_final else UsageSource.PARTIAL,
    )
