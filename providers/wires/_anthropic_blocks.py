"""The content blocks of one Anthropic message while they stream.

Knows what each block means in our terms and in which shape it may be sent back. It must never
know how a message ends or what an error is: that is ``anthropic_messages``.
"""

from collections.abc import Iterable

from providers.text.arguments import object_of, text_of
from providers.text.cleaning import joined
from providers.types import Json, Part, ProviderItemPart, ReasoningPart, TextPart, ToolCallPart
from providers.wires._anthropic_pairs import SERVER_CALLS, without_halves
from providers.wires.answerable_history import UNNAMED
from providers.wires.argument_stream import ArgumentStream
from providers.wires.shapes import objects_in, text_in

_THOUGHTS = frozenset({"thinking", "redacted_thinking"})
#: What a block begins with where its first delta came without a start.
_STARTS: dict[str, Json] = {
    "text": {"text": ""},
    "thinking": {"thinking": "", "signature": ""},
    "compaction": {"content": None},
}


class Block:
    """One content block: what its start brought, and what its deltas added."""

    def __init__(self, start: Json) -> None:
        if "name" in start and "input" in start and not start.get("type"):
            start = {**start, "type": "tool_use"}
        self.start = start
        #: Empty for a block that does not say what it is.
        self.type = text_in(start.get("type"))
        #: Pieces of text, or of a thought.
        self.texts: list[str] = [text_in(start.get("text")) or text_in(start.get("thinking"))]
        #: A tool's input, as its pieces came.
        self.streamed = ArgumentStream()
        self.citations: list[Json] = objects_in(start.get("citations"))
        #: What deltas of few pieces brought: a signature, a compaction's content.
        self.delta_fields: Json = {}
        self.closed = False
        #: Whether the message came to its end and cut nothing: no block is half then.
        self.ended = False
        #: Set for function calls only: our id, and whether its end was told.
        self.call_id = ""
        self.told = False
        #: The ordinal of this thought among the message's thoughts.
        self.reasoning = 0

    @classmethod
    def unannounced(cls, type: str) -> "Block":
        """Return the block of a delta that no start announced."""
        return cls({"type": type, **_STARTS.get(type, {})})

    def accepts(self, type: str) -> bool:
        """Return whether a delta for a block of this ``type`` fits; ``input`` stands for all that have an input."""
        if type == "input":
            return self.type not in _STARTS and self.type not in _THOUGHTS
        return self.type == type

    @property
    def sealed(self) -> str:
        """The signature of a thought, or the data of a redacted one."""
        if self.type == "redacted_thinking":
            return text_in(self.start.get("data"))
        return self.delta_fields.get("signature") or text_in(self.start.get("signature"))

    @property
    def started_with_input(self) -> bool:
        """Whether the start brought an input that says something."""
        return self.start.get("input") not in (None, "", {}, [])

    @property
    def arguments(self) -> str:
        """The input as JSON text: as it was streamed, or as the start brought it where the deltas say nothing."""
        streamed = self.streamed.shown if self.told else self.streamed.raw
        if self.started_with_input and not object_of(streamed):
            return text_of(self.start["input"])
        if streamed or not self.closed:
            return streamed
        return "{}"

    @property
    def name(self) -> str:
        """The name of a call."""
        return text_in(self.start.get("name")) or UNNAMED

    @property
    def has_whole_input(self) -> bool:
        """Whether this is no call, or one whose input is whole, stopped or not."""
        return self.type != "tool_use" or self.closed or object_of(self.arguments or "?") is not None

    @property
    def is_whole(self) -> bool:
        """Whether the arguments of a call have come to their end, readable or not."""
        return self.closed and (self.ended or object_of(self.arguments) is not None)

    def as_part(self) -> Part | None:
        """Return what this block says in our terms; ``None`` when it says nothing (yet)."""
        match self.type:
            case "text":
                text = joined(self.texts)
                return TextPart(text=text, annotations=tuple(self.citations)) if text else None
            case kind if kind in _THOUGHTS:
                text, sealed = joined(self.texts), self.sealed
                return ReasoningPart(text=text, sealed=sealed or None) if text or sealed else None
            case "tool_use":
                return ToolCallPart(
                    id=self.call_id,
                    name=self.name,
                    arguments=self.arguments if self.told else self._shown,
                    complete=self.told,
                )
            case "":
                return None
            case _:
                return ProviderItemPart(kind=self.type, data=self.assembled()) if self.closed else None

    @property
    def _shown(self) -> str:
        """What was shown of the input before its end. An input that began with the start is shown at its end alone."""
        return "" if self.started_with_input else self.streamed.shown

    def assembled(self) -> Json:
        """Return the block in the shape of a response that was not streamed."""
        block = {**self.start, **self.delta_fields}
        match self.type:
            case "text":
                block["text"] = joined(self.texts)
                if self.citations:
                    block["citations"] = self.citations
            case "thinking":
                block["thinking"] = joined(self.texts)
            case kind if kind == "tool_use" or (kind in SERVER_CALLS and self.streamed.raw):
                value = object_of(self.arguments) if self.closed else None
                block["input"] = self.arguments if value is None else value
        return block

    def as_native(self) -> Json | None:
        """Return the block as a later request may carry it; ``None`` when the API would refuse it."""
        block = self.assembled()
        match self.type:
            case "text":
                if not block["text"].strip():
                    return None
                if not self.citations:
                    block.pop("citations", None)
                return block
            case kind if kind in _THOUGHTS:
                return block if self.sealed else None
            case "tool_use":
                if not self.told:
                    return None
                # The API refuses an input that is no object; the call's result says what was wrong with it.
                return block | {
                    "id": self.call_id,
                    "name": self.name,
                    "input": object_of(self.arguments) or {},
                }
            case kind if kind in SERVER_CALLS:
                return block if self.closed and isinstance(block.get("input"), dict) else None
            case "":
                return None
            case _:
                return block if self.closed else None


def returnable(blocks: Iterable[Block], *, waits: bool) -> list[Json]:
    """Return the blocks that may be sent back.

    Args:
        blocks: the blocks of one message.
        waits: the message ended so that the provider executes its own pending tools with the next request.
    """
    blocks = list(blocks)
    kept = [native for block in blocks if (native := block.as_native()) is not None]
    if waits:
        return kept
    return without_halves(
        kept, started=(text_in(block.start.get("id")) for block in blocks if block.type in SERVER_CALLS)
    )
