"""Words, thoughts and signatures in the shapes that servers of Chat Completions give them. Pure.

Content is a string, a part or a list of parts; thoughts have several names, and are a string, an object or a list; one
signature or several stand beside them. What is in an unknown shape is handed on as an item.
"""

import re
from collections.abc import Iterator
from enum import Enum
from functools import lru_cache
from typing import Any

from providers.types import Json
from providers.wires.shapes import object_in, objects_in, text_in

#: The fields of a delta that spell out thoughts. Of several with the same words, the first one counts.
THOUGHT_NAMES = (
    "reasoning_content",
    "reasoning",
    "reasoning_text",
    "reasoning_summary",
    "thinking",
    "thinking_content",
    "thought",
    "thoughts",
    "chain_of_thought",
    "cot",
    "cot_text",
    "cot_summary",
    "reason_content",
    "reasoning_output",
    "thinking_text",
    "thought_content",
    "internal_reasoning",
)

#: Names that nobody has listed, but that say by their form that they hold a thought, and what else they may say.
_THOUGHT_FORM = re.compile(
    r"(^|_)(reasoning|think(ing)?|thoughts?|cot|analysis)(_|content|text|$)", re.IGNORECASE
)
_BESIDE_THOUGHTS = re.compile(
    r"signature|encrypted|opaque|blocks|details|tokens?$|count|effort|budget|level|mode|finish|stop|status|index|time|duration|(^|_)(id|is|has|type|format|enabled)(_|$)",
    re.IGNORECASE,
)

#: Where the words of an object or a part stand.
_WORDS = (
    *("text", "thinking", "reasoning", "content", "summary", "summary_text", "output_text", "thought"),
    *("reasoningText", "reasoning_text"),
)

#: What kinds of parts are words, and what are thoughts; a part may have no kind.
_TEXT_KINDS = frozenset({"text", "output_text", "input_text", "text_delta", ""})
_THOUGHT_KINDS = re.compile(r"think|thought|reason|^summary")
_CALL_KINDS = frozenset({"tool_use", "tool_call", "function_call", "function"})

#: Fields that only the provider understands and that it wants back: signatures, encrypted or opaque state.
_OPAQUE = re.compile(r"signature|encrypted|opaque", re.IGNORECASE)


class ContentKind(Enum):
    """What a part of the content is."""

    TEXT = "text"
    REFUSAL = "refusal"
    THOUGHT = "thought"
    CALL = "call"
    #: Anything else.
    ITEM = "item"


@lru_cache(maxsize=1_024)
def is_thought_name(name: str) -> bool:
    """Return whether a field of this name spells out thoughts."""
    return name in THOUGHT_NAMES or (
        len(name) < 50 and bool(_THOUGHT_FORM.search(name)) and not _BESIDE_THOUGHTS.search(name)
    )


def thought_names(holder: Json) -> list[str]:
    """Return the fields of ``holder`` that spell out thoughts, OpenAI's first."""
    known = [name for name in THOUGHT_NAMES if name in holder]
    return known + [name for name in holder if name not in known and is_thought_name(name)]


def with_words(value: Json, words: str) -> Json:
    """Return ``value`` with ``words`` in the place of its own."""
    name = words_name(value)
    inner = value.get(name)
    return {**value, name: with_words(inner, words) if isinstance(inner, dict) else words}


def words_in(value: Any) -> str:
    """Return the words in ``value``: a string, an object with words, or a list of both."""
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return "".join(words_in(item) for item in value)
    if isinstance(value, dict):
        return next((words for name in _WORDS if (words := words_in(value.get(name)))), "")
    return ""


def words_name(value: Json) -> str:
    """Return the name under which an object holds its words; ``text`` if it holds none."""
    return next((name for name in _WORDS if words_in(value.get(name))), "text")


