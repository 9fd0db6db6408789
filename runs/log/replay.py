"""Rebuilds an assistant's message from the event log, for steps that ended without a result.

Viewers saw exactly the events of the log, so the conversation continues from them.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import orjson
from uuid6 import uuid7

from providers.types import (
    ChatMessage,
    Json,
    Part,
    ProviderItemPart,
    ReasoningPart,
    Role,
    TextPart,
    ToolCallPart,
)
from runs.log.rows import read_events


@dataclass(frozen=True, kw_only=True, slots=True)
class ReplayedMessage:
    """An assistant's message, and its id in the log's events, or a new one if it has none there."""

    message_id: UUID
    message: ChatMessage
    #: The files that a provider's items have links to, by the position of their part.
    files: Mapping[int, list[Json]] = field(default_factory=dict)
    #: How long each piece of reasoning took, in order, in seconds; ``None`` for one that was cut.
    reasoning_seconds: tuple[float | None, ...] = ()


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
    """Return the message in the events of one step, or ``None`` if they hold nothing of an answer."""
    replayed = _Replay()
    for event in log:
        replayed.read(event)
    return replayed.message()


#: The events that begin a text, by the events with its pieces.
_BEGINNINGS = {
    "TEXT_MESSAGE_CONTENT": "TEXT_MESSAGE_START",
    "REASONING_MESSAGE_CONTENT": "REASONING_MESSAGE_START",
}


class _Replay:
    """The parts of a message, while the events of its step are read."""

    def __init__(self) -> None:
        self._id: UUID | None = None
        #: What makes each part, in order, once all events are read.
        self._parts: list[Callable[[], Part]] = []
        #: The pieces of each text and of each call that still grows, by its id in the log.
        self._texts: dict[str, list[str]] = {}
        self._calls: dict[str, list[str]] = {}
        self._ended: set[str] = set()
        self._files: dict[int, list[Json]] = {}
        #: By the id of the reasoning in the log, in order.
        self._seconds: dict[str, float | None] = {}

    def read(self, event: dict[str, Any]) -> None:
        """Add what ``event`` tells of the message."""
        match event["type"]:
            case "TEXT_MESSAGE_START" | "REASONING_MESSAGE_START" as kind:
                self._texts[event["messageId"]] = self._begin(kind, event["messageId"])
                self._belongs_to(event["messageId"])
            case "TOOL_CALL_START" as kind:
                key, name = event["toolCallId"], event["toolCallName"]
                self._calls[key] = self._begin(kind, key, name)
                self._belongs_to(event["parentMessageId"])
            case "TEXT_MESSAGE_CONTENT" | "REASONING_MESSAGE_CONTENT" as kind:
                key = event["messageId"]
                if key not in self._texts:
                    # It goes on behind a file.
                    self._texts[key] = self._begin(_BEGINNINGS[kind], key)
                self._texts[key].append(event["delta"])
                if kind.startswith("REASONING"):
                    self._seconds.setdefault(key, None)
            case "TOOL_CALL_ARGS":
                self._calls[event["toolCallId"]].append(event["delta"])
            case "REASONING_MESSAGE_END" if "metadata" in event and event["messageId"] in self._seconds:
                self._seconds[event["messageId"]] = event["metadata"]["seconds"]
            case "TOOL_CALL_END":
                self._ended.add(event["toolCallId"])
            case "CUSTOM" if event["name"] == "provider_item":
                self._item(event["value"])

    def message(self) -> ReplayedMessage | None:
        """Return the message as far as the events were read."""
        if not self._parts:
            return None
        parts = tuple(make() for make in self._parts)
        return ReplayedMessage(
            message_id=self._id or uuid7(),
            message=ChatMessage(role=Role.ASSISTANT, parts=parts),
            files=self._files,
            reasoning_seconds=tuple(self._seconds.values()),
        )

    def _belongs_to(self, message_id: str) -> None:
        self._id = self._id or UUID(message_id)

    def _begin(self, kind: str, key: str, name: str = "") -> list[str]:
        """Add a part that is made of pieces, and return the list for them."""
        pieces: list[str] = []
        self._parts.append(lambda: _part(kind, key, name, "".join(pieces), has_ended=key in self._ended))
        return pieces

    def _item(self, value: Json) -> None:
        files = value.get("files")
        if "data" not in value and not files:
            # It was too large for the log.
            return
        part = ProviderItemPart(kind=value["kind"], data=value.get("data", {}))
        if files:
            self._files[len(self._parts)] = files
            self._texts.clear()
        self._parts.append(lambda: part)


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
