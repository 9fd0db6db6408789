"""Rules of the providers' API references for requests with a history; a broken rule is answered with 400.

Like ``reading``, this module must never import ``providers``. ``refusals`` returns the rules that a body
breaks. ``turns`` reads the texts and the function calls from a body.
"""

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from tests.contract.reading import Json


@dataclass(frozen=True, kw_only=True)
class Turn:
    """The consecutive messages of one side; results of functions belong to the user's side."""

    user: bool
    text: str = ""
    #: Names and decoded arguments.
    calls: tuple[tuple[str, Any], ...] = ()
    #: The names of the functions whose results it holds, or the ids of their calls if the wire has no names.
    results: tuple[str, ...] = ()


@dataclass(kw_only=True)
class _Draft:
    user: bool
    text: list[str] = field(default_factory=list)
    calls: list[tuple[str, Any]] = field(default_factory=list)
    results: list[str] = field(default_factory=list)


def refusals(wire: str, body: Json) -> list[str]:
    """Return the reasons why the provider of ``wire`` would refuse ``body``; none if it would accept it."""
    return list(_RULES[wire](body))


#: The most characters of a call's id. A server accepts longer ids only if it made them itself.
_LONGEST_IDS = {"openai-chat": 40, "openai-responses": 64}


def overlong_ids(wire: str, body: Json) -> list[str]:
    """Return the call ids that are too long for a provider that did not make them."""
    messages = [message.get("tool_calls") or () for message in body.get("messages") or ()]
    ids = [call["id"] for calls in messages for call in calls]
    ids += [item["call_id"] for item in body.get("input") or () if "call_id" in item]
    return [call_id for call_id in ids if len(call_id) > _LONGEST_IDS.get(wire, len(call_id))]


def turns(wire: str, body: Json) -> list[Turn]:
    """Return the conversation in ``body``, as the provider that speaks ``wire`` understands it."""
    drafts: list[_Draft] = []
    for user, kind, value in _SAYINGS[wire](body):
        if not drafts or drafts[-1].user != user:
            drafts.append(_Draft(user=user))
        match kind:
            case "text":
                drafts[-1].text.append(value)
            case "call":
                drafts[-1].calls.append(value)
            case "result":
                drafts[-1].results.append(value)
    return [
        Turn(
            user=draft.user, text="".join(draft.text), calls=tuple(draft.calls), results=tuple(draft.results)
        )
        for draft in drafts
    ]


#: Whether the entry is the user's, its kind, and its content.
type Saying = tuple[bool, str, Any]


def _answered(calls: list[str], results: list[str]) -> Iterator[str]:
    if calls != results:
        yield f"the calls {calls} are answered by {results}"
    if len(set(calls)) != len(calls):
        yield f"the calls {calls} are not told apart"


def _is_object(text: object) -> bool:
    try:
        return isinstance(text, str) and isinstance(json.loads(text), dict)
    except ValueError:
        return False


# The fields of an assistant's message in Chat Completions; OpenRouter, DeepSeek and Qwen add reasoning.
_CHAT_KEYS = {
    "role",
    "content",
    "tool_calls",
    "refusal",
    "reasoning_details",
    "reasoning_content",
    "reasoning",
}


def _chat_rules(body: Json) -> Iterator[str]:
    messages = body["messages"]
    if messages[-1]["role"] not in {"user", "tool"}:
        yield "the assistant has the last word"
    pending: list[str] = []
    answered: list[str] = []
    for message in [*messages, {"role": "end"}]:
        role = message["role"]
        if role == "tool":
            answered.append(message["tool_call_id"])
            if not isinstance(message["content"], str):
                yield "a tool's result is not text"
            continue
        yield from _answered(pending, answered)
        pending, answered = [call["id"] for call in message.get("tool_calls") or ()], []
        if role == "assistant":
            yield from _chat_assistant_rules(message)
        elif role in {"user", "system"}:
            if not message["content"]:
                yield f"an empty message of the {role}"
        elif role != "end":
            yield f"there is no role {role}"


