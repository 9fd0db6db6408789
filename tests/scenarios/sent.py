"""An independent reader of requests that an upstream received: returns each call with its answer.

Like the contract's rules, this module must never import ``providers``.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tests.contract.reading import Json


@dataclass(frozen=True, slots=True)
class Called:
    """A decoded call of the conversation, with the answer that the model reads."""

    name: str
    arguments: Any
    answer: str
    #: Whether the answer is marked as an error; ``None`` if the wire cannot mark it.
    is_error: bool | None = None


def calls(wire: str, body: Json) -> list[Called]:
    """Return the calls in ``body`` in their order; the answers are matched to them in the same order."""
    asked: list[tuple[str, Any]] = []
    answers: list[tuple[str, bool | None]] = []
    for kind, name, value in _SAYINGS[wire](body):
        if kind == "call":
            asked.append((name, value))
        else:
            answers.append((value, {"error": True, "answer": False}.get(kind)))
    return [
        Called(name, arguments, *answer) for (name, arguments), answer in zip(asked, answers, strict=True)
    ]


def holds(body: Json, seal: str) -> bool:
    """Return whether ``body`` contains ``seal``, in either alphabet of Base64."""
    plain = json.dumps(body).replace("-", "+").replace("_", "/")
    return seal.replace("-", "+").replace("_", "/") in plain


#: ``call``, name and arguments; or an answer: its kind is ``answer`` or ``error``, or ``either`` if unmarked.
type _Saying = tuple[str, str, Any]


def _chat(body: Json) -> Iterator[_Saying]:
    for message in body["messages"]:
        for call in message.get("tool_calls") or ():
            yield "call", call["function"]["name"], json.loads(call["function"]["arguments"])
        if message["role"] == "tool":
            yield "either", "", message["content"]


def _responses(body: Json) -> Iterator[_Saying]:
    for item in body["input"]:
        if item["type"] == "function_call":
            yield "call", item["name"], json.loads(item["arguments"])
        elif item["type"] == "function_call_output":
            yield "either", "", item["output"]


def _anthropic(body: Json) -> Iterator[_Saying]:
    for message in body["messages"]:
        for block in message["content"]:
            if block["type"] == "tool_use":
                yield "call", block["name"], block["input"]
            elif block["type"] == "tool_result":
                yield "error" if block.get("is_error") else "answer", "", block.get("content", "")


def _gemini(body: Json) -> Iterator[_Saying]:
    for content in body["contents"]:
        for part in content["parts"]:
            if "functionCall" in part:
                yield "call", part["functionCall"]["name"], part["functionCall"].get("args") or {}
            elif "functionResponse" in part:
                ((key, value),) = part["functionResponse"]["response"].items()
                yield "error" if key == "error" else "answer", "", value


_SAYINGS = {
    "openai-chat": _chat,
    "openai-responses": _responses,
    "anthropic-messages": _anthropic,
    "gemini-generate": _gemini,
}
