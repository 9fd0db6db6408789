"""What was said, as an administrator reads it. All of it is foreign text: escaped, never HTML."""

from typing import Any

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from providers.types import Json, Role
from runs import salvage
from runs.history import part_to_json
from runs.models import Run


def render(run: Run) -> SafeString:
    """Return the turns of ``run`` in order, each with its role, its reasoning folded away.

    Of a run that has not ended yet, the last turn is what its log has so far.
    """
    turns = [(message.role, message.parts) for message in run.messages.order_by("position")]
    is_answered = any(role == Role.ASSISTANT for role, _ in turns)
    if run.is_active and not is_answered and (spoken := salvage.spoken(salvage.events(run.pk))):
        so_far = [part_to_json(part) for part in spoken.message.parts]
        turns.append((f"{spoken.message.role}, so far", so_far))
    if not turns:
        return format_html("<p>{}</p>", "Nothing was said.")
    return format_html_join(
        "",
        '<div class="runnel-turn"><p class="runnel-role">{}</p>{}</div>',
        ((role, format_html_join("", "{}", ((_part(part),) for part in parts))) for role, parts in turns),
    )


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
