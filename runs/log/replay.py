"""Rebuilds an assistant's message from the event log, for steps that ended without a result.

Viewers saw exactly the events of the log, so the conversation continues from them.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import orjson

from providers.types import ChatMessage, Part, ReasoningPart, Role, TextPart, ToolCallPart
from runs.log.rows import read_events


@dataclass(frozen=True, kw_only=True, slots=True)
class ReplayedMessage:
    """An assistant's message, and its id in the log's events."""

    message_id: UUID
    message: ChatMessage


def events(run_id: UUID) -> Iterator[dict[str, Any]]:
    """Yield all AG-UI events of a run in order, read from the database meanwhile."""
    return map(orjson.loads, read_events(run_id))


def last_step(log: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the events from the newest ``STEP_STARTED`` on, or all events if there is none."""
    kept: list[dict[str, Any]] = []
    for event in log:
        if event["type"] == "STEP_STARTED":
            kept.clear()
        kept.append(event)
    return kept


def message_of(log: Iterable[dict[str, Any]]) -> ReplayedMessage | None:
    """Return the message in the events of one step, or ``None`` if they hold no text, reasoning or call."""
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
            # The log also closes a call that was cut, so its arguments must be parsed to find out.
            return ToolCallPart(id=key, name=name, arguments=text, complete=has_ended and _is_json(text))


def _is_json(text: str) -> bool:
    try:
        orjson.loads(text)
    except orjson.JSONDecodeError:
        return False
    return True
