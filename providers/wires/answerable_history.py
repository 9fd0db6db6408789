"""Makes a conversation acceptable to every provider. Pure.

Providers refuse a function call without a result, a result without a call, and an assistant message without content. A
run that was cancelled or failed can leave all three.
"""

from collections.abc import Iterable

from providers.types import ChatMessage, Part, Role, TextPart, ToolCallPart, ToolResultPart

#: The result that the model reads for a call without one.
NOT_EXECUTED = "This call was not executed."


def answerable(messages: Iterable[ChatMessage]) -> tuple[ChatMessage, ...]:
    """Return ``messages`` so that every call has a result, in the order of the calls.

    Dropped are: incomplete calls (their arguments are not JSON), results without a call, empty texts, and messages that
    have no content then. A missing result becomes ``NOT_EXECUTED``.
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