def _chat_assistant_rules(message: Json) -> Iterator[str]:
    if unknown := message.keys() - _CHAT_KEYS:
        yield f"an assistant's message has no {unknown}"
    if not message.get("content") and not message.get("tool_calls") and not message.get("refusal"):
        yield "an assistant's message without content"
    if "tool_calls" in message and not message["tool_calls"]:
        yield "an empty list of calls"
    for call in message.get("tool_calls") or ():
        if call["type"] != "function" or not call["function"]["name"]:
            yield "a call that names no function"
        if not _is_object(call["function"]["arguments"]):
            yield f"arguments that are no object: {call['function']['arguments']!r}"


def _chat_sayings(body: Json) -> Iterator[Saying]:
    for message in body["messages"]:
        user = message["role"] != "assistant"
        if message["role"] == "tool":
            yield user, "result", message["tool_call_id"]
        elif message["role"] != "system":
            yield from ((user, "text", text) for text in _chat_texts(message))
        for call in message.get("tool_calls") or ():
            yield user, "call", (call["function"]["name"], json.loads(call["function"]["arguments"]))


def _chat_texts(message: Json) -> Iterator[str]:
    content = message.get("content") or ""
    if isinstance(content, str):
        yield content
    else:
        yield from (
            part.get("text") or part.get("refusal") or "" for part in content if part["type"] != "thinking"
        )
    yield message.get("refusal") or ""


_CONTENT_TYPES = {"user": {"input_text"}, "assistant": {"output_text", "refusal"}}


def _responses_rules(body: Json) -> Iterator[str]:
    items = body["input"]
    calls: list[str] = []
    results: list[str] = []
    for item, following in pairwise([*items, {"type": "end"}]):
        yield from _item_rules(item)
        match item["type"]:
            case "message":
                yield from _answered(calls, results)
            case "function_call":
                calls.append(item["call_id"])
            case "function_call_output":
                results.append(item["call_id"])
                if item["call_id"] not in calls:
                    yield "a result before its call"
            case "reasoning":
                if following["type"] == "end" or following.get("role") == "user":
                    yield "reasoning without its required following item"
    yield from _answered(calls, results)
    if body["store"] is not False:
        yield "the answer would be stored"
    if items[-1].get("role") != "user" and items[-1]["type"] != "function_call_output":
        yield "the assistant has the last word"


def _item_rules(item: Json) -> Iterator[str]:
    match item["type"]:
        case "message":
            if not item["content"]:
                yield "a message without content"
            for part in item["content"]:
                if part["type"] not in _CONTENT_TYPES[item["role"]]:
                    yield f"{item['role']} with {part['type']}"
        case "function_call":
            if not _is_object(item["arguments"]):
                yield f"arguments that are no object: {item['arguments']!r}"
        case "reasoning":
            if not item.get("encrypted_content"):
                yield "reasoning that nobody stored and that is not enclosed"
            if not isinstance(item.get("summary"), list):
                yield "reasoning without a summary"


def _responses_sayings(body: Json) -> Iterator[Saying]:
    for item in body["input"]:
        match item["type"]:
            case "message":
                for part in item["content"]:
                    yield item["role"] == "user", "text", part.get("text") or part.get("refusal") or ""
            case "function_call":
                yield False, "call", (item["name"], json.loads(item["arguments"]))
            case "function_call_output":
                yield True, "result", item["call_id"]


def _anthropic_rules(body: Json) -> Iterator[str]:
    messages = body["messages"]
    yield from _alternating([message["role"] for message in messages], "user", "assistant")
    # Not these tools: gateways get by with declaring one that nobody ever calls.
    declares_any = bool(body.get("tools"))
    used: list[str] = []
    pending: list[str] = []
    for message in messages:
        blocks = message["content"]
        if not blocks:
            yield "a message without content"
        kinds = [block["type"] for block in blocks]
        results = [block["tool_use_id"] for block in blocks if block["type"] == "tool_result"]
        yield from _answered(pending, results)
        if kinds[: len(results)] != ["tool_result"] * len(results):
            yield "something comes before the results"
        pending = [block["id"] for block in blocks if block["type"] == "tool_use"]
        used += pending
        for block in blocks:
            yield from _block_rules(block, message["role"], declares_any=declares_any)
    if pending:
        yield "the last calls are not answered"
    if len(set(used)) != len(used):
        yield f"ids are not unique: {used}"


