"""Output items and content parts in the shapes that servers of the Responses API give them. Pure."""

from typing import Any

from providers.types import Json, ProviderItemPart
from providers.wires._openai_responses_items import ContentKind
from providers.wires.shapes import object_in, objects_in, text_in

#: What servers call words that are neither a refusal nor a summary.
_PLAIN = (None, "text", "thinking")
_PLAIN_KINDS = (ContentKind.TEXT, ContentKind.THOUGHT)


def part_in(event: Json) -> tuple[ContentKind | None, str]:
    """Return the kind and the words of the content part in ``event``."""
    part = object_in(event.get("part"))
    kind = next((kind for kind in ContentKind if kind.value == part.get("type")), None)
    return kind, "" if kind is None else text_in(part.get(kind.field))


def type_of(item: Json) -> str:
    """Return the type of an output item, told by its fields where it has none."""
    if kind := text_in(item.get("type")):
        return kind
    if "arguments" in item:
        return "function_call"
    return "reasoning" if "summary" in item or "encrypted_content" in item else "message"


def others_in(content: Any) -> list[ProviderItemPart]:
    """Return the content parts of a message that are no words; the API documents none, but gateways send pictures."""
    words = {*_PLAIN, *(kind.value for kind in ContentKind)}
    return [
        ProviderItemPart(kind=kind, data=part)
        for part in objects_in(content)
        if (kind := text_in(part.get("type"))) and kind not in words
    ]


def wholes_in(content: Any, kind: ContentKind) -> list[tuple[str, list[Json]]]:
    """Return words and annotations of each content part of one kind. Plain text stands for words of the answer or a summary."""
    if isinstance(content, str):
        return [(content, [])] if kind in {ContentKind.TEXT, ContentKind.SUMMARY} else []
    return [
        (text_in(part.get(kind.field)), objects_in(part.get("annotations")))
        for part in objects_in(content)
        if part.get("type") == kind.value or (part.get("type") in _PLAIN and kind in _PLAIN_KINDS)
    ]
