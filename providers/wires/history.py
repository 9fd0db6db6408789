"""A conversation that every provider accepts, whatever happened in its turns. Pure.

Providers refuse a function call without a result, a result without a call, and an assistant
message without content. A turn that was cancelled or failed can leave all three behind.
"""

from collections.abc import Iterable

from providers.types import ChatMessage, Part, Role, TextPart, ToolCallPart, ToolResultPart

#: What the model reads in place of a result that never came.
NOT_EXECUTED = "This call was not executed."


def answerable(messages: Iterable[ChatMessage]) -> tuple[ChatMessage, ...]:
    """Return ``messages`` with every call answered, in call order, and nothing unusable left.

    Incomplete calls are dropped (their arguments are not JSON), results without a call as well;
    a missing result is replaced by one that says so. Assistant messages that end up without
    content vanish.
    """
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
        out.append(ChatMessage(role=message.role, parts=parts, origin=message.origin, native=message.native))
    if pending:
        out.append(_answers(pending, {}))
    return tuple(out)


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
