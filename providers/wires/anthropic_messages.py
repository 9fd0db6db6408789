"""Anthropic's Messages API: ``POST /v1/messages`` with ``stream: true``.

Reads the decoded server-sent events into model events and one ``StepAccumulator``. Does no I/O and
never sees the SDK, a key or a run. Source: https://platform.claude.com/docs/en/build-with-claude/streaming
"""

from collections.abc import Iterator
from typing import Any

from providers.errors import LLMContentFilterError, LLMError, LLMMalformedToolCallError
from providers.types import FinishReason, Json
from providers.types.events import (
    ModelEvent,
    ResponseStarted,
    UsageSeen,
)
from providers.wires import finish_reasons
from providers.wires._anthropic_blocks import returnable
from providers.wires._anthropic_body import build_body
from providers.wires._anthropic_content import Content
from providers.wires._anthropic_media import show
from providers.wires._anthropic_pairs import SERVER_CALLS
from providers.wires._anthropic_usage import at_end, at_start, reported_in, usage_from
from providers.wires.accumulator import StepAccumulator
from providers.wires.emptiness import has_content
from providers.wires.reading import WireDecoder
from providers.wires.shapes import object_in, objects_in, text_in
from providers.wires.usage_merging import merged

__all__ = ["KIND", "build_body", "decoder", "show"]

KIND = "anthropic-messages"


def decoder(accumulator: StepAccumulator) -> WireDecoder:
    """Return the decoder of one stream.

    ``accumulator.raw_usage`` keeps usage per event, because ``message_delta`` replaces counts of ``message_start``.
    """
    return _Message(accumulator)