def is_signed(value: Any) -> bool:
    """Return whether ``value``, or anything in it, has a signature or encrypted content."""
    if isinstance(value, dict):
        return any((item and bool(_OPAQUE.search(name))) or is_signed(item) for name, item in value.items())
    return isinstance(value, list) and any(is_signed(item) for item in value)


def content_parts(content: Any) -> Iterator[tuple[ContentKind, Any]]:
    """Yield the parts of a delta's content: words for text, refusals and thoughts, else the part itself."""
    for part in content if isinstance(content, list) else [content]:
        if isinstance(part, str):
            yield ContentKind.TEXT, part
        elif isinstance(part, dict) and part:
            yield _part(part)


def _part(part: Json) -> tuple[ContentKind, Any]:
    kind = text_in(part.get("type"))
    if kind == "refusal":
        return ContentKind.REFUSAL, words_in(part.get("refusal")) or words_in(part)
    if _THOUGHT_KINDS.search(kind) or (not kind and "thinking" in part) or part.get("thought") is True:
        return ContentKind.THOUGHT, part
    if kind in _CALL_KINDS:
        return ContentKind.CALL, part
    if kind in _TEXT_KINDS and (words := words_in(part)):
        return ContentKind.TEXT, words
    return ContentKind.ITEM, part


def call_in(part: Json) -> Json:
    """Return a content part that is a call as a piece of ``tool_calls``."""
    function = object_in(part.get("function")) or {
        "name": part.get("name"),
        "arguments": part.get("input", part.get("arguments")),
    }
    return {"id": part.get("id") or part.get("call_id"), "function": function}


def opaque_fields(holder: Json) -> Json:
    """Return the fields of a delta or a call that must go back unchanged, because only the provider understands them.

    ``extra_content`` is Google's, ``provider_specific_fields`` LiteLLM's; of these two, what is no signature is left out.
    """
    fields = {name: value for name, value in holder.items() if value and _OPAQUE.search(name)}
    for name in ("extra_content", "extraContent"):
        if extra := _without_marks(object_in(holder.get(name))):
            fields[name] = extra
    specific = object_in(holder.get("provider_specific_fields"))
    if signed := {name: value for name, value in specific.items() if value and _OPAQUE.search(name)}:
        fields["provider_specific_fields"] = signed
    return fields


def combined(known: Json, later: Json) -> Json:
    """Return ``known`` with the fields of ``later``, in nested objects too; lists get longer."""
    result = dict(known)
    for name, value in later.items():
        before = result.get(name)
        if isinstance(before, dict) and isinstance(value, dict):
            result[name] = combined(before, value)
        elif isinstance(before, list) and isinstance(value, list):
            result[name] = [*before, *(item for item in value if item not in before)]
        else:
            result[name] = value
    return result


def is_marked_as_thought(delta: Json) -> bool:
    """Return whether ``delta`` says that its content is a thought, as Google's endpoint and proxies before it do."""
    if any(delta.get(name) is True for name in ("thought", "thinking", "is_thinking", "is_reasoning")):
        return True
    said = (text_in(delta.get(name)) for name in ("phase", "type", "role", "channel"))
    if any(word.startswith(("think", "thought", "reason", "analysis")) for word in said):
        return True
    return object_in(object_in(delta.get("extra_content")).get("google")).get("thought") is True


def without_thought_tags(content: Any) -> str:
    """Return the words of content that is marked as a thought, without the tags that Google puts around them."""
    return re.sub(r"</?(?:thought|think)>", "", words_in(content))


def thinking_blocks(delta: Json) -> list[Json]:
    """Return LiteLLM's blocks: Anthropic's thoughts with their signatures."""
    specific = object_in(delta.get("provider_specific_fields"))
    return objects_in(delta.get("thinking_blocks")) or objects_in(specific.get("thinking_blocks"))


def _without_marks(extra: Json) -> Json:
    kept = {
        name: {key: item for key, item in value.items() if key != "thought"}
        if isinstance(value, dict)
        else value
        for name, value in extra.items()
    }
    return {name: value for name, value in kept.items() if value}
