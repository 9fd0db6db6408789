"""Gemini's ``:streamGenerateContent``, as Google AI Studio and Vertex send it.

Reads decoded chunks (camelCase, as on the wire) into model events and one ``StepAccumulator``. Does no
I/O and never sees the SDK, a key or a run. Source: https://ai.google.dev/api/generate-content
"""

from typing import Any

from providers.errors import LLMContentFilterError, LLMError, LLMMalformedToolCallError
from providers.errors.translation import from_payload
from providers.types import FinishReason, Json, ProviderItemPart
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
from providers.wires import finish_reasons
from providers.wires._gemini_body import build_body
from providers.wires._gemini_names import plain, reason_of
from providers.wires._gemini_options import show
from providers.wires._gemini_parts import (
    GeminiCall,
    GeminiSignature,
    GeminiText,
    Item,
    Other,
    assembled,
    kind_of,
    parts_in,
    returnable,
)
from providers.wires._gemini_usage import has_counts, reported_in, usage_from
from providers.wires.accumulator import StepAccumulator
from providers.wires.reading import WireDecoder
from providers.wires.shapes import object_in, objects_in, text_in
from providers.wires.usage_merging import merged

__all__ = ["KIND", "build_body", "decoder", "show"]

KIND = "gemini-generate"

#: What a candidate carries beside its content, each a provider item.
_METADATA = ("groundingMetadata", "citationMetadata", "urlContextMetadata")


def decoder(accumulator: StepAccumulator) -> WireDecoder:
    """Return the decoder of one stream.

    A finish reason is not the end: usage and more text may follow it.
    """
    return _Answer(accumulator)


