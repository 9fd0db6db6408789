"""The request body of a Responses call, history included. Pure.

Nothing is stored at OpenAI (``store: false``), so the whole history goes along each time and
reasoning models are asked for their thoughts in encrypted form, to get them back.
Source: https://platform.openai.com/docs/guides/reasoning#encrypted-reasoning-items
"""

import re
from collections.abc import Callable, Sequence

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
    parameters,
    sendable_id,
)
from providers.wires._openai_responses_options import RESERVED, show, tuned
from providers.wires._options import check_names, check_tools, effort_of, with_own_fields
from providers.wires.answerable_history import CallGrammar, answerable

#: Characters of a ``call_id`` that the API accepts.
_LONGEST_ID = 64

#: For a server that will not do without.
_USUAL_INSTRUCTIONS = "You are a helpful assistant."

#: o1, o3-mini, gpt-5.1, gpt-5.2-codex, codex-mini-latest, openai/gpt-5, ft:o4-mini-2025-04-16:…; but
#: neither gpt-4o nor Azure's gpt-35-turbo.
_REASONING_MODEL = re.compile(r"(^|[/:.])(o\d|gpt-([5-9]|[12]\d)(?!\d)|codex)")


def _rewrite(item: Json, name: Callable[[str], str]) -> Json:
    if item.get("type") != "function_call":
        return item
    return {**item, "name": name(item["name"]), "arguments": returnable(item["arguments"])}


_GRAMMAR = CallGrammar(name=FUNCTION_NAME, rewrite=_rewrite)


def reasons(model: str) -> bool:
    """Return whether the model's name says that it thinks before it answers.

    Other models refuse a request with ``reasoning`` in it, so a doubt counts as no.
    """
    name = model.lower()
    return _REASONING_MODEL.search(name) is not None and "-chat" not in name


def build_body(request: ModelRequest) -> Json:
    """Return the body of ``POST /responses`` for ``request``.

    Raises:
        LLMUnsupportedError: the API has no words for one of the options.
    """
    check_names(request, _GRAMMAR.name)
    check_tools(request, most=MOST_TOOLS, longest_description=LONGEST_DESCRIPTION)
    body: Json = {
        "model": request.origin.model,
        "input": _input(request),
        "stream": True,
        "store": False,
    }
    if request.system or request.quirks.needs_instructions:
        body["instructions"] = request.system or _USUAL_INSTRUCTIONS
    reasoning: Json = {}
    if reasons(request.origin.model):
        reasoning["summary"] = "auto"
    if reasoning or request.quirks.seals_thoughts:
        body["include"] = ["reasoning.encrypted_content"]
    if (effort := effort_of(request.options)) is not None:
        reasoning["effort"] = effort
    if reasoning:
        body["reasoning"] = reasoning
    if request.tools:
        body["tools"] = [_tool(tool) for tool in request.tools]
    return with_own_fields(body | tuned(request), request, reserved=RESERVED)


def _input(request: ModelRequest) -> list[Json]:
    items: list[Json] = []
    #: The ids of calls that another provider made, as they are sent.
    sent_ids: dict[str, str] = {}
    for message in with_notes(answerable(request, _GRAMMAR), show):
        match message.role:
            case Role.USER:
                items.append(_user_message(message))
            case Role.ASSISTANT if message.native and message.origin == request.origin:
                items += _calls_last(message.native)
            case Role.ASSISTANT:
                items += _calls_last(_converted(message, sent_ids))
            case Role.TOOL:
                results = (part for part in message.parts if isinstance(part, ToolResultPart))
                items += (_result(part, sent_ids) for part in results)
    return items


def _calls_last(items: Sequence[Json]) -> Sequence[Json]:
    """Return the items of one turn with its words before its calls.

    Models also call first and speak then. Some servers, DeepSeek for one, refuse a call that something stands behind but
    its output.
    """
    kinds = [item.get("type") for item in items]
    if "function_call" not in kinds or "reasoning" in (behind := kinds[kinds.index("function_call") :]):
        # A thought must stand before what it led to.
        return items
    first = len(kinds) - len(behind)
    words = [item for item in items[first:] if item.get("type") == "message"]
    others = [item for item in items[first:] if item.get("type") != "message"]
    return [*items[:first], *words, *others]


def _user_message(message: ChatMessage) -> Json:
    content: list[Json] = []
    for part in message.parts:
        match part:
            case TextPart(text=text):
                content.append({"type": "input_text", "text": text})
            case MediaPart():
                content.append(show(part))
    return {"type": "message", "role": "user", "content": content}


def _converted(message: ChatMessage, sent_ids: dict[str, str]) -> list[Json]:
    """Return what another model said; its thoughts and its provider's own items are not for this one."""
    items: list[Json] = []
    for part in message.parts:
        match part:
            case TextPart():
                items.append(assistant_message([{"type": "output_text", "text": part.text}]))
            case ToolCallPart():
                sent_ids[part.id] = sendable_id(part.id, longest=_LONGEST_ID)
                items.append(function_call(sent_ids[part.id], part.name, part.arguments))
            case ReasoningPart() | ProviderItemPart() | ToolResultPart() | MediaPart():
                pass
    return items


def assistant_message(content: list[Json]) -> Json:
    """Return an answer as an input item. It has no id: the API keeps none of ours to compare it with."""
    return {"type": "message", "role": "assistant", "content": content}


def function_call(call_id: str, name: str, arguments: str) -> Json:
    """Return a function call as an input item, without id for the same reason."""
    return {
        "type": "function_call",
        "call_id": call_id,
        "name": name,
        "arguments": arguments.strip() or "{}",
    }


def _result(part: ToolResultPart, sent_ids: dict[str, str]) -> Json:
    call_id = sent_ids.get(part.call_id, part.call_id)
    text, files = split_result(part, PICTURES | DOCUMENTS)
    output: str | list[Json] = text
    if files:
        words: list[Json] = [{"type": "input_text", "text": text}] if text else []
        output = [*words, *map(show, files)]
    return {"type": "function_call_output", "call_id": call_id, "output": output}


def _tool(tool: ToolSpec) -> Json:
    function: Json = {
        "type": "function",
        "name": tool.name,
        "parameters": parameters(tool.parameters),
        # Left out it means true here, and then most schemas are refused.
        "strict": False,
    }
    if tool.description:
        function["description"] = tool.description
    return function
