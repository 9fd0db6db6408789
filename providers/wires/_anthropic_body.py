"""The request side of Anthropic's Messages API: a ``ModelRequest`` as its JSON body.

Pure. The rules of the API that shape this (each one a 400 when broken): roles alternate; every
``tool_use`` is answered at the start of the very next user turn; ids are unique and plain; no text
is blank; tools are declared when the history has calls.
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from providers.types import (
    ChatMessage,
    Json,
    MediaPart,
    ModelRequest,
    Origin,
    ProviderItemPart,
    ReasoningPart,
    Role,
    TextPart,
    ToolCallPart,
    ToolResultPart,
    ToolSpec,
)
from providers.wires._anthropic_media import show
from providers.wires._anthropic_options import RESERVED, cached, tuned
from providers.wires._anthropic_pairs import settle
from providers.wires._media import DOCUMENTS, PICTURES, split_result, with_notes
from providers.wires._options import check_names, with_own_fields
from providers.wires.answerable_history import CallGrammar, answerable

#: ``max_tokens`` is required, and a model refuses more than it can write. 32,000 is the smallest limit
#: of the models that carry their family first (``claude-opus-4-…``); it is no cost, only a bound.
_LIMIT = 32_000
#: What everything older, or compatible and unknown, can write.
_LIMIT_ELSEWHERE = 8_192
_FAMILY_FIRST = re.compile(r"claude-[a-z]+-\d")

_PLAIN_ID = re.compile(r"[^a-zA-Z0-9_-]")


def _rewrite(block: Json, name: Callable[[str], str]) -> Json:
    return {**block, "name": name(block.get("name") or "")} if block["type"] == "tool_use" else block


_GRAMMAR = CallGrammar(name=re.compile(r"[a-zA-Z0-9_-]{1,128}"), rewrite=_rewrite)


def build_body(request: ModelRequest) -> Json:
    """Return the body of ``POST /v1/messages``, streaming, history included.

    Raises:
        LLMUnsupportedError: the API has no words for one of the options.
    """
    check_names(request, _GRAMMAR.name)
    conversation = _AnthropicTurns(request.origin)
    for message in with_notes(answerable(request, _GRAMMAR), show):
        conversation.add(message)
    turns = settle(conversation.turns)
    limit = request.options.max_output_tokens or _default_limit(request.origin.model)
    body: Json = {
        "model": request.origin.model,
        "max_tokens": limit,
        "stream": True,
        "messages": turns,
    }
    if request.system.strip():
        body["system"] = request.system
    if request.tools:
        body["tools"] = [_tool(spec) for spec in request.tools]
    elif conversation.tool_names:
        # The API wants every tool of the history declared, also when none may be called any more.
        body["tools"] = [_tool(ToolSpec(name=name)) for name in conversation.tool_names]
        body["tool_choice"] = {"type": "none"}
    if conversation.container is not None:
        body["container"] = conversation.container
    body |= tuned(request, limit, may_think=not _continues_unthinking(turns))
    cached(body, request.options.cache)
    return with_own_fields(body, request, reserved=RESERVED)


def _default_limit(model: str) -> int:
    return _LIMIT if _FAMILY_FIRST.search(model) else _LIMIT_ELSEWHERE


def _tool(spec: ToolSpec) -> Json:
    tool: Json = {"name": spec.name, "input_schema": {"type": "object", **spec.parameters}}
    if spec.description:
        tool["description"] = spec.description
    return tool


def _continues_unthinking(turns: list[Json]) -> bool:
    """Whether the last turn answers calls of an assistant turn that does not begin with a thought.

    Thinking by budget cannot be switched on there; a switch of provider in mid-turn leads to it.
    """
    if len(turns) < 2 or turns[-1]["content"][0]["type"] != "tool_result":
        return False
    return turns[-2]["content"][0]["type"] not in {"thinking", "redacted_thinking"}


class _AnthropicTurns:
    """The turns so far, and by which id each call of the last assistant message went out."""

    def __init__(self, origin: Origin) -> None:
        self.turns: list[Json] = []
        #: In order of first use.
        self.tool_names: dict[str, None] = {}
        self._origin = origin
        #: Where the last turn's code runs, if it waits for the results of this request or was paused.
        self.container: str | None = None
        self._used: set[str] = set()
        self._sent_ids: dict[str, str] = {}

    def add(self, message: ChatMessage) -> None:
        """Append ``message``, merged into the last turn where that has the same role."""
        if message.role is Role.USER:
            self.container = None
        match message.role:
            case Role.ASSISTANT:
                self._append("assistant", self._assistant(message))
            case Role.USER | Role.TOOL:
                self._append("user", list(self._converted(message)))

    def _append(self, role: str, content: list[Json]) -> None:
        if not content:
            return
        if self.turns and self.turns[-1]["role"] == role:
            self.turns[-1]["content"].extend(content)
        else:
            self.turns.append({"role": role, "content": content})

    def _assistant(self, message: ChatMessage) -> list[Json]:
        self._sent_ids = {}
        calls = [part.id for part in message.parts if isinstance(part, ToolCallPart)]
        if message.native and message.origin == self._origin and _call_ids(message.native) == calls:
            for block in message.native:
                if block["type"] == "tool_use":
                    self._remember(block["id"], block["id"], block["name"])
                elif block["type"] == "container":
                    self.container = block["id"]
            return [block for block in message.native if block["type"] != "container"]
        return list(self._converted(message))

    def _converted(self, message: ChatMessage) -> Iterator[Json]:
        for part in message.parts:
            match part:
                case TextPart(text=text) if text.strip():
                    yield {"type": "text", "text": text}
                case MediaPart():
                    yield show(part)
                case ToolCallPart():
                    yield {
                        "type": "tool_use",
                        "id": self._remember(part.id, self._fresh(part.id), part.name),
                        "name": part.name,
                        "input": json.loads(part.arguments or "{}"),
                    }
                case ToolResultPart():
                    yield self._result(part)
                case TextPart() | ReasoningPart() | ProviderItemPart():
                    # Blank, or readable for nobody but the provider that made it.
                    pass

    def _result(self, part: ToolResultPart) -> Json:
        block: Json = {"type": "tool_result", "tool_use_id": self._sent_ids[part.call_id]}
        # An error may hold text only.
        text, files = split_result(part, frozenset() if part.is_error else PICTURES | DOCUMENTS)
        if files:
            words = [{"type": "text", "text": text}] if text.strip() else []
            block["content"] = [*words, *map(show, files)]
        elif text.strip():
            block["content"] = text
        elif part.is_error:
            block["content"] = "The call failed."
        if part.is_error:
            block["is_error"] = True
        return block

    def _fresh(self, call_id: str) -> str:
        """An id that the API accepts: other providers repeat theirs in every turn, or use other letters."""
        plain = _PLAIN_ID.sub("_", call_id) or "call"
        fresh, count = plain, 1
        while fresh in self._used:
            count += 1
            fresh = f"{plain}_{count}"
        return fresh

    def _remember(self, call_id: str, sent: str, name: str) -> str:
        self._used.add(sent)
        self._sent_ids[call_id] = sent
        self.tool_names[name] = None
        return sent


def _call_ids(native: Iterable[Mapping[str, Any]]) -> list[str]:
    return [block["id"] for block in native if block["type"] == "tool_use"]
