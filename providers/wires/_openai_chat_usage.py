"""Where the chunks of a Chat Completions stream report token counts. Pure.

``_openai_usage`` knows what the counts are called.
"""

from providers.types import Json
from providers.wires._openai_usage import has_totals, is_total
from providers.wires.shapes import object_in, objects_in
from providers.wires.usage_merging import merged

#: Where a chunk may report usage, besides ``usage``.
_PLACES = (
    *("usageMetadata", "usage_metadata", "token_usage", "x_usage", "amazon-bedrock-invocationMetrics"),
    "usage",
)
#: Where counts stand among other figures; they are read only where there is no usage.
_FIGURES = ("details", "timings", "metrics", "stats", "statistics")
ELSEWHERE = frozenset(
    {*_PLACES, *_FIGURES, "x_groq", "error", "meta", "prompt_tokens", "prompt_eval_count"} - {"usage"}
)


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
    found += [inner for usage in found if (inner := object_in(usage.get("usage")))]
    if not found and known is None:
        # Counts beside everything else, as Ollama has them, and those of llama.cpp and Text Generation Inference.
        beside = {name: count for name, count in event.items() if is_total(name)}
        others = [beside, *(figures for name in _FIGURES for figures in objects_in(event.get(name)))]
        found = [other for other in others if has_totals(other)]
    if not found:
        return None
    for usage in found:
        known = merged(known, usage)
    return known


def _may_report(choice: Json) -> bool:
    return "usage" in choice or any("usage" in object_in(choice.get(name)) for name in ("delta", "message"))
