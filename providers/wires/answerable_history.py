"""Makes a conversation acceptable to a provider. Pure.

Providers refuse a function call without a result, a result without a call, and an assistant message without content. A
run that was cancelled or failed can leave all three. They also refuse calls with names or arguments outside their
grammar, which models make up: such a call would block its conversation for good.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from providers.text.arguments import returnable
from providers.types import (
    ChatMessage,
    Json,
    ModelRequest,
    Origin,
    Part,
    Role,
    TextPart,
    ToolCallPart,
    ToolResultPart,
)

#: The result that the model reads for a call without one.
NOT_EXECUTED = "This call was not executed."

#: The name of a call that has none.
UNNAMED = "unnamed_tool"

#: Characters of a name that replaces one outside a provider's grammar.
_LONGEST_NAME = 64
_UNFIT = re.compile(r"[^A-Za-z0-9_-]")


@dataclass(frozen=True, kw_only=True, slots=True)
class CallGrammar:
    """What a wire accepts as a function call of an earlier answer."""

    #: Matches the whole of an acceptable name.
    name: re.Pattern[str]
    #: Returns one of the wire's native items with each call's name passed through the given function, and with
    #: returnable arguments.
    rewrite: Callable[[Json, Callable[[str], str]], Json]

    def sendable(self, name: str) -> str:
        """Return ``name`` if the wire accepts it, else the same acceptable name each time."""
        if self.name.fullmatch(name):
            return name
        fit = _UNFIT.sub("_", name.strip())[:_LONGEST_NAME] or UNNAMED
        return fit if fit[0].isalpha() or fit[0] == "_" else f"_{fit[: _LONGEST_NAME - 1]}"


def answerable(request: ModelRequest, grammar: CallGrammar) -> tuple[ChatMessage, ...]:
    """Return the messages of ``request`` so that every call has a result, in the order of the calls, and is in ``grammar``.

    Dropped are: incomplete calls, results without a call, empty texts, and messages that have no content then. A
    missing result becomes ``NOT_EXECUTED``. Unreadable arguments become ``{}``.
    """
    return tuple(_in_grammar(message, request.origin, grammar) for message in _answered(request.messages))


def _in_grammar(message: ChatMessage, target: Origin, grammar: CallGrammar) -> ChatMessage:
    parts = tuple(_sendable(part, grammar) for part in message.parts)
    if message.origin != target:
        # Its native items are another wire's, and are not sent.
        return replace(message, parts=parts)
    native = tuple(grammar.rewrite(item, grammar.sendable) for item in message.native)
    return replace(message, parts=parts, native=native)


def _sendable(part: Part, grammar: CallGrammar) -> Part:
    match part:
        case ToolCallPart():
            return replace(part, name=grammar.sendable(part.name), arguments=returnable(part.arguments))
        case ToolResultPart():
            return replace(part, name=grammar.sendable(part.name))
        case _:
            return part


def _answered(messages: Iterable[ChatMessage]) -> list[ChatMessage]:
    pending: dict[str, ToolCallPart] = {}
    out: list[ChatMessage] = []
    for message in messages:
        if message.role is Role.TOOL:
            results = {
                part.call_id: part
                for part in message.parts
                if isinstance(part, ToolResultPart) and part.call_id in pending
            }
            if results or pending:
                out.append(_answers(pending, results))
            pending = {}
            continue
        if pending:
            out.append(_answers(pending, {}))
            pending = {}
        parts = tuple(part for part in message.parts if _is_usable(part))
        if not parts and not message.native:
            continue
        pending = {part.id: part for part in parts if isinstance(part, ToolCallPart)}
        out.append(replace(message, parts=parts))
    if pending:
        out.append(_answers(pending, {}))
    return out


def _is_usable(part: Part) -> bool:
    match part:
        case ToolCallPart():
            return part.complete
        case TextPart():
            return bool(part.text)
        case _:
            return True


def _answers(pending: dict[str, ToolCallPart], results: dict[str, ToolResultPart]) -> ChatMessage:
    return ChatMessage(
        role=Role.TOOL,
        parts=tuple(
            results.get(call.id)
            or ToolResultPart(call_id=call.id, name=call.name, content=NOT_EXECUTED, is_error=True)
            for call in pending.values()
        ),
    )
