"""Token counts of a Chat Completions stream, in the one accounting. Pure.

Knows the places and the names that compatible servers and gateways use for the same counts.
"""

from dataclasses import replace

from providers.types import Json
from providers.types.usage import Usage, UsageSource, count_in, first_count
from providers.wires.shapes import object_in, objects_in
from providers.wires.usage_merging import merged

_INPUT = (
    "prompt_tokens",
    "input_tokens",
    "promptTokens",
    "inputTokens",
    "promptTokenCount",
    "prompt_token_count",
    "inputTokenCount",
    "prompt_eval_count",
    "prompt_n",
)
_OUTPUT = (
    "completion_tokens",
    "output_tokens",
    "completionTokens",
    "outputTokens",
    "candidatesTokenCount",
    "candidates_token_count",
    "outputTokenCount",
    "eval_count",
    "generated_tokens",
    "predicted_n",
)
#: Of the parts of these totals, the first names are OpenAI's and DeepSeek's. A gateway that fills one of the others,
#: such as Anthropic's behind LiteLLM, may leave them at 0; a 0 under the other names says nothing.
_CACHED = ("prompt_tokens_details.cached_tokens", "prompt_cache_hit_tokens")
_CACHED_ELSEWHERE = (
    "input_tokens_details.cached_tokens",
    "cached_tokens",
    "cache_read_input_tokens",
    "prompt_tokens_details.cache_read_input_tokens",
    "prompt_tokens_details.cache_read_tokens",
    "cache_read_tokens",
    "cachedContentTokenCount",
    "cache_n",
)
_WRITTEN = ("prompt_tokens_details.cache_write_tokens",)
_WRITTEN_ELSEWHERE = (
    "prompt_tokens_details.cache_creation_tokens",
    "prompt_tokens_details.cache_creation_input_tokens",
    "input_tokens_details.cache_write_tokens",
    "input_tokens_details.cache_creation_tokens",
    "cache_creation_input_tokens",
    "cache_write_input_tokens",
    "cache_write_tokens",
)
_REASONING = ("completion_tokens_details.reasoning_tokens",)
_REASONING_ELSEWHERE = (
    "output_tokens_details.reasoning_tokens",
    "completion_tokens_details.thinking_tokens",
    "reasoning_tokens",
    "thoughtsTokenCount",
)
#: Where a chunk may report usage, besides ``usage``.
_PLACES = ("usageMetadata", "usage_metadata", "token_usage", "amazon-bedrock-invocationMetrics", "usage")
ELSEWHERE = frozenset(
    {*_PLACES, "x_groq", "error", "meta", "details", "timings", "prompt_tokens", "prompt_eval_count"}
    - {"usage"}
)
_TOTAL = ("total_tokens", "totalTokens", "totalTokenCount")
#: Names of counts that may stand beside everything else in a chunk.
_COUNTS = frozenset({*_INPUT, *_OUTPUT, *_TOTAL})


def reported_in(event: Json, known: Json | None) -> Json | None:
    """Return ``known`` with what the chunk ``event`` reports; ``None`` if it reports nothing.

    Groq counts in ``x_groq``, Moonshot in the choice, Cohere in ``meta``, gateways before Gemini or Bedrock in their
    own words. Counts elsewhere are read only where there is no usage.
    """
    choices = objects_in(event.get("choices"))
    if (
        event.get("usage") is None
        and ELSEWHERE.isdisjoint(event)
        and not any(_may_report(choice) for choice in choices)
    ):
        return None
    places = [
        *(object_in(event.get(name)).get("usage") for name in ("x_groq", "error")),
        *(object_in(event.get("meta")).get(name) for name in ("billed_units", "tokens")),
        *(choice.get("usage") for choice in choices),
        *(object_in(choice.get(name)).get("usage") for choice in choices for name in ("delta", "message")),
        *(event.get(name) for name in _PLACES),
    ]
    found = [usage for place in places for usage in objects_in(place) if usage]
    if not found and known is None:
        # Counts beside everything else, as Ollama has them, and those of llama.cpp and Text Generation Inference.
        beside = {name: count for name, count in event.items() if name in _COUNTS}
        others = [beside, object_in(event.get("details")), *objects_in(event.get("timings"))]
        found = [other for other in others if first_count(other, *_INPUT, *_OUTPUT) is not None]
    if not found:
        return None
    for usage in found:
        known = merged(known, usage)
    return known


def _may_report(choice: Json) -> bool:
    return "usage" in choice or any("usage" in object_in(choice.get(name)) for name in ("delta", "message"))


def usage_from(raw: Json, *, is_final: bool, model: str | None = None, has_words: bool = False) -> Usage:
    """Return what ``raw`` reports.

    Args:
        raw: the merged usage object.
        is_final: whether nothing of the answer came after it; otherwise its numbers are partial.
        model: the model that answered, as far as it is known.
        has_words: whether the answer holds anything. Totals of 0 report nothing then.
    """
    usage = _with_cache(_with_reasoning(_named(raw), raw, model or ""), raw)
    if has_words:
        usage = replace(
            usage, input_tokens=usage.input_tokens or None, output_tokens=usage.output_tokens or None
        )
    return replace(usage, source=UsageSource.REPORTED if is_final else UsageSource.PARTIAL)


def _named(raw: Json) -> Usage:
    return Usage(
        input_tokens=first_count(raw, *_INPUT),
        cached_input_tokens=_part(raw, _CACHED, _CACHED_ELSEWHERE),
        cache_write_input_tokens=_part(raw, _WRITTEN, _WRITTEN_ELSEWHERE),
        output_tokens=first_count(raw, *_OUTPUT),
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
    is_beside = first_count(raw, *_TOTAL) == fresh + cache + (output or 0)
    has_own_names = count_in(raw, "prompt_tokens") is None and (
        "cache_read_input_tokens" in raw or "cache_creation_input_tokens" in raw or "cache_n" in raw
    )
    if is_beside or has_own_names or cache > fresh:
        return replace(usage, input_tokens=fresh + cache)
    return usage
