"""Anthropic's rules for a Messages request. Pure.

Roles alternate. The next message answers every ``tool_use``, at its start and in order. Thinking blocks
come back unchanged. The last message is not the assistant's (newer models accept no prefill).
"""

import re
from collections.abc import Iterable

from emulator.prompt import since_the_user
from emulator.sealing import is_sealed
from emulator.wires import _anthropic_options as options
from emulator.wires._rules import Refusal, Refusals, RequestRules, is_base64, is_url
from providers.types import Json

_ID = re.compile(r"[a-zA-Z0-9_-]+")
#: Matches the ids of calls that the emulator itself made.
_OWN_ID = re.compile(r"toolu_[0-9a-f]{24}")

_THOUGHTS = {"thinking", "redacted_thinking"}

_OF_USERS = {"text", "image", "document", "search_result", "tool_result", "container_upload"}
_IMAGES = ("image/jpeg", "image/png", "image/gif", "image/webp")


def refusals(body: Json, terms: RequestRules, *, has_beta: bool) -> Refusals:
    """Yield a refusal for each rule that ``body`` breaks."""
    yield from options.refusals(body, knows_its_fields=terms.knows_its_fields, has_beta=has_beta)
    yield from _system(body.get("system"))
    messages = body["messages"]
    if not messages:
        yield Refusal("messages: at least one message is required")
    yield from _roles([message["role"] for message in messages])
    for index, message in enumerate(messages):
        yield from _message(message, f"messages.{index}")
    yield from _calls(messages)
    if any(block["type"] in {"tool_use", "tool_result"} for block in _blocks(messages)) and not body.get(
        "tools"
    ):
        yield Refusal(
            "Requests which include `tool_use` or `tool_result` blocks must define tools with the `tools` "
            "parameter."
        )
    yield from _continues_thinking(body)
    if terms.demands_seals:
        yield from _thoughts_before_calls(messages)
    if messages[-1]["role"] == "assistant":
        yield Refusal(
            "This model does not support assistant message prefill. The conversation must end with a user "
            "message."
        )


def _content(message: Json) -> list[Json]:
    content = message["content"]
    return [{"type": "text", "text": content}] if isinstance(content, str) else content


def _blocks(messages: Iterable[Json]) -> Iterable[Json]:
    return (block for message in messages for block in _content(message))


def _system(system: object) -> Refusals:
    for block in system if isinstance(system, list) else ():
        yield from _text(block["text"], "system")


def _roles(roles: list[str]) -> Refusals:
    for before, role in zip([None, *roles], roles, strict=False):
        if role not in ("user", "assistant"):
            yield Refusal(
                f'messages: Unexpected role "{role}". The Messages API accepts a top-level `system` parameter, '
                'not "system" as an input message role.'
            )
        if role == before:
            yield Refusal(
                'messages: roles must alternate between "user" and "assistant", but found multiple '
                f'"{role}" roles in a row'
            )
    if roles[0] != "user":
        yield Refusal('messages: first message must use the "user" role')


def _message(message: Json, place: str) -> Refusals:
    content = message["content"]
    if not isinstance(content, (str, list)):
        yield Refusal(f"{place}.content: Input should be a valid list")
    if not content:
        yield Refusal(
            f"{place}: all messages must have non-empty content except for the optional final assistant message"
        )
    for index, block in enumerate(_content(message)):
        here = f"{place}.content.{index}"
        if (block["type"] in _OF_USERS - {"text"} and message["role"] == "assistant") or (
            block["type"] not in _OF_USERS and message["role"] == "user"
        ):
            yield Refusal(f"{here}: `{block['type']}` blocks cannot be in `{message['role']}` messages")
        yield from _block(block, here)


def _block(block: Json, place: str) -> Refusals:
    match block["type"]:
        case "text":
            yield from _text(block["text"], "messages")
        case "thinking" | "redacted_thinking":
            yield from _thought(block, place)
        case "tool_use":
            if not _ID.fullmatch(block["id"]):
                yield Refusal(f"{place}.tool_use.id: String should match pattern '^[a-zA-Z0-9_-]+$'")
            yield from options.tool_name(block["name"], f"{place}.tool_use.name")
            if not isinstance(block["input"], dict):
                yield Refusal(f"{place}.tool_use.input: Input should be a valid dictionary")
        case "tool_result":
            if block.get("is_error") and not block.get("content"):
                yield Refusal(f"{place}.tool_result: content cannot be empty if `is_error` is true")
            inside = block.get("content")
            for index, inner in enumerate(inside if isinstance(inside, list) else ()):
                yield from _block(inner, f"{place}.tool_result.content.{index}")
        case "image":
            yield from _image(block["source"], f"{place}.image.source")
        case "document":
            yield from _document(block["source"], f"{place}.document.source")


def _thought(block: Json, place: str) -> Refusals:
    if block["type"] == "redacted_thinking":
        if not block.get("data"):
            yield Refusal(f"{place}.redacted_thinking.data: Field required")
        return
    signature = block.get("signature")
    if not signature:
        yield Refusal(f"{place}.thinking.signature: Field required")
    if not is_sealed(signature, block["thinking"]):
        yield Refusal(f"{place}: Invalid `signature` in `thinking` block")


