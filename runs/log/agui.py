"""Translates model events into AG-UI 1.0 events.

``StepEvents`` translates the stream of one step. It tracks the open messages and calls, so that each one
is closed before the segment ends, even when the stream was cut. Plain functions build the events of a
whole run. This module does no I/O: ``StepEvents`` passes its events to the given ``write`` and ``delta``.
"""

from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from time import monotonic
from typing import Any, assert_never
from uuid import UUID

import orjson
from uuid6 import uuid7

from providers.types import Json
from providers.types import events as model
from providers.types.cost import Cost
from providers.types.usage import Usage
from providers.usage import unpriced
from runs.calls.outcomes import CallOutcome
from runs.calls.progress import Progress

type Event = dict[str, Any]

#: Largest event in bytes, deltas excepted. The server refuses to send a frame above 1 MiB.
MAX_ITEM = 512 * 1024


def head(event_type: str, key: str, value: str) -> str:
    """Return the JSON of a delta event up to its ``delta`` value; the journal appends the text."""
    return f'{{"type":"{event_type}","{key}":{orjson.dumps(value).decode()},"delta":'


class StepEvents:
    """Translates the model events of one step into AG-UI events, from after ``STEP_STARTED`` to ``STEP_FINISHED``."""

    def __init__(
        self,
        name: str,
        message_id: UUID,
        *,
        write: Callable[[Event], None],
        delta: Callable[[str, str], None],
    ) -> None:
        """Prepare the translation of one step.

        Args:
            name: the step's name in ``STEP_STARTED`` and ``STEP_FINISHED``.
            message_id: the id of the step's first message.
            write: receives each complete event.
            delta: receives the head of a delta event (see ``head``) and the text to append.
        """
        self._name = name
        self._message_id = str(message_id)
        self._next_text_id = self._message_id
        self._write = write
        self._delta = delta
        self._text_id: str | None = None
        self._text_head = ""
        self._span_id: str | None = None
        self._reasoning_id: str | None = None
        self._reasoning_index = 0
        self._reasoning_head = ""
        self._last_reasoning_id: str | None = None
        self._reasoning_since = 0.0
        #: How long each reasoning message took, in order, in seconds.
        self.reasoning_seconds: list[float] = []
        self._calls: dict[str, str] = {}

    def feed(self, event: model.ModelEvent) -> None:
        """Translate one model event."""
        match event:
            case model.TextDelta():
                if self._text_id is None:
                    self._open_text()
                self._delta(self._text_head, event.text)
            case model.ReasoningDelta():
                if self._reasoning_id is None or self._reasoning_index != event.index:
                    self._open_reasoning(event.index)
                self._delta(self._reasoning_head, event.text)
            case model.ReasoningSealed():
                self._seal(event)
            case model.ToolCallStarted():
                self._close_text()
                self._close_reasoning()
                self._calls[event.id] = head("TOOL_CALL_ARGS", "toolCallId", event.id)
                self._write(
                    {
                        "type": "TOOL_CALL_START",
                        "toolCallId": event.id,
                        "toolCallName": event.name,
                        "parentMessageId": self._message_id,
                    }
                )
            case model.ToolCallDelta():
                self._delta(self._calls[event.id], event.arguments)
            case model.ToolCallFinished():
                self._end_call(event.id)
            case model.ProviderItem():
                self._write(provider_item(event.kind, event.data))
            case model.RetryScheduled():
                self._close_text()
                self._close_reasoning()
                self._write({"type": "CUSTOM", "name": "retry", "value": asdict(event)})
            case model.ResponseStarted() | model.UsageSeen():
                pass
            case _:
                assert_never(event)

    def finish(self) -> None:
        """Close all open messages and calls, then the step."""
        self._close_text()
        self._close_reasoning()
        for call_id in self._calls:
            self._write({"type": "TOOL_CALL_END", "toolCallId": call_id})
        self._calls.clear()
        self._write(step_finished(self._name))

    def _end_call(self, call_id: str) -> None:
        if self._calls.pop(call_id, None) is not None:
            self._write({"type": "TOOL_CALL_END", "toolCallId": call_id})

    def _open_text(self) -> None:
        self._close_reasoning()
        self._text_id = self._next_text_id
        self._next_text_id = str(uuid7())
        self._text_head = head("TEXT_MESSAGE_CONTENT", "messageId", self._text_id)
        self._write({"type": "TEXT_MESSAGE_START", "messageId": self._text_id, "role": "assistant"})

    def _close_text(self) -> None:
        if self._text_id is not None:
            self._write({"type": "TEXT_MESSAGE_END", "messageId": self._text_id})
            self._text_id = None

    def _open_reasoning(self, index: int) -> None:
        self._close_text()
        if self._span_id is None:
            self._span_id = str(uuid7())
            self._write({"type": "REASONING_START", "messageId": self._span_id})
        self._close_reasoning_message()
        self._reasoning_since = monotonic()
        self._reasoning_id = self._last_reasoning_id = str(uuid7())
        self._reasoning_index = index
        self._reasoning_head = head("REASONING_MESSAGE_CONTENT", "messageId", self._reasoning_id)
        self._write({"type": "REASONING_MESSAGE_START", "messageId": self._reasoning_id, "role": "reasoning"})

    def _close_reasoning_message(self) -> None:
        if self._reasoning_id is not None:
            seconds = round(monotonic() - self._reasoning_since, 3)
            self.reasoning_seconds.append(seconds)
            self._write(
                {
                    "type": "REASONING_MESSAGE_END",
                    "messageId": self._reasoning_id,
                    "metadata": {"seconds": seconds},
                }
            )
            self._reasoning_id = None

    def _close_reasoning(self) -> None:
        self._close_reasoning_message()
        if self._span_id is not None:
            self._write({"type": "REASONING_END", "messageId": self._span_id})
            self._span_id = None

    def _seal(self, event: model.ReasoningSealed) -> None:
        """Write the sealed artefact with the id of its reasoning, or of the step's message if there is none.

        An artefact above ``MAX_ITEM`` is not written, because no frame can hold it. The stored message
        keeps it.
        """
        if len(event.value) > MAX_ITEM:
            return
        entity = self._reasoning_id or self._span_id or self._last_reasoning_id or self._message_id
        self._write(
            {
                "type": "REASONING_ENCRYPTED_VALUE",
                "subtype": "message",
                "entityId": entity,
                "encryptedValue": event.value,
            }
        )