class _Answer(WireDecoder):
    """The answer so far, in arrival order. Candidate 0 only."""

    def __init__(self, accumulator: StepAccumulator) -> None:
        self._accumulator = accumulator
        self._envelope: Json = {}
        self._candidate: Json = {}
        self._items: list[Item] = []
        self._metadata: list[ProviderItemPart] = []
        #: The call that later parts go on with.
        self._open: GeminiCall | None = None
        self._thoughts = 0
        self._started = False
        #: The last usage object, and whether the answer was over by then: most chunks repeat it.
        self._last_counts: tuple[Json, bool] | None = None
        self._blocked: Json | None = None
        self._bad_call = False

    def take(self, chunk: Json) -> list[ModelEvent]:
        """Return what ``chunk`` means. Raises an ``LLMError`` for one that is an error."""
        # Google's Code Assist wraps each chunk.
        chunk = plain(object_in(chunk.get("response")) or chunk)
        events: list[ModelEvent] = []
        usage = reported_in(chunk)
        if chunk.get("error"):
            # Also after a finish reason, which is not the end here, and within Code Assist's wrapping.
            self._count(usage, events)
            raise from_payload(chunk, status=None)
        candidates = objects_in(chunk.get("candidates"))
        if (first := next(filter(_is_first, candidates), None)) is not None:
            self._hear(first, events)
        feedback = object_in(chunk.get("promptFeedback"))
        if _is_set(feedback.get("blockReason")):
            self._blocked = feedback
            self._finish(feedback["blockReason"])
        elif self._accumulator.terminal:
            self._accumulator.stop_reason = self._stop_reason()
        self._count(usage, events)
        self._envelope |= chunk
        self._accumulator.response_id = text_in(chunk.get("responseId")) or self._accumulator.response_id
        self._accumulator.model = text_in(chunk.get("modelVersion")) or self._accumulator.model
        if not self._started:
            self._started = True
            events.insert(0, ResponseStarted(self._accumulator.response_id, self._accumulator.model))
        return events

    def conclude(self) -> list[ModelEvent]:
        """Take ``[DONE]`` after whole content for the end, where a gateway sends no finish reason."""
        accumulator = self._accumulator
        if not accumulator.terminal and accumulator.is_done and self._items and self._open is None:
            accumulator.terminal = True
            accumulator.stop_reason = self._stop_reason()
        return []

    def _hear(self, candidate: Json, events: list[ModelEvent]) -> None:
        self._candidate |= candidate
        for part in parts_in(candidate):
            self._take_part(part, events)
        for kind in _METADATA:
            if data := object_in(candidate.get(kind)):
                self._annotate(kind, data, events)
        if _is_set(reason := reason_of(candidate.get("finishReason"))):
            self._finish(reason)

    def _take_part(self, part: Json, events: list[ModelEvent]) -> None:
        kind = kind_of(part)
        if kind == "text" or text_in(part.get("text")):
            # A part has one content. Gateways put words beside a call, which then has the signature.
            self._say(
                part if kind == "text" else {"text": part["text"], "thought": part.get("thought")}, events
            )
        if kind == "text":
            return
        part = {name: value for name, value in part.items() if name != "text"}
        if signature := text_in(part.get("thoughtSignature")):
            self._seal(signature, events)
        if kind == "functionCall":
            self._call(part, events)
        else:
            other = Other(kind=kind, part=part)
            self._items.append(other)
            events.append(ProviderItem(kind, other.data))

    def _say(self, part: Json, events: list[ModelEvent]) -> None:
        text, thought = text_in(part.get("text")), part.get("thought") in (True, "true")
        if not text and not thought and (text := text_in(part.get("thought"))):
            # Gateways also put the thought itself there.
            part, thought = {**part, "text": text, "thought": True}, True
        signature = text_in(part.get("thoughtSignature")) or None
        last = self._items[-1] if self._items else None
        if signature is None and isinstance(last, GeminiText) and last.thought is thought and not last.signed:
            last.texts.append(text)
            words = last
        else:
            if signature is not None and not thought:
                self._seal(signature, events)
            words = GeminiText(texts=[text], thought=thought, signed=part if signature else None)
            if thought:
                words.index, words.sealed = self._thoughts, signature
                self._thoughts += 1
            self._items.append(words)
        if text:
            events.append(ReasoningDelta(text, words.index) if thought else TextDelta(text))
        if thought and signature:
            events.append(ReasoningSealed(signature, words.index))

    def _seal(self, signature: str, events: list[ModelEvent]) -> None:
        """Note a signature on a part that is no thought: it seals what was thought before."""
        last = next(
            (item for item in reversed(self._items) if isinstance(item, GeminiText | GeminiSignature)), None
        )
        if isinstance(last, GeminiText) and last.thought and last.sealed is None:
            last.sealed = signature
            index = last.index
        else:
            index = self._thoughts
            self._thoughts += 1
            self._items.append(GeminiSignature(value=signature, index=index))
        events.append(ReasoningSealed(signature, index))

    def _call(self, part: Json, events: list[ModelEvent]) -> None:
        piece, call = object_in(part["functionCall"]), self._open
        name, piece_id = text_in(piece.get("name")), text_in(piece.get("id"))
        if piece_id and any(isinstance(item, GeminiCall) and item.is_same(piece) for item in self._items):
            # Some gateways repeat the last chunk to say that it was the last.
            return
        if name and (call is None or not piece_id or piece_id != call.part["functionCall"].get("id")):
            if call is not None:
                self._complete(call, events)
            call = self._open = GeminiCall(part=part, id=self._accumulator.call_id(piece_id), name=name)
            self._items.append(call)
            events.append(ToolCallStarted(call.id, name))
        if call is None:
            # An empty piece only closes what is open; anything else belongs to no call.
            self._bad_call |= bool(piece)
            return
        try:
            call.take(piece.get("args"))
            for argument in objects_in(piece.get("partialArgs")):
                call.pieces.put(argument)
        except (ValueError, TypeError):
            self._open = None
            return
        if not piece.get("willContinue"):
            self._complete(call, events)

    def _complete(self, call: GeminiCall, events: list[ModelEvent]) -> None:
        self._open = None
        call.finish()
        if call.complete:
            events += (ToolCallDelta(call.id, call.arguments), ToolCallFinished(call.id))

    def _annotate(self, kind: str, data: Json, events: list[ModelEvent]) -> None:
        item = ProviderItemPart(kind=kind, data=data)
        if item not in self._metadata:
            self._metadata.append(item)
            events.append(ProviderItem(kind, data))

    def _finish(self, reason: str) -> None:
        known = self._accumulator.raw_stop_reason
        # What cut or blocked the answer stays, whatever later chunks say.
        if known is None or _is_plain(known) or not _is_plain(reason):
            self._accumulator.raw_stop_reason = reason
        self._accumulator.terminal = True
        self._accumulator.stop_reason = self._stop_reason()

    def _stop_reason(self) -> FinishReason | None:
        if self.error() is not None:
            return None
        meant = finish_reasons.meaning(self._accumulator.raw_stop_reason)
        if meant in {FinishReason.MAX_TOKENS_EXCEEDED, FinishReason.CONTENT_FILTER}:
            return FinishReason(meant)
        if any(isinstance(item, GeminiCall) for item in self._items):
            return FinishReason.TOOL_CALLS
        return FinishReason.END_TURN

    def _count(self, raw: Json, events: list[ModelEvent]) -> None:
        """Take the running totals. Vertex sends usage objects without counts before its last chunk."""
        seen = (raw, self._accumulator.terminal)
        if seen == self._last_counts or not has_counts(raw):
            return
        self._last_counts = seen
        self._accumulator.raw_usage = merged(self._accumulator.raw_usage, raw)
        usage = usage_from(self._accumulator.raw_usage, is_final=self._accumulator.terminal)
        if usage != self._accumulator.usage:
            self._accumulator.usage = usage
            events.append(UsageSeen(usage))

    def error(self) -> LLMError | None:
        """Return what is wrong with the answer as it ended; ``None`` when it can be used."""
        if not self._accumulator.terminal:
            return self._accumulator.incomplete_answer()
        if self._blocked is not None:
            return LLMContentFilterError(detail={"promptFeedback": self._blocked})
        reason = self._accumulator.raw_stop_reason
        detail = {"finishReason": reason, "finishMessage": self._candidate.get("finishMessage")}
        if (failure := finish_reasons.failure(reason, detail=detail)) is not None:
            return failure
        meant = finish_reasons.meaning(reason)
        if meant is FinishReason.MAX_TOKENS_EXCEEDED:
            return None
        calls = [item for item in self._items if isinstance(item, GeminiCall)]
        is_absent = meant is FinishReason.TOOL_CALLS and not calls
        if self._bad_call or is_absent or not all(call.complete for call in calls):
            return LLMMalformedToolCallError(detail=detail)
        if any(item.has_content for item in self._items):
            return None
        if meant is FinishReason.CONTENT_FILTER:
            return LLMContentFilterError(detail=detail)
        return self._accumulator.empty_answer(detail=detail)

    def store(self) -> None:
        """Put all there is into the accumulator: half parts into ``parts``, whole ones into ``native``."""
        accumulator = self._accumulator
        accumulator.parts = [part for item in self._items if (part := item.as_part()) is not None]
        accumulator.parts += self._metadata
        accumulator.native = returnable(self._items, finished=accumulator.terminal)
        if self._started:
            accumulator.response = self._envelope
            content = {"role": "model", "parts": assembled(self._items)}
            if self._candidate:
                # A later chunk may bring the same metadata empty.
                metadata = {item.kind: item.data for item in self._metadata}
                candidate = {**self._candidate, **metadata, "content": content}
                accumulator.response = {**self._envelope, "candidates": [candidate]}
            if accumulator.raw_usage is not None:
                accumulator.response["usageMetadata"] = accumulator.raw_usage


def _is_first(candidate: Json) -> bool:
    index = candidate.get("index")
    return not isinstance(index, int | str) or str(index) in {"", "0"}


def _is_set(reason: Any) -> bool:
    return isinstance(reason, str) and bool(reason) and not reason.upper().endswith("UNSPECIFIED")


def _is_plain(reason: str) -> bool:
    return finish_reasons.meaning(reason) in {None, FinishReason.END_TURN, FinishReason.TOOL_CALLS}
