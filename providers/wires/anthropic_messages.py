"""Anthropic's Messages API: ``POST /v1/messages`` with ``stream: true``.

Reads the decoded server-sent events into model events and one ``StepAccumulator``. Does no I/O and
never sees the SDK, a key or a run. Source: https://platform.claude.com/docs/en/build-with-claude/streaming
"""

from collections.abc import Iterator

from providers.errors import (
    LLMConnectionError,
    LLMContentFilterError,
    LLMContextWindowExceededError,
    LLMEmptyResponseError,
    LLMError,
    LLMMalformedToolCallError,
)
from providers.errors.translation import from_payload
from providers.types import FinishReason, Json
from providers.types.events import (
    ModelEvent,
    ProviderItem,
    ReasoningDelta,
    ReasoningSealed,
    ResponseStarted,
    TextDelta,
    ToolCallDelta,
    ToolCallFinished,
    ToolCallStarted,
    UsageSeen,
)
from providers.wires._anthropic_blocks import Block, returnable
from providers.wires._anthropic_body import build_body
from providers.wires._anthropic_media import show
from providers.wires._anthropic_usage import at_end, at_start, usage_from
from providers.wires.accumulator import StepAccumulator
from providers.wires.reading import WireDecoder

__all__ = ["KIND", "build_body", "decoder", "show"]

KIND = "anthropic-messages"

#: The ends that cut the answer wherever it was: a half tool input is nobody's mistake then.
_CUTS = frozenset({"max_tokens", "model_context_window_exceeded"})


def decoder(accumulator: StepAccumulator) -> WireDecoder:
    """Return the decoder of one stream.

    ``accumulator.raw_usage`` keeps usage per event, because ``message_delta`` replaces counts of ``message_start``.
    """
    return _Message(accumulator)