class _Message(WireDecoder):
    """The message so far, in arrival order."""

    def __init__(self, accumulator: StepAccumulator) -> None:
        self._accumulator = accumulator
        self._envelope: Json = {}
        self._content = Content(accumulator)
        self._usage: Json = {}
        self._stop_details: Any = None

    def take(self, event: Json) -> list[ModelEvent]:
        """Return what ``event`` means; unknown types mean nothing."""
        if event.get("type") == "content_block_delta" and (words := self._content.words(event)) is not None:
            return [words]
        return list(self._take(event))

    def _take(self, event: Json) -> Iterator[ModelEvent]:
        match event.get("type"):
            case "content_block_delta":
                yield from self._content.extend(event)
            case "content_block_start":
                yield from self._content.begin(event)
            case "content_block_stop":
                yield from self._content.stop(event)
            case "message_start":
                yield from self._start(object_in(event.get("message")))
            case "message_delta":
                yield from self._end(event)
            case "message_stop":
                usage = self._reported(event)
                was_over = self._accumulator.terminal
                if not was_over:
                    # Some compatible servers send no stop reason at all, and it may have come with the start or here.
                    known = self._accumulator.raw_stop_reason
                    self._accumulator.raw_stop_reason = text_in(event.get("stop_reason")) or known
                    yield from self._conclude()
                if usage or (self._usage and not was_over):
                    yield self._count()
            case "message" | None if "content" in event:
                yield from self._take_whole(event)
            case _ if self._reported(event):
                # Some compatible servers count in events of their own, or in an error.
                yield self._count()

    def conclude(self) -> list[ModelEvent]:
        """Close what followed the end. Take ``[DONE]`` after whole content for the end, where a server sends no other."""
        if self._accumulator.terminal:
            return list(self._conclude())
        if not (self._accumulator.is_done and self._content.is_whole):
            return []
        return [*self._conclude(), *([self._count()] if self._usage else [])]

    def _take_whole(self, message: Json) -> Iterator[ModelEvent]:
        """Take a whole answer, as the API gives it without streaming."""
        self._stop_details = message.get("stop_details")
        yield from self._start(message)
        yield from self._conclude()
        if self._usage:
            yield self._count()

    def _start(self, message: Json) -> Iterator[ModelEvent]:
        self._envelope = dict(message)
        self._accumulator.response_id = text_in(message.get("id")) or None
        self._accumulator.model = text_in(message.get("model")) or None
        yield ResponseStarted(self._accumulator.response_id, self._accumulator.model)
        content = message.get("content")
        if isinstance(content, str):
            content = [{"type": "text", "text": content}]
        # Code that waited for our results goes on before the model does; what it led to comes whole.
        for start in objects_in(content):
            yield from self._content.add_whole(start)
        reason = self._accumulator.raw_stop_reason = text_in(message.get("stop_reason")) or None
        if usage := reported_in(message, is_known=True):
            # Some servers send several starts, the later ones without counts.
            known = self._accumulator.raw_usage or {}
            self._accumulator.raw_usage = known | {"message_start": merged(known.get("message_start"), usage)}
            self._usage = merged(self._usage, at_start(usage, is_complete=bool(reason)))
            yield self._count()

    def _end(self, event: Json) -> Iterator[ModelEvent]:
        self._envelope |= {
            name: value for name, value in event.items() if name not in {"type", "delta", "usage"}
        }
        delta = object_in(event.get("delta"))
        self._envelope |= delta
        usage = self._reported(event)
        if reason := text_in(delta.get("stop_reason")) or text_in(event.get("stop_reason")):
            self._accumulator.raw_stop_reason = reason
            self._stop_details = delta.get("stop_details")
            yield from self._conclude()
        if usage:
            yield self._count()

    def _reported(self, event: Json) -> Json:
        """Take the usage that an event after the start reports; return it."""
        if usage := reported_in(event, is_known=bool(self._usage.get("output_tokens"))):
            known = self._accumulator.raw_usage or {}
            last = merged(known.get("message_delta"), usage)
            self._accumulator.raw_usage = {**known, "message_delta": last}
            self._usage = at_end(self._usage, usage)
        return usage

    def _conclude(self) -> Iterator[ModelEvent]:
        """Note that the message is complete: an unterminated last ``message_stop`` may not arrive."""
        if self._meaning is not FinishReason.MAX_TOKENS_EXCEEDED:
            yield from self._content.end()
        self._accumulator.terminal = True
        self._accumulator.stop_reason = self._stop_reason() if self.error() is None else None

    @property
    def _meaning(self) -> FinishReason | type[LLMError] | None:
        return finish_reasons.meaning(self._accumulator.raw_stop_reason)

    def _stop_reason(self) -> FinishReason:
        meant = self._meaning
        if meant in {FinishReason.MAX_TOKENS_EXCEEDED, FinishReason.CONTENT_FILTER}:
            return FinishReason(meant)
        if any(block.type == "tool_use" for block in self._content.blocks):
            return FinishReason.TOOL_CALLS
        # Gateways also say "tool_use" while only the provider's own tool has no result yet.
        is_pending = meant is FinishReason.TOOL_CALLS and self._content.has_pending_server_call
        if meant is FinishReason.PAUSE_TURN or is_pending:
            return FinishReason.PAUSE_TURN
        # A stop sequence ends a turn too, and so does a reason that is not known yet.
        return FinishReason.END_TURN

    def _count(self) -> ModelEvent:
        self._accumulator.usage = usage_from(self._usage, is_final=self._accumulator.terminal)
        return UsageSeen(self._accumulator.usage)

    def error(self) -> LLMError | None:
        """Return what is wrong with the message as it ended; ``None`` when it can be used."""
        if not self._accumulator.terminal:
            return self._accumulator.incomplete_answer()
        raw, meant = self._accumulator.raw_stop_reason, self._meaning
        detail = {"stop_reason": raw, "stop_details": self._stop_details}
        if (failure := finish_reasons.failure(raw, detail=detail)) is not None:
            return failure
        parts = [part for block in self._content.blocks if (part := block.as_part()) is not None]
        if meant is FinishReason.MAX_TOKENS_EXCEEDED or (meant is FinishReason.PAUSE_TURN and parts):
            return None
        if meant is FinishReason.TOOL_CALLS and not any(
            block.type == "tool_use" or block.type in SERVER_CALLS for block in self._content.blocks
        ):
            return LLMMalformedToolCallError(detail=detail)
        if has_content(parts) or (raw or "").lower() == "stop_sequence":
            # A stop sequence may itself have been the first thing to be said.
            return None
        if meant is FinishReason.CONTENT_FILTER:
            return LLMContentFilterError(detail=detail)
        return self._accumulator.empty_answer(detail=detail)

    def store(self) -> None:
        """Put all there is into the accumulator: half blocks into ``parts``, whole ones into ``native``."""
        accumulator = self._accumulator
        accumulator.parts = [part for block in self._content.blocks if (part := block.as_part()) is not None]
        waits = accumulator.stop_reason in {FinishReason.TOOL_CALLS, FinishReason.PAUSE_TURN}
        accumulator.native = returnable(self._content.blocks, waits=waits)
        container = text_in(object_in(self._envelope.get("container")).get("id"))
        if waits and container:
            # Code that waits for our results is resumed in its own container.
            accumulator.native.append({"type": "container", "id": container})
        if self._envelope or self._content.blocks:
            accumulator.response = {
                **self._envelope,
                "model": accumulator.model,
                "content": [block.assembled() for block in self._content.blocks],
                "usage": self._usage,
            }
