"""Token counts of both OpenAI wires, in the one accounting. Pure.

Knows the names that compatible servers and gateways use for the same counts. Names in camel case are the same names.
"""

import re
from dataclasses import replace
from functools import lru_cache
from typing import Any

from providers.types import Json
from providers.types.usage import Usage, UsageSource, count_in, first_count

_INPUT = (
    "prompt_tokens",
    "input_tokens",
    "prompt_token_count",
    "input_token_count",
    "prompt_eval_count",
    "prompt_n",
)
_OUTPUT = (
    "completion_tokens",
    "output_tokens",
    "candidates_token_count",
    "output_token_count",
    "eval_count",
    "generated_tokens",
    "predicted_n",
)
_TOTAL = ("total_tokens", "total_token_count")
#: Of the parts of these totals, the first names are OpenAI's and DeepSeek's. A gateway that fills one of the others,
#: such as Anthropic's behind LiteLLM, may leave them at 0; a 0 under the other names says nothing.
_CACHED = (
    "prompt_tokens_details.cached_tokens",
    "input_tokens_details.cached_tokens",
    "prompt_cache_hit_tokens",
)
_CACHED_ELSEWHERE = (
    "cached_tokens",
    "cache_read_input_tokens",
    "prompt_tokens_details.cache_read_input_tokens",
    "prompt_tokens_details.cache_read_tokens",
    "cache_read_tokens",
    "cache_hit_tokens",
    "cached_input_tokens",
    "cached_content_token_count",
    "cache_n",
)
_WRITTEN = ("prompt_tokens_details.cache_write_tokens", "input_tokens_details.cache_write_tokens")
_WRITTEN_ELSEWHERE = (
    "prompt_tokens_details.cache_creation_tokens",
    "prompt_tokens_details.cache_creation_input_tokens",
    "input_tokens_details.cache_creation_tokens",
    "cache_creation_input_tokens",
    "cache_write_input_tokens",
    "cache_write_tokens",
)
_REASONING = (
    "completion_tokens_details.reasoning_tokens",
    "output_tokens_details.reasoning_tokens",
)
_REASONING_ELSEWHERE = (
    "completion_tokens_details.thinking_tokens",
    "reasoning_tokens",
    "thoughts_token_count",
)
#: Names of the cache's counts in ways of counting in which the input lacks them.
_BESIDE_INPUT = frozenset({"cache_read_input_tokens", "cache_creation_input_tokens", "cache_n"})
_TOTALS = frozenset({*_INPUT, *_OUTPUT, *_TOTAL})

_CAMEL = re.compile(r"(?<=[a-z0-9])([A-Z])")


def is_total(name: str) -> bool:
    """Return whether a field of this name is the input, the output, or both together."""
    return _snake(name) in _TOTALS


def has_totals(raw: Json) -> bool:
    """Return whether ``raw`` counts the input or the output."""
    return first_count(_snaked(raw), *_INPUT, *_OUTPUT) is not None


def usage_from(raw: Json, *, is_final: bool, model: str | None = None, has_words: bool = False) -> Usage:
    """Return what ``raw`` reports.

    Args:
        raw: the merged usage object.
        is_final: whether nothing of the answer came after it; otherwise its numbers are partial.
        model: the model that answered, as far as it is known.
        has_words: whether the answer holds anything. Totals of 0 report nothing then.
    """
    raw = _snaked(raw)
    usage = _with_cache(_with_reasoning(_named(raw), raw, model or ""), raw)
    if has_words:
        usage = replace(
            usage, input_tokens=usage.input_tokens or None, output_tokens=usage.output_tokens or None
        )
    return replace(usage, source=UsageSource.REPORTED if is_final else UsageSource.PARTIAL)


@lru_cache(maxsize=1_024)
def _snake(name: str) -> str:
    return _CAMEL.sub(lambda found: f"_{found[1].lower()}", name)


def _snaked(raw: Any) -> Any:
    if not isinstance(raw, dict):
        return raw
    return {_snake(name): _snaked(value) for name, value in raw.items()}


def _named(raw: Json) -> Usage:
    read, written = first_count(raw, *_INPUT), first_count(raw, *_OUTPUT)
    if read is None:
        # DeepSeek's two halves of the input.
        halves = [count_in(raw, f"prompt_cache_{half}_tokens") for half in ("hit", "miss")]
        read = None if None in halves else sum(filter(None, halves))
    total = first_count(raw, *_TOTAL)
    if written is None and read and total is not None and total > read:
        written = total - read
    return Usage(
        input_tokens=read,
        cached_input_tokens=_part(raw, _CACHED, _CACHED_ELSEWHERE),
        cache_write_input_tokens=_part(raw, _WRITTEN, _WRITTEN_ELSEWHERE),
        output_tokens=written,
        reasoning_tokens=_part(raw, _REASONING, _REASONING_ELSEWHERE),
    )


def _part(raw: Json, names: tuple[str, ...], elsewhere: tuple[str, ...]) -> int | None:
    count = first_count(raw, *names)
    return count or first_count(raw, *elsewhere) or count


def _with_reasoning(usage: Usage, raw: Json, model: str) -> Usage:
    """Return ``usage`` with the reasoning in its output, also where the server counts it beside the completion."""
    output, reasoning, total = usage.output_tokens, usage.reasoning_tokens, first_count(raw, *_TOTAL)
    if output is None:
        return usage
    beside = None if total is None else total - (usage.input_tokens or 0) - output
    if reasoning is None and beside and beside > 0 and "gemini" in model.lower():
        # Google's own compatible endpoint counts thoughts in the total alone.
        return replace(usage, output_tokens=output + beside, reasoning_tokens=beside)
    # xAI counts reasoning beside the completion, and its total tells.
    if reasoning and (beside == reasoning or reasoning > output):
        return replace(usage, output_tokens=output + reasoning)
    return usage


def _with_cache(usage: Usage, raw: Json) -> Usage:
    """Return ``usage`` with the cache in its input, also where a gateway kept Anthropic's way of counting."""
    fresh, output = usage.input_tokens, usage.output_tokens
    cache = (usage.cached_input_tokens or 0) + (usage.cache_write_input_tokens or 0)
    if fresh is None or not cache:
        return usage
    total = first_count(raw, *_TOTAL)
    is_beside = total == fresh + cache + (output or 0)
    is_within = total == fresh + (output or 0) and cache <= fresh
    has_own_names = (
        count_in(raw, "prompt_tokens") is None and not is_within and not _BESIDE_INPUT.isdisjoint(raw)
    )
    if is_beside or has_own_names or cache > fresh:
        return replace(usage, input_tokens=fresh + cache)
    return usage
