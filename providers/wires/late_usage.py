"""The usage in the rest of a stream whose reader was cut: all that is still wanted of it. Pure.

A wire reader that heard of the cancel is over, and what it kept stays as it is. Here only the events that
count are looked at, so no word that comes late gets into the answer.
"""

from typing import Any

from providers.types import Json
from providers.types.usage import Usage
from providers.wires import (
    _anthropic_usage,
    _gemini_usage,
    _openai_chat_usage,
    _openai_usage,
)
from providers.wires.accumulator import StepAccumulator
from providers.wires.shapes import text_in
from providers.wires.usage_merging import merged


class LateUsage:
    """Puts what comes late into the usage of ``accumulator``."""

    def __init__(self, kind: str, accumulator: StepAccumulator) -> None:
        self._accumulator = accumulator
        self._has_finished = False
        self._look = {
            "openai-chat": self._look_at_chunk,
            "openai-responses": self._look_at_response,
            "anthropic-messages": self._look_at_message,
            "gemini-generate": self._look_at_content,
        }[kind]

    def take(self, event: Any) -> bool:
        """Look at one decoded event; return whether the answer is over and counted."""
        return isinstance(event, dict) and self._look(event)

    def _look_at_chunk(self, event: Json) -> bool:
        self._note_end(event.get("choices"), "finish_reason")
        raw = _openai_chat_usage.reported_in(event, self._accumulator.raw_usage)
        if raw is None:
            return False
        accumulator = self._accumulator
        self._keep(
            raw,
            _openai_usage.usage_from(
                raw,
                is_final=self._has_finished,
                model=text_in(accumulator.model),
                has_words=bool(accumulator.parts),
            ),
        )
        return self._has_finished

    def _look_at_response(self, event: Json) -> bool:
        if event.get("type") not in {"response.completed", "response.incomplete", "response.failed"}:
            return False
        response = event.get("response")
        usage = response.get("usage") if isinstance(response, dict) else None
        if isinstance(usage, dict):
            raw = merged(self._accumulator.raw_usage, usage)
            self._keep(raw, _openai_usage.usage_from(raw, is_final=True))
        return True

    def _look_at_message(self, event: Json) -> bool:
        usage = event.get("usage")
        if event.get("type") != "message_delta" or not isinstance(usage, dict):
            return event.get("type") == "message_stop"
        raw = self._accumulator.raw_usage or {}
        last = merged(raw.get("message_delta"), usage)
        counts = _anthropic_usage.at_end(_anthropic_usage.at_start(raw.get("message_start") or {}), last)
        self._keep({**raw, "message_delta": last}, _anthropic_usage.usage_from(counts, is_final=True))
        return True

    def _look_at_content(self, event: Json) -> bool:
        self._note_end(event.get("candidates"), "finishReason")
        usage = event.get("usageMetadata")
        if isinstance(usage, dict) and _gemini_usage.has_counts(usage):
            raw = merged(self._accumulator.raw_usage, usage)
            self._keep(raw, _gemini_usage.usage_from(raw, is_final=self._has_finished))
            return self._has_finished
        return False

    def _note_end(self, choices: Any, name: str) -> None:
        choices = choices if isinstance(choices, list) else []
        if any(isinstance(choice, dict) and choice.get(name) for choice in choices):
            self._has_finished = True

    def _keep(self, raw: Json, usage: Usage) -> None:
        self._accumulator.raw_usage = raw
        self._accumulator.usage = usage