def _block_rules(block: Json, role: str, *, declares_any: bool) -> Iterator[str]:
    match block["type"]:
        case "text":
            if not block["text"].strip():
                yield "blank text"
        case "thinking":
            if not block.get("signature"):
                yield "a thought without its signature"
        case "tool_use":
            if not declares_any:
                yield f"a call of {block['name']}, and no tools are declared"
            if not isinstance(block["input"], dict):
                yield "an input that is no object"
            if not block["id"].replace("_", "").replace("-", "").isalnum() or not block["id"].isascii():
                yield f"the id {block['id']!r}"
    if role == "user" and block["type"] not in {"text", "tool_result"}:
        yield f"a user with {block['type']}"


def _anthropic_sayings(body: Json) -> Iterator[Saying]:
    for message in body["messages"]:
        user = message["role"] == "user"
        for block in message["content"]:
            match block["type"]:
                case "text":
                    yield user, "text", block["text"]
                case "tool_use":
                    yield user, "call", (block["name"], block["input"])
                case "tool_result":
                    yield user, "result", block["tool_use_id"]


def _gemini_rules(body: Json) -> Iterator[str]:
    contents = body["contents"]
    yield from _alternating([content["role"] for content in contents], "user", "model")
    pending: list[str] = []
    for content in contents:
        parts = content["parts"]
        if not parts:
            yield "a content without parts"
        results = [part["functionResponse"]["name"] for part in parts if "functionResponse" in part]
        if pending != results:
            yield f"the calls of {pending} are answered by {results}"
        if any("functionResponse" not in part for part in parts[: len(results)]):
            yield "something comes before the responses"
        pending = [part["functionCall"]["name"] for part in parts if "functionCall" in part]
        for part in parts:
            yield from _gemini_part_rules(part)
    if pending:
        yield "the last calls are not answered"


def _gemini_part_rules(part: Json) -> Iterator[str]:
    kinds = part.keys() - {"thought", "thoughtSignature", "videoMetadata", "partMetadata"}
    if len(kinds) != 1:
        yield f"a part that is {kinds or 'nothing'}"
    if part.get("text") == "" and "thoughtSignature" not in part:
        yield "an empty text"
    if "functionCall" in part and not isinstance(part["functionCall"].get("args", {}), dict):
        yield "arguments that are no object"
    if "functionCall" in part and part["functionCall"].keys() - {"id", "name", "args"}:
        yield "half a call"


def _gemini_sayings(body: Json) -> Iterator[Saying]:
    for content in body["contents"]:
        user = content["role"] == "user"
        for part in content["parts"]:
            if "text" in part and not part.get("thought"):
                yield user, "text", part["text"]
            if "functionCall" in part:
                yield user, "call", (part["functionCall"]["name"], part["functionCall"].get("args") or {})
            if "functionResponse" in part:
                yield user, "result", part["functionResponse"]["name"]


def _alternating(roles: Iterable[str], first: str, second: str) -> Iterator[str]:
    roles = list(roles)
    if roles != [first if index % 2 == 0 else second for index in range(len(roles))]:
        yield f"the roles do not alternate: {roles}"
    if roles[-1] != first:
        yield "the assistant has the last word"


_RULES: dict[str, Callable[[Json], Iterator[str]]] = {
    "openai-chat": _chat_rules,
    "openai-responses": _responses_rules,
    "anthropic-messages": _anthropic_rules,
    "gemini-generate": _gemini_rules,
}

_SAYINGS: dict[str, Callable[[Json], Iterator[Saying]]] = {
    "openai-chat": _chat_sayings,
    "openai-responses": _responses_sayings,
    "anthropic-messages": _anthropic_sayings,
    "gemini-generate": _gemini_sayings,
}
