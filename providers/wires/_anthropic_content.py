"""The content of one Anthropic message while it streams: which block an event belongs to, and what it says.

Servers leave starts and stops out, repeat them, and number blocks wrongly. Words are kept all the same, in the place where
they came. Knows nothing of how a message ends: that is ``anthropic_messages``.
"""

from collections.abc import Iterator
from typing import Any

from providers.text.arguments import text_of
from providers.types import Json
from providers.types.events import (
    ModelEvent,
    ProviderItem,
    ReasoningDelta,
    ReasoningSealed,
    TextDelta,
    ToolCallDelta,
    ToolCallFinished,
    ToolCallStarted,
)
from providers.wires._anthropic_blocks import Block
from providers.wires._anthropic_pairs import SERVER_CALLS
from providers.wires.accumulator import StepAccumulator
from providers.wires.shapes import first_text, object_in, text_in

#: The type of block that each delta belongs to; ``input`` stands for all that have an input.
_BLOCK_TYPES = {
    "text_delta": "text",
    "citations_delta": "text",
    "thinking_delta": "thinking",
    "signature_delta": "thinking",
    "input_json_delta": "input",
    "compaction_delta": "compaction",
}
#: The field by which a delta of no known type is known.
_FIELDS = {
    "text": "text_delta",
    "thinking": "thinking_delta",
    "reasoning": "thinking_delta",
    "reasoning_content": "thinking_delta",
    **dict.fromkeys(("partial_json", "input", "arguments"), "input_json_delta"),
    "signature": "signature_delta",
}
#: Where the words of a thought stand.
_THOUGHTS = ("thinking", "text", "reasoning", "reasoning_content")
#: What is about words that came before, and may come after their block was stopped.
_LATE = frozenset({"signature_delta", "citations_delta"})


