"""Token counts of Gemini's chunks, in the one accounting. Pure."""

from providers.types import Json
from providers.types.usage import Usage, UsageSource, as_count
from providers.wires.shapes import object_in, objects_in

#: OpenAI's names of the totals, which gateways use.
_OPENAIS = {
    "prompt_tokens": "promptTokenCount",
    "completion_tokens": "candidatesTokenCount",
    "total_tokens": "totalTokenCount",
}


def reported_in(chunk: Json) -> Json:
    """Return the usage object of a chunk, under Gemini's names; empty if there is none."""
    for holder in (chunk, *objects_in(chunk.get("candidates"))):
        if usage := object_in(holder.get("usageMetadata")):
            return usage
    usage = object_in(chunk.get("usage"))
    return {_OPENAIS[name]: count for name, count in usage.items() if name in _OPENAIS}


def has_counts(raw: Json) -> bool:
    """Whether ``raw`` reports anything: Vertex sends usage objects without counts before its last chunk."""
    return any(name.endswith("TokenCount") for name in raw)


def usage_from(raw: Json, *, is_final: bool) -> Usage:
    """Return what ``raw``, a running total, reports; before the end of the answer it is partial."""
    thoughts = as_count(raw.get("thoughtsTokenCount"))
    read = _sum(as_count(raw.get("promptTokenCount")), as_count(raw.get("toolUsePromptTokenCount")))
    said = as_count(raw.get("candidatesTokenCount")) or as_count(raw.get("responseTokenCount"))
    written, total = _sum(said, thoughts), as_count(raw.get("totalTokenCount"))
    if said is None and read and total is not None and total - read > (written or 0):
        # Some gateways name nothing but the prompt and the total.
        written = total - read
    return Usage(
        input_tokens=read,
        cached_input_tokens=as_count(raw.get("cachedContentTokenCount")),
        output_tokens=written,
        reasoning_tokens=thoughts,
        source=UsageSource.REPORTED if is_final else UsageSource.PARTIAL,
    )


def _sum(one: int | None, other: int | None) -> int | None:
    """Add up what was reported; ``None`` when nothing was."""
    if one is None or other is None:
        return other if one is None else one
    return one + other
