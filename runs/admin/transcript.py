"""The messages of a run as HTML for its admin page. All texts are untrusted and thus escaped."""

from typing import Any

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from providers.text.hidden import visible
from providers.types import Json
from runs.log import replay
from runs.log.replay import ReplayedMessage
from runs.models import Run
from runs.store.history import part_to_json


def render(run: Run) -> SafeString:
    """Return the messages of ``run`` in order, each with its role; all parts but text are collapsed.

    For an active run, the last message comes from the event log as far as it goes.
    """
    messages = [(message.role, message.parts) for message in run.messages.order_by("position")]
    if run.is_active and (unfinished := _unfinished_message(run)):
        so_far = [part_to_json(part) for part in unfinished.message.parts]
        messages.append((f"{unfinished.message.role}, so far", so_far))
    if not messages:
        return format_html("<p>{}</p>", "Nothing was said.")
    return format_html_join(
        "",
        '<div class="runnel-turn"><p class="runnel-role">{}</p>{}</div>',
        ((role, format_html_join("", "{}", ((_part(part),) for part in parts))) for role, parts in messages),
    )


def _unfinished_message(run: Run) -> ReplayedMessage | None:
    """Return the message of a step that has not ended; a finished step has stored its message already."""
    step = replay.last_step(replay.events(run.pk))
    return None if any(event["type"] == "STEP_FINISHED" for event in step) else replay.message_of(step)


def _part(part: Json) -> SafeString:
    match part["kind"]:
        case "text":
            return format_html('<p class="runnel-text">{}</p>', visible(part["text"]))
        case "reasoning":
            return _folded("Reasoning", part["text"] or "Not shown by the provider.")
        case "tool_call":
            return _folded(f"Call of {part['name']}", part["arguments"])
        case "tool_result":
            title = "Error" if part.get("is_error") else "Result"
            return _folded(f"{title} of {part['name']}", part["content"])
        case other:
            return _folded(str(part.get("item", other)), part.get("data", part))


def _folded(title: str, content: Any) -> SafeString:
    return format_html(
        '<details class="runnel-fold"><summary>{}</summary><p class="runnel-text">{}</p></details>',
        visible(title),
        visible(str(content)),
    )