class _Message:
    """The message so far, in arrival order."""

    def __init__(self, accumulator: StepAccumulator) -> None:
        self._accumulator = accumulator
        self._envelope: Json = {}
        self._blocks: list[Block] = []
        self._open: dict[int, Block] = {}
        self._thoughts = 0
        self._usage: Json = {}
        self._stop_details: Json | None = None

    def take(self, event: Json) -> list[ModelEvent]:
        """Return what ``event`` means; unknown types mean nothing.

        Raises:
            LLMError: it is an ``error`` event.
        """
        return list(self._take(event))

    def _take(self, event: Json) -> Iterator[ModelEvent]:
        match event.get("type"):
            case "content_block_delta":
                block = self._open.get(event.get("index", -1))
                if block is not None:
                    yield from self._extend(block, event.get("delta") or {})
            case "content_block_start":
                yield from self._begin(event.get("index", -1), event.get("content_block") or {})
            case "content_block_stop":
                block = self._open.pop(event.get("index", -1), None)
                if block is not None:
                    yield from self._finish(block)
            case "message_start":
                yield from self._start(event.get("message") or {})
            case "message_delta":
                yield from self._end(event)
            case "message_stop" if not self._accumulator.terminal:
                # Some compatible servers send no stop reason at all, and it may have come with the start.
                yield from self._conclude()
                if self._usage:
                    yield self._count()
            case "error":
                raise from_payload(event, status=None)

    def _start(self, message: Json) -> Iterator[ModelEvent]:
        self._envelope = dict(message)
        self._accumulator.response_id = message.get("id")
        self._accumulator.model = message.get("model")
        yield ResponseStarted(self._accumulator.response_id, self._accumulator.model)
        # Code that waited for our results goes on before the model does; what it led to comes whole.
        for start in message.get("content") or ():
            yield from self._begin(-1, start)
            yield from self._finish(self._open.pop(-1))
        reason = self._accumulator.raw_stop_reason = message.get("stop_reason")
        if usage := message.get("usage"):
            self._accumulator.raw_usage = {"message_start": usage}
            self._usage = at_start(usage, is_complete=bool(reason))
            yield self._count()

    def _begin(self, index: int, start: Json) -> Iterator[ModelEvent]:
        block = Block(start)
        self._blocks.append(block)
        self._open[index] = block
        match block.type:
            case "text":
                if text := block.texts[0]:
                    yield TextDelta(text)
                for citation in block.citations:
                    yield ProviderItem("citation", citation)
            case "thinking" | "redacted_thinking":
                block.reasoning = self._thoughts
                self._thoughts += 1
                if text := block.texts[0]:
                    yield ReasoningDelta(text, block.reasoning)
                if sealed := block.sealed:
                    yield ReasoningSealed(sealed, block.reasoning)
            case "tool_use":
                block.call_id = self._accumulator.call_id(start.get("id"))
                yield ToolCallStarted(block.call_id, start.get("name") or "")
            case "fallback" if served := (start.get("to") or {}).get("model"):
                # Another model takes over after a refusal; from here on it is the one that answers.
                self._envelope["model"] = self._accumulator.model = served

    def _extend(self, block: Block, delta: Json) -> Iterator[ModelEvent]:
        match delta.get("type"):
            case "text_delta" if block.type == "text" and (text := delta.get("text")):
                block.texts.append(text)
                yield TextDelta(text)
            case "thinking_delta" if block.type == "thinking" and (text := delta.get("thinking")):
                block.texts.append(text)
                yield ReasoningDelta(text, block.reasoning)
            case "input_json_delta" if piece := delta.get("partial_json"):
                block.inputs.append(piece)
                if block.type == "tool_use":
                    yield ToolCallDelta(block.call_id, piece)
            case "signature_delta" if signature := delta.get("signature"):
                block.delta_fields["signature"] = signature
                yield ReasoningSealed(signature, block.reasoning)
            case "citations_delta" if citation := delta.get("citation"):
                block.citations.append(citation)
                yield ProviderItem("citation", citation)
            case "compaction_delta":
                for name in delta.keys() - {"type"}:
                    said = block.delta_fields.get(name)
                    block.delta_fields[name] = delta[name] if said is None else said + (delta[name] or "")

    def _finish(self, block: Block) -> Iterator[ModelEvent]:
        block.closed = True
        match block.type:
            case "text" | "thinking" | "redacted_thinking":
                pass
            case "tool_use":
                if not block.inputs:
                    yield ToolCallDelta(block.call_id, block.arguments)
                if block.input is not None:
                    yield ToolCallFinished(block.call_id)
            case _:
                yield ProviderItem(block.type, block.assembled())

    def _end(self, event: Json) -> Iterator[ModelEvent]:
        self._envelope |= {
            name: value for name, value in event.items() if name not in {"type", "delta", "usage"}
        }
        delta = event.get("delta") or {}
        self._envelope |= delta
        if usage := event.get("usage"):
            self._accumulator.raw_usage = {**(self._accumulator.raw_usage or {}), "message_delta": usage}
            self._usage = at_end(self._usage, usage)
        if reason := delta.get("stop_reason"):
            self._accumulator.raw_stop_reason = reason
            self._stop_details = delta.get("stop_details")
            yield from self._conclude()
        if usage:
            yield self._count()

    def _conclude(self) -> Iterator[ModelEvent]:
        """The message is complete here: the SDK may drop an unterminated last ``message_stop``."""
        if self._accumulator.raw_stop_reason not in _CUTS:
            for block in self._open.values():
                yield from self._finish(block)
            self._open.clear()
        self._accumulator.terminal = True
        if self.error() is None:
            self._accumulator.stop_reason = self._stop_reason()

    def _stop_reason(self) -> FinishReason:
        if self._accumulator.raw_stop_reason == "max_tokens":
            return FinishReason.MAX_TOKENS_EXCEEDED
        if any(block.type == "tool_use" for block in self._blocks):
            return FinishReason.TOOL_CALLS
        # stop_sequence and pause_turn end a turn too, and so does a reason that is not known yet.
        return FinishReason.END_TURN

    def _count(self) -> ModelEvent:
        self._accumulator.usage = usage_from(self._usage, is_final=self._accumulator.terminal)
        return UsageSeen(self._accumulator.usage)

    def error(self) -> LLMError | None:
        """Return what is wrong with the message as it ended; ``None`` when it can be used."""
        if not self._accumulator.terminal:
            return LLMConnectionError("The stream ended before the answer was complete. Try again.")
        parts = [part for block in self._blocks if (part := block.as_part()) is not None]
        match self._accumulator.raw_stop_reason:
            case "refusal":
                return LLMContentFilterError(detail={"stop_details": self._stop_details})
            case "model_context_window_exceeded":
                return LLMContextWindowExceededError()
            case "max_tokens":
                return None
            case "stop_sequence" if not parts:
                # The sequence itself was the first thing to be said.
                return None
        if any(block.type == "tool_use" and block.input is None for block in self._blocks):
            return LLMMalformedToolCallError()
        return None if parts else LLMEmptyResponseError()

    def store(self) -> None:
        """Put all there is into the accumulator: half blocks into ``parts``, whole ones into ``native``."""
        accumulator = self._accumulator
        accumulator.parts = [part for block in self._blocks if (part := block.as_part()) is not None]
        accumulator.native = returnable(self._blocks)
        if self._envelope or self._blocks:
            accumulator.response = {
                **self._envelope,
                "content": [block.assembled() for block in self._blocks],
                "usage": self._usage,
            }