def step_started(name: str) -> Event:
    """Return the event that begins a step. It is committed together with the step's row."""
    return {"type": "STEP_STARTED", "stepName": name}


def steered(queued_run_id: UUID, messages: list[Json], message_ids: Iterable[UUID]) -> Event:
    """Return the event of what a user says to a run between two steps.

    Args:
        queued_run_id: the id under which it was queued.
        messages: the AG-UI user messages.
        message_ids: the ids of the stored messages, in the same order.
    """
    value = {
        "queued_run_id": str(queued_run_id),
        "messages": messages,
        "message_ids": list(map(str, message_ids)),
    }
    return {"type": "CUSTOM", "name": "steer", "value": value}


def step_finished(name: str) -> Event:
    """Return the event that ends a step."""
    return {"type": "STEP_FINISHED", "stepName": name}


def provider_item(kind: str, data: Json, files: list[Json] | None = None) -> Event:
    """Return the event of a provider's item.

    Args:
        kind: what the provider calls it.
        data: the item. If it is too large for a frame, only its size in bytes is shown.
        files: the files in it, to which ``data`` has links.
    """
    size = len(orjson.dumps(data))
    value: Json = {"kind": kind, "omitted_bytes": size} if size > MAX_ITEM else {"kind": kind, "data": data}
    if files:
        value["files"] = files
    return {"type": "CUSTOM", "name": "provider_item", "value": value}


@dataclass(frozen=True, kw_only=True, slots=True)
class Segment:
    """The part of a run between two pauses: one ``RUN_STARTED`` to ``RUN_FINISHED`` or ``RUN_ERROR``."""

    conversation_id: UUID
    run_id: UUID
    #: From 1.
    number: int = 1

    @property
    def id(self) -> str:
        """The ``runId`` of AG-UI."""
        return str(self.run_id) if self.number == 1 else f"{self.run_id}.{self.number}"


def run_started(
    segment: Segment,
    *,
    messages: list[Json],
    resume: list[Json] | None = None,
    metadata: Json | None = None,
) -> Event:
    """Return the event that begins a segment; ``resume`` holds the decisions after a pause."""
    given: Json = {"threadId": str(segment.conversation_id), "runId": segment.id, "messages": messages}
    if resume is not None:
        given["resume"] = resume
    return {
        "type": "RUN_STARTED",
        **({"metadata": metadata} if metadata else {}),
        "threadId": str(segment.conversation_id),
        "runId": segment.id,
        "protocolVersion": "1.0",
        "input": given,
    }


