"""Events of Responses streams, as the tests put them together."""

from functools import partial
from typing import Any

from providers.types import Json, Origin
from providers.wires import openai_responses as wire
from tests.providers.wires import playing

HERE = Origin(wire=wire.KIND, provider="openai", model="gpt-5.1")
ELSEWHERE = Origin(wire="anthropic-messages", provider="anthropic", model="claude-sonnet-4-6")


def response(status: str, *output: Json, **fields: Any) -> Json:
    return {"id": "resp_1", "model": "gpt-5.1-2025", "status": status, "output": list(output)} | fields


def end(status: str = "completed", *output: Json, **fields: Any) -> Json:
    return {"type": f"response.{status}", "response": response(status, *output, **fields)}


START: Json = {"type": "response.created", "response": response("in_progress")}


def added(index: int, item: Json) -> Json:
    return {"type": "response.output_item.added", "output_index": index, "item": item}


def done(index: int, item: Json) -> Json:
    return {"type": "response.output_item.done", "output_index": index, "item": item}


def delta(kind: str, index: int, piece: str, **place: int) -> Json:
    return {"type": f"response.{kind}.delta", "output_index": index, "delta": piece} | place


def belonging(kind: str, item_id: str, piece: str, **place: int) -> Json:
    """A delta that names its item by the id alone."""
    return {"type": f"response.{kind}.delta", "item_id": item_id, "delta": piece} | place


def message(*content: Json, id: str = "msg_1", **fields: Any) -> Json:
    return {"type": "message", "id": id, "role": "assistant", "content": list(content)} | fields


def output_text(text: str, *annotations: Json) -> Json:
    return {"type": "output_text", "text": text, "annotations": list(annotations)}


def text(index: int, *pieces: str) -> list[Json]:
    """The events of one whole message."""
    item_id = f"msg_{index}"
    return [
        added(index, message(id=item_id, status="in_progress")),
        *(delta("output_text", index, piece, content_index=0) for piece in pieces),
        done(index, message(output_text("".join(pieces)), id=item_id, status="completed")),
    ]


def thought(index: int, *summaries: str, sealed: str | None) -> list[Json]:
    """The events of one whole reasoning item."""
    item = {"type": "reasoning", "id": f"rs_{index}", "summary": []}
    deltas = [
        delta("reasoning_summary_text", index, text, summary_index=n) for n, text in enumerate(summaries)
    ]
    summary = [{"type": "summary_text", "text": text} for text in summaries]
    return [
        added(index, item),
        *deltas,
        done(index, item | {"summary": summary, "encrypted_content": sealed}),
    ]


def call_item(arguments: str, **fields: Any) -> Json:
    item = {"type": "function_call", "id": "fc_1", "call_id": "call_1", "name": "look"}
    return item | {"arguments": arguments, "status": "completed"} | fields


def call(index: int, arguments: str, **fields: Any) -> list[Json]:
    """The events of one whole function call."""
    return [
        added(index, call_item("", **fields)),
        delta("function_call_arguments", index, arguments),
        done(index, call_item(arguments, **fields)),
    ]


HALF_CALL = call(0, '{"at": "th')[:-1]
SHELL = {"type": "shell_call", "id": "sh_1", "call_id": "call_9", "action": {"commands": ["ls"]}}
SHELL_OUTPUT = {"type": "shell_call_output", "id": "sho_1", "call_id": "call_9", "output": []}
SEARCH = {"type": "web_search_call", "id": "ws_1", "status": "completed", "action": {"type": "search"}}


REFUSAL = {"type": "refusal", "refusal": "No."}


def sends_back(text: str) -> Json:
    content = [{"type": "output_text", "text": text}]
    return {"type": "message", "role": "assistant", "content": content}


LOOK = {"type": "function_call", "call_id": "call_1", "name": "look", "arguments": "{}"}


def incomplete(reason: str) -> Json:
    return end("incomplete", incomplete_details={"reason": reason})


def failed(**error: Any) -> Json:
    return end("failed", error=error)


SEALED = {
    "type": "reasoning",
    "summary": [{"type": "summary_text", "text": "Hm"}],
    "encrypted_content": "gAAA",
}

play = partial(playing.play, wire.KIND)


#: A message and a thought that are complete.
WHOLE_MESSAGE = message(output_text("Hello"))
WHOLE_THOUGHT = {
    "type": "reasoning",
    "id": "rs_1",
    "summary": [{"type": "summary_text", "text": "Hm"}],
    "content": [{"type": "reasoning_text", "text": "Hm hm"}],
}
