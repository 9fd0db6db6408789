"""What was said, as an administrator reads it. All of it is foreign text: escaped, never HTML."""

from collections.abc import Iterable
from typing import Any

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from providers.types import Json
from runs.models import Message


def render(messages: Iterable[Message]) -> SafeString:
    """Return ``messages`` in order, each with its role, its reasoning folded away."""
    turns = [
        (message.role, format_html_join("", "{}", ((_part(part),) for part in message.parts)))
        for message in messages
    ]
    if not turns:
        return format_html("<p>{}</p>", "Nothing was said.")
    return format_html_join("", '<div class="runnel-turn"><p class="runnel-role">{}</p>{}</div>', turns)


def _part(part: Json) -> SafeString:
    match part["kind"]:
        case "text":
            return format_html('<p class="runnel-text">{}</p>', part["text"])
        case "reasoning":
            return _folded("Reasoning", part["text"] or "Not shown by the provider.")
        case "tool_call":
            return _folded(f"Call of {part['name']}", part["arguments"])
        case "tool_result":
            return _folded(f"Result of {part['name']}", part["content"])
        case other:
            return _folded(str(part.get("item", other)), part.get("data", part))


def _folded(title: str, content: Any) -> SafeString:
    return format_html(
        '<details class="runnel-fold"><summary>{}</summary><p class="runnel-text">{}</p></details>',
        title,
        content,
    )