def tool_result(outcome: CallOutcome) -> Event:
    """Return the event with the answer to a tool call."""
    return {
        "type": "TOOL_CALL_RESULT",
        "metadata": {
            "status": outcome.status.value,
            "is_error": outcome.is_error,
            "name": outcome.name,
        }
        | ({"files": list(outcome.files)} if outcome.files else {}),
        "messageId": str(outcome.id),
        "toolCallId": outcome.call_id,
        "content": outcome.content,
        "role": "tool",
    }


def tool_progress(note: Progress) -> Event:
    """Return the event with a note about the progress of a tool call."""
    value: Json = {"toolCallId": note.call_id, "progress": note.progress}
    if note.total is not None:
        value["total"] = note.total
    if note.message:
        value["message"] = note.message
    return {"type": "CUSTOM", "name": "tool_progress", "value": value}


def run_finished(segment: Segment, *, outcome: Json, usage: list[Json], metadata: Json) -> Event:
    """Return the event that ends a segment without an error."""
    return {
        "type": "RUN_FINISHED",
        "metadata": metadata,
        "threadId": str(segment.conversation_id),
        "runId": segment.id,
        "outcome": outcome,
        "usage": usage,
    }


def run_error(*, code: str, message: str, usage: list[Json], metadata: Json) -> Event:
    """Return the event that ends a failed run."""
    return {"type": "RUN_ERROR", "metadata": metadata, "message": message, "code": code, "usage": usage}


def token_usage(usage: Usage, *, provider: str = "", model_name: str = "") -> Json:
    """Return ``usage`` as AG-UI's ``TokenUsage``, without the counts that are unknown."""
    entry: Json = {
        "provider": provider or None,
        "model": model_name or None,
        "inputTokens": usage.input_tokens,
        "outputTokens": usage.output_tokens,
        "totalTokens": usage.total_tokens,
        "reasoningTokens": usage.reasoning_tokens,
        "cachedInputTokens": usage.cached_input_tokens,
        "cacheWriteInputTokens": usage.cache_write_input_tokens,
    }
    return {key: value for key, value in entry.items() if value is not None}


def usage_metadata(usage: Usage, cost: Cost | None, provider: str) -> Json:
    """Return the metadata of a terminal event about the whole run: its cost in US dollars and its usage.

    ``estimated_usage`` holds the parts of ``run_usage`` that were computed here, not reported. ``cost_missing`` says
    why the cost is unknown; ``provider`` is the slug of the one that answered.
    """
    estimated = {"inputTokens": usage.estimated_input_tokens, "outputTokens": usage.estimated_output_tokens}
    missing = {"cost_missing": unpriced.reason(usage, provider)} if cost is None else {}
    return missing | {
        "cost": None if cost is None else float(cost.amount),
        "cost_is": None if cost is None else cost.kind.value,
        "usage_source": usage.source.value,
        "run_usage": token_usage(usage),
        "estimated_usage": {name: count for name, count in estimated.items() if count is not None},
    }


_OPENERS = {
    "TEXT_MESSAGE_START": ("TEXT_MESSAGE_END", "messageId"),
    "TOOL_CALL_START": ("TOOL_CALL_END", "toolCallId"),
    "REASONING_START": ("REASONING_END", "messageId"),
    "REASONING_MESSAGE_START": ("REASONING_MESSAGE_END", "messageId"),
    "STEP_STARTED": ("STEP_FINISHED", "stepName"),
}
_CLOSERS = {closer: (opener, key) for opener, (closer, key) in _OPENERS.items()}


def closing(events: Iterable[Event]) -> list[Event]:
    """Return the closing events for all messages, calls and steps open after ``events``, innermost first."""
    still_open: dict[tuple[str, str], Event] = {}
    for event in events:
        kind = event["type"]
        if kind in _OPENERS:
            closer, key = _OPENERS[kind]
            still_open[kind, event[key]] = {"type": closer, key: event[key]}
        elif kind in _CLOSERS:
            opener, key = _CLOSERS[kind]
            still_open.pop((opener, event[key]), None)
    return list(reversed(still_open.values()))