def _text(text: object, place: str) -> Refusals:
    if not isinstance(text, str):
        yield Refusal(f"{place}.text: Input should be a valid string")
    elif not text:
        yield Refusal(f"{place}: text content blocks must be non-empty")
    elif not text.strip():
        yield Refusal(f"{place}: text content blocks must contain non-whitespace text")


def _image(source: Json, place: str) -> Refusals:
    yield from _tagged(source, ("base64", "url", "file"), place)
    if source["type"] == "base64":
        if source["media_type"] not in _IMAGES:
            *most, last = (f"'{each}'" for each in _IMAGES)
            yield Refusal(f"{place}.base64.media_type: Input should be {', '.join(most)} or {last}")
        yield from _encoded(source, place)
    yield from _reachable(source, place)


def _document(source: Json, place: str) -> Refusals:
    yield from _tagged(source, ("base64", "text", "content", "url", "file"), place)
    match source["type"]:
        case "base64":
            if source["media_type"] != "application/pdf":
                yield Refusal(f"{place}.base64.media_type: Input should be 'application/pdf'")
            yield from _encoded(source, place)
        case "text":
            if source["media_type"] != "text/plain":
                yield Refusal(f"{place}.text.media_type: Input should be 'text/plain'")
            if not source["data"]:
                yield Refusal(f"{place}.text.data: String should have at least 1 character")
    yield from _reachable(source, place)


def _tagged(source: Json, tags: tuple[str, ...], place: str) -> Refusals:
    if source["type"] not in tags:
        known = ", ".join(f"'{tag}'" for tag in tags)
        yield Refusal(
            f"{place}: Input tag '{source['type']}' found using 'type' does not match any of the expected tags: "
            f"{known}"
        )


def _encoded(source: Json, place: str) -> Refusals:
    if not is_base64(source["data"]):
        yield Refusal(f"{place}.base64: invalid base64 data")


def _reachable(source: Json, place: str) -> Refusals:
    if source["type"] == "url" and not (is_url(source["url"])):
        yield Refusal(f"{place}.url.url: Only HTTPS URLs are supported.")


def _calls(messages: list[Json]) -> Refusals:
    used: list[str] = []
    due: list[str] = []
    for index, message in enumerate(messages):
        blocks = _content(message)
        results = [block["tool_use_id"] for block in blocks if block["type"] == "tool_result"]
        for place, block in enumerate(blocks):
            if block["type"] == "tool_result" and block["tool_use_id"] not in due:
                yield Refusal(
                    f"messages.{index}.content.{place}: unexpected `tool_use_id` found in `tool_result` blocks: "
                    f"{block['tool_use_id']}. Each `tool_result` block must have a corresponding `tool_use` "
                    "block in the previous message."
                )
        if len(set(results)) != len(results):
            yield Refusal(
                f"messages.{index}.content: each tool_use must have a single result. Found multiple "
                "`tool_result` blocks with the same id"
            )
        first = [block["tool_use_id"] for block in blocks[: len(due)] if block["type"] == "tool_result"]
        if first != due:
            missing = [each for each in due if each not in first] or due
            yield _unanswered(index - 1, missing)
        due = [block["id"] for block in blocks if block["type"] == "tool_use"]
        used += due
        if len(set(used)) != len(used):
            yield Refusal(f"messages.{index}.content: `tool_use` ids must be unique")
    if due:
        yield _unanswered(len(messages) - 1, due)


def _unanswered(index: int, ids: list[str]) -> Refusal:
    return Refusal(
        f"messages.{index}: `tool_use` ids were found without `tool_result` blocks immediately after: "
        f"{', '.join(ids)}. Each `tool_use` block must have a corresponding `tool_result` block in the next "
        "message."
    )


def _continues_thinking(body: Json) -> Refusals:
    """With a thinking budget, the message with the calls just answered must begin with its thoughts."""
    messages = body["messages"]
    if (body.get("thinking") or {}).get("type") != "enabled" or len(messages) < 2:
        return
    first = _content(messages[-2])[0]["type"]
    if _content(messages[-1])[0]["type"] == "tool_result" and first not in _THOUGHTS:
        yield _no_thought(len(messages) - 2, first)


def _thoughts_before_calls(messages: list[Json]) -> Refusals:
    """If the model always thinks before it calls, each step with calls in this turn must begin with thoughts.

    Only calls with the emulator's own ids are checked: another provider's calls have no such thoughts.
    """
    said = [any(block["type"] != "tool_result" for block in _content(message)) for message in messages]
    is_user = [message["role"] == "user" and own for message, own in zip(messages, said, strict=True)]
    turn = since_the_user(messages, is_user=is_user)
    for index, message in enumerate(turn, len(messages) - len(turn)):
        blocks = _content(message)
        calls = [block["id"] for block in blocks if block["type"] == "tool_use"]
        if any(map(_OWN_ID.fullmatch, calls)) and blocks[0]["type"] not in _THOUGHTS:
            yield _no_thought(index, blocks[0]["type"])


def _no_thought(index: int, found: str) -> Refusal:
    return Refusal(
        f"messages.{index}.content.0.type: Expected `thinking` or `redacted_thinking`, but found `{found}`. "
        "When `thinking` is enabled, a final `assistant` message must start with a thinking block (preceeding "
        "the lastmost set of `tool_use` and `tool_result` blocks)."
    )
