"""The request body of a Chat Completions call, history included. Pure.

Source: https://platform.openai.com/docs/api-reference/chat/create
"""

from collections.abc import Callable

from providers.text.arguments import returnable
from providers.types import (
    ChatMessage,
    Json,
    MediaPart,
    ModelRequest,
    ProviderItemPart,
    ReasoningPart,
    Role,
    TextPart,
    ToolCallPart,
    ToolResultPart,
    ToolSpec,
)
from providers.wires._media import DOCUMENTS, PICTURES, split_result, with_notes
from providers.wires._openai_calls import (
    FUNCTION_NAME,
    LONGEST_DESCRIPTION,
    MOST_TOOLS,
    exact_id,
    parameters,
    sendable_id,
)
from providers.wires._openai_chat_options import RESERVED, show, system, tuned
from providers.wires._options import check_names, check_tools, with_own_fields
from providers.wires.answerable_history import CallGrammar, answerable

#: Characters of a tool call's id that the API accepts.
_LONGEST_ID = 40


def _rewrite(message: Json, name: Callable[[str], str]) -> Json:
    if not (calls := message.get("tool_calls")):
        return message
    return {**message, "tool_calls": [_rewritten(call, name) for call in calls]}


def _rewritten(call: Json, name: Callable[[str], str]) -> Json:
    function = call["function"]
    changed = {"name": name(function["name"]), "arguments": returnable(function["arguments"])}
    return {**call, "function": {**function, **changed}}


_GRAMMAR = CallGrammar(name=FUNCTION_NAME, rewrite=_rewrite)


def build_body(request: ModelRequest) -> Json:
    """Return the body of ``POST /chat/completions`` for ``request``.

    Raises:
        LLMUnsupportedError: the API has no words for one of the options.
    """
    check_names(request, _GRAMMAR.name)
    check_tools(request, most=MOST_TOOLS, longest_description=LONGEST_DESCRIPTION)
    body: Json = {"model": request.origin.model, "messages": _messages(request), "stream": True}
    if request.quirks.asks_for_usage:
        body["stream_options"] = {"include_usage": True}
    if request.tools:
        body["tools"] = [_tool(tool) for tool in request.tools]
    return with_own_fields(body | tuned(request), request, reserved=RESERVED)


def _messages(request: ModelRequest) -> list[Json]:
    messages: list[Json] = []
    if words := system(request):
        messages.append({"role": "system", "content": words})
    #: The ids of calls that another provider made, as they are sent.
    sent_ids: dict[str, str] = {}
    for message in with_notes(answerable(request, _GRAMMAR), show):
        match message.role:
            case Role.USER:
                messages.append({"role": "user", "content": _user_content(message)})
            case Role.ASSISTANT if message.native and message.origin == request.origin:
                messages += message.native
            case Role.ASSISTANT:
                messages += _converted(message, sent_ids, request.quirks.call_id_length)
            case Role.TOOL:
                results = [part for part in message.parts if isinstance(part, ToolResultPart)]
                messages += _results(results, sent_ids, request)
    return messages


def _user_content(message: ChatMessage) -> str | list[Json]:
    match message.parts:
        case [TextPart(text=text)]:
            return text
    content: list[Json] = []
    for part in message.parts:
        match part:
            case TextPart(text=text):
                content.append({"type": "text", "text": text})
            case MediaPart():
                content.append(show(part))
    return content


def _converted(message: ChatMessage, sent_ids: dict[str, str], id_length: int | None) -> list[Json]:
    """Return what another model said; its thoughts and its provider's own items are not for this one."""
    texts: list[str] = []
    calls: list[Json] = []
    for part in message.parts:
        match part:
            case TextPart():
                texts.append(part.text)
            case ToolCallPart():
                sent_ids[part.id] = (
                    sendable_id(part.id, longest=_LONGEST_ID)
                    if id_length is None
                    else exact_id(part.id, length=id_length)
                )
                calls.append(tool_call(sent_ids[part.id], part.name, part.arguments))
            case ReasoningPart() | ProviderItemPart() | ToolResultPart() | MediaPart():
                pass
    if not texts and not calls:
        return []
    converted: Json = {"role": "assistant", "content": "".join(texts) or None}
    if calls:
        converted["tool_calls"] = calls
    return [converted]


def tool_call(call_id: str, name: str, arguments: str) -> Json:
    """Return a call in the shape of an assistant message's ``tool_calls``."""
    return {
        "id": call_id,
        "type": "function",
        "function": {"name": name, "arguments": arguments.strip() or "{}"},
    }


def _results(results: list[ToolResultPart], sent_ids: dict[str, str], request: ModelRequest) -> list[Json]:
    """Return the results of a step. Pictures in them follow as a user's, because a result holds text only.

    Only OpenAI's own server gets them: another server's model may have no eyes, and would refuse every later request.
    """
    messages: list[Json] = []
    pictures: list[Json] = []
    for part in results:
        text, files = split_result(
            part, frozenset() if request.quirks.is_compatible else PICTURES | DOCUMENTS
        )
        call_id = sent_ids.get(part.call_id, part.call_id)
        messages.append({"role": "tool", "tool_call_id": call_id, "content": text})
        if files:
            pictures += [{"type": "text", "text": f"[What {part.name} made:]"}, *map(show, files)]
    return [*messages, {"role": "user", "content": pictures}] if pictures else messages


def _tool(tool: ToolSpec) -> Json:
    function: Json = {"name": tool.name, "parameters": parameters(tool.parameters)}
    if tool.description:
        function["description"] = tool.description
    return {"type": "function", "function": function}