class Content:
    """The blocks so far, in arrival order."""

    def __init__(self, accumulator: StepAccumulator) -> None:
        self.blocks: list[Block] = []
        self._accumulator = accumulator
        #: By the index in the events, whatever a server puts there.
        self._open: dict[str, Block] = {}
        self._thoughts = 0

    @property
    def is_whole(self) -> bool:
        """Whether there are blocks, and no call among them is half."""
        return bool(self.blocks) and all(block.has_whole_input for block in self.blocks)

    @property
    def has_pending_server_call(self) -> bool:
        """Whether the provider has yet to execute one of its own tools."""
        answered = {text_in(block.start.get("tool_use_id")) for block in self.blocks}
        return any(
            block.type in SERVER_CALLS and text_in(block.start.get("id")) not in answered
            for block in self.blocks
        )

    def begin(self, event: Json) -> Iterator[ModelEvent]:
        """Take the start of a block. The block that had its index before is over, unless this is its start once more."""
        index, start = _index(event), object_in(event.get("content_block"))
        if (earlier := self._open.get(index)) is not None:
            if start.get("id") and start == earlier.start:
                return
            yield from self._finish(earlier)
        yield from self._add(index, Block(start))

    def add_whole(self, start: Json) -> Iterator[ModelEvent]:
        """Take a block that came in one piece."""
        block = Block(start)
        yield from self._add("", block)
        yield from self._finish(block)

    def stop(self, event: Json) -> Iterator[ModelEvent]:
        """Take the end of a block; some servers put the whole block there, and no deltas before it."""
        if (block := self._open.pop(_index(event), None)) is not None:
            whole = object_in(event.get("content_block"))
            if whole and not block.closed:
                yield from self._fill(block, whole)
            yield from self._finish(block)

    def _fill(self, block: Block, whole: Json) -> Iterator[ModelEvent]:
        """Take from the ``whole`` block what nothing has said of it before."""
        if block.type in {"text", "thinking"} and not any(block.texts):
            kind = "thinking_delta" if block.type == "thinking" else "text_delta"
            yield from self._append(block, kind, whole)
        if block.type == "thinking" and not block.sealed:
            yield from self._append(block, "signature_delta", whole)
        if block.accepts("input") and not block.streamed.raw and whole.get("input"):
            yield from self._append(block, "input_json_delta", {"partial_json": whole["input"]})

    def end(self) -> Iterator[ModelEvent]:
        """Note that the message came to its end and cut nothing: every block is whole, stopped or not."""
        self._open.clear()
        for block in self.blocks:
            block.ended = True
            if not block.closed or (block.type == "tool_use" and not block.told):
                yield from self._finish(block)

    def _add(self, index: str, block: Block) -> Iterator[ModelEvent]:
        self.blocks.append(block)
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
                block.call_id = self._accumulator.call_id(text_in(block.start.get("id")))
                yield ToolCallStarted(block.call_id, block.name)
            case "fallback" if served := text_in(object_in(block.start.get("to")).get("model")):
                # Another model takes over after a refusal; from here on it is the one that answers.
                self._accumulator.model = served

    def words(self, event: Json) -> ModelEvent | None:
        """Take a delta of words or thoughts whose block is open, which most deltas are; ``None`` for any other."""
        block, delta = self._open.get(_index(event)), event.get("delta")
        if block is None or not isinstance(delta, dict):
            return None
        return _words(block, delta.get("type"), delta)

    def extend(self, event: Json) -> Iterator[ModelEvent]:
        """Take a delta. Words and thoughts without a block that is theirs begin one; an input without a call is lost."""
        index, raw = _index(event), event.get("delta")
        delta = {"text": raw} if isinstance(raw, str) else object_in(raw)
        kind = text_in(delta.get("type"))
        if kind not in _BLOCK_TYPES or (kind == "text_delta" and not delta.get("text")):
            kind = next((_FIELDS[name] for name in delta if name in _FIELDS and delta[name]), kind)
        if (block_type := _BLOCK_TYPES.get(kind)) is None:
            return
        block = self._block_for(index, block_type, kind)
        if block is None:
            if kind == "input_json_delta":
                # The call's name was never said.
                return
            mismatched = self._open.get(index)
            if mismatched is not None and not mismatched.has_whole_input:
                # The rest of the call is still to come.
                index = f"{index} {block_type}"
            elif mismatched is not None:
                yield from self._finish(self._open.pop(index))
            block = Block.unannounced(block_type)
            yield from self._add(index, block)
        yield from self._append(block, kind, delta)

    def _block_for(self, index: str, block_type: str, kind: str) -> Block | None:
        """Return the block that a delta belongs to; ``None`` if there is none."""
        for key in (index, f"{index} {block_type}"):
            block = self._open.get(key)
            if block is not None and block.accepts(block_type):
                return block
        if kind in _LATE:
            return next((block for block in reversed(self.blocks) if block.accepts(block_type)), None)
        # The index is wrong, or the last block was stopped too early.
        last = self.blocks[-1] if self.blocks else None
        if last is None or not last.accepts(block_type) or last.told:
            return None
        return last if not last.closed or last.type == "tool_use" else None

    def _append(self, block: Block, kind: str, delta: Json) -> Iterator[ModelEvent]:
        if (words := _words(block, kind, delta)) is not None:
            yield words
            return
        match kind:
            case "text_delta" if text := text_in(delta.get("text")):
                block.texts.append(text)
                yield TextDelta(text)
            case "thinking_delta" if text := first_text(delta, *_THOUGHTS):
                block.texts.append(text)
                yield ReasoningDelta(text, block.reasoning)
            case "input_json_delta" if piece := _input_in(delta):
                shown = block.streamed.take(piece)
                if shown and block.type == "tool_use" and not block.started_with_input:
                    yield ToolCallDelta(block.call_id, shown)
                if block.closed:
                    yield from self._finish(block)
            case "signature_delta" if signature := text_in(delta.get("signature")):
                block.delta_fields["signature"] = signature
                yield ReasoningSealed(signature, block.reasoning)
            case "citations_delta" if citation := object_in(delta.get("citation")):
                block.citations.append(citation)
                yield ProviderItem("citation", citation)
            case "compaction_delta":
                _extend_fields(block.delta_fields, delta)

    def _finish(self, block: Block) -> Iterator[ModelEvent]:
        was_closed, block.closed = block.closed, True
        match block.type:
            case "text" | "thinking" | "redacted_thinking" | "":
                pass
            case "tool_use":
                if block.is_whole and not block.told:
                    rest, block.told = block.streamed.end(), True
                    if block.started_with_input or rest:
                        yield ToolCallDelta(
                            block.call_id, block.arguments if block.started_with_input else rest
                        )
                    yield ToolCallFinished(block.call_id)
            case _ if not was_closed:
                yield ProviderItem(block.type, block.assembled())


def _input_in(delta: Json) -> str:
    """Return the piece of an input, whatever a server calls it."""
    found = (delta.get(name) for name in ("partial_json", "input", "arguments"))
    return next((text for value in found if (text := text_of(value))), "")


def _extend_fields(fields: Json, delta: Json) -> None:
    """Add the members of ``delta`` to ``fields``: text to text, anything else in place of what was there."""
    for name in delta.keys() - {"type"}:
        said, more = fields.get(name), delta[name]
        if isinstance(said, str):
            fields[name] = said + text_in(more)
        elif more is not None or said is None:
            fields[name] = more


def _words(block: Block, kind: Any, delta: Json) -> ModelEvent | None:
    if kind == "text_delta" and block.type == "text" and (text := text_in(delta.get("text"))):
        block.texts.append(text)
        return TextDelta(text)
    if kind == "thinking_delta" and block.type == "thinking":
        text = text_in(delta.get("thinking")) or text_in(delta.get("text"))
        if text:
            block.texts.append(text)
            return ReasoningDelta(text, block.reasoning)
    return None


def _index(event: Json) -> str:
    """Return which block an event is about, as a key. Compatible servers also send text or nothing."""
    return f"{event.get('index')}"
