"""What a run said, read back from its log: for runs that could not hand over a result themselves.

The log is what viewers saw, so the conversation goes on from there.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import orjson

from providers.types import ChatMessage, Part, ReasoningPart, Role, TextPart, ToolCallPart
from runs.models import RunEvent


@dataclass(frozen=True, kw_only=True, slots=True)
class ReplayedMessage:
    """An assistant's message, and the id that its events gave it."""

    message_id: UUID
    message: ChatMessage


def events(run_id: UUID) -> Iterator[dict[str, Any]]:
    """Yield the AG-UI events of a run from its first to its last."""
    rows = RunEvent.objects.filter(run_id=run_id).order_by("first_seq")
    for text in rows.values_list("frames", flat=True):
        for frame in text.split("\n"):
            yield orjson.loads(frame)["event"]


def last_step(log: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the events from the newest ``STEP_STARTED`` on; all of them where there is none."""
    kept: list[dict[str, Any]] = []
    for event in log:
        if event["type"] == "STEP_STARTED":
            kept.clear()
        kept.append(event)
    return kept


def spoken(log: Iterable[dict[str, Any]]) -> ReplayedMessage | None:
    """Return what the events of one step say, or ``None`` when they say nothing."""
    pieces: dict[str, list[str]] = {}
    opened: list[tuple[str, str, str]] = []
    ended = set()
    message_id = ""
    for event in log:
        match event["type"]:
            case "TEXT_MESSAGE_START" | "REASONING_MESSAGE_START" as kind:
                opened.append((kind, event["messageId"], ""))
                message_id = message_id or event["messageId"]
            case "TOOL_CALL_START" as kind:
                opened.append((kind, event["toolCallId"], event["toolCallName"]))
                message_id = message_id or event["parentMessageId"]
            case "TEXT_MESSAGE_CONTENT" | "REASONING_MESSAGE_CONTENT":
                pieces.setdefault(event["messageId"], []).append(event["delta"])
            case "TOOL_CALL_ARGS":
                pieces.setdefault(event["toolCallId"], []).append(event["delta"])
            case "TOOL_CALL_END":
                ended.add(event["toolCallId"])
    parts = tuple(
        _part(kind, key, name, "".join(pieces.get(key, ())), has_ended=key in ended)
        for kind, key, name in opened
    )
    if not parts:
        return None
    return ReplayedMessage(message_id=UUID(message_id), message=ChatMessage(role=Role.ASSISTANT, parts=parts))


def _part(kind: str, key: str, name: str, text: str, *, has_ended: bool) -> Part:
    match kind:
        case "TEXT_MESSAGE_START":
            return TextPart(text=text)
        case "REASONING_MESSAGE_START":
            return ReasoningPart(text=text)
        case _:
            # A call that was cut is closed in the log as well: only its arguments tell.
            return ToolCallPart(id=key, name=name, arguments=text, complete=has_ended and _is_json(text))


def _is_json(text: str) -> bool:
    try:
        orjson.loads(text)
    except orjson.JSONDecodeError:
        return False
    return True
