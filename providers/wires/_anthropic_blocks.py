"""The content blocks of one Anthropic message while they stream.

Knows what each block means in our terms and in which shape it may be sent back. It must never
know how a message ends or what an error is: that is ``anthropic_messages``.
"""

import json
from collections.abc import Iterable
from typing import Any, NoReturn

from providers.types import Json, Part, ProviderItemPart, ReasoningPart, TextPart, ToolCallPart

#: The blocks that are neither words, thoughts nor function calls, but whose input streams like a call's.
_SERVER_CALLS = frozenset({"server_tool_use", "mcp_tool_use"})


class Block:
    """One content block: what its start brought, and what its deltas added."""

    def __init__(self, start: Json) -> None:
        self.start = start
        self.type = str(start.get("type"))
        #: Pieces of text, or of a thought.
        self.texts: list[str] = [start.get("text") or start.get("thinking") or ""]
        #: Pieces of a tool's input, as JSON text.
        self.inputs: list[str] = []
        self.citations: list[Json] = list(start.get("citations") or ())
        #: What deltas of few pieces brought: a signature, a compaction's content.
        self.delta_fields: Json = {}
        self.closed = False
        #: Set for function calls only.
        self.call_id = ""
        #: The ordinal of this thought among the message's thoughts.
        self.reasoning = 0

    @property
    def sealed(self) -> str:
        """The signature of a thought, or the data of a redacted one."""
        if self.type == "redacted_thinking":
            return self.start.get("data") or ""
        return self.delta_fields.get("signature") or self.start.get("signature") or ""

    @property
    def arguments(self) -> str:
        """The input as JSON text: as it was streamed, or as the start brought it when the end is known."""
        if self.inputs or not self.closed:
            return "".join(self.inputs)
        return json.dumps(self.start.get("input") or {}, ensure_ascii=False)

    @property
    def input(self) -> Json | None:
        """The input of a complete call, ``None`` when it is no JSON object."""
        if not self.closed:
            return None
        try:
            # Fine-grained tool streaming does not promise JSON, and NaN could not be sent back.
            value = json.loads(self.arguments, parse_constant=_refuse)
        except (ValueError, RecursionError):
            return None
        return value if isinstance(value, dict) else None

    def as_part(self) -> Part | None:
        """Return what this block says in our terms; ``None`` when it says nothing (yet)."""
        match self.type:
            case "text":
                text = "".join(self.texts)
                return TextPart(text=text, annotations=tuple(self.citations)) if text else None
            case "thinking" | "redacted_thinking":
                text, sealed = "".join(self.texts), self.sealed
                return ReasoningPart(text=text, sealed=sealed or None) if text or sealed else None
            case "tool_use":
                return ToolCallPart(
                    id=self.call_id,
                    name=self.start.get("name") or "",
                    arguments=self.arguments,
                    complete=self.input is not None,
                )
            case _:
                return ProviderItemPart(kind=self.type, data=self.assembled()) if self.closed else None

    def assembled(self) -> Json:
        """Return the block in the shape of a response that was not streamed."""
        block = {**self.start, **self.delta_fields}
        match self.type:
            case "text":
                block["text"] = "".join(self.texts)
                if self.citations:
                    block["citations"] = self.citations
            case "thinking":
                block["thinking"] = "".join(self.texts)
            case "tool_use":
                value = self.input
                block["input"] = self.arguments if value is None else value
            case kind if kind in _SERVER_CALLS and self.inputs:
                value = self.input
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
            case "thinking" | "redacted_thinking":
                return block if self.sealed else None
            case "tool_use":
                return block | {"id": self.call_id} if self.input is not None else None
            case kind if kind in _SERVER_CALLS:
                return block if self.closed and isinstance(block.get("input"), dict) else None
            case _:
                return block if self.closed else None


def returnable(blocks: Iterable[Block]) -> list[Json]:
    """Return the blocks that may be sent back: complete ones, no half of a server tool's pair.

    A server tool that waits for a function call which it made itself is no half: its result comes
    after ours, at the start of the next message.
    """
    blocks = list(blocks)
    started = {block.start["id"] for block in blocks if block.type in _SERVER_CALLS and block.start.get("id")}
    kept = [native for block in blocks if (native := block.as_native()) is not None]
    while True:
        lost = started - {item.get("id") for item in kept if item["type"] in _SERVER_CALLS}
        answered = {item["tool_use_id"] for item in kept if "tool_use_id" in item}
        answered |= {_caller(item) for item in kept if item["type"] == "tool_use"}
        whole = [item for item in kept if _is_whole(item, lost, answered)]
        if len(whole) == len(kept):
            return whole
        kept = whole


def _is_whole(item: Json, lost: set[Any], answered: set[Any]) -> bool:
    if _caller(item) in lost and item["type"] != "tool_use":
        return False
    if item["type"] in _SERVER_CALLS:
        return item.get("id") in answered
    return item.get("tool_use_id") not in lost


def _caller(item: Json) -> str | None:
    """The server tool that made this call from its code; ``None`` when the model itself made it."""
    caller = item.get("caller")
    return caller.get("tool_id") if isinstance(caller, dict) else None


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")
