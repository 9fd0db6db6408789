"""Small streams written by hand, one set for every wire, so that the tests run without recordings too.

``full`` has reasoning, a seal, text beyond ASCII and two function calls. ``plain`` has only text. ``length``
is cut by the output limit. ``broken`` has an error in the middle. ``early`` ends in the middle.
"""

import json
from collections.abc import Iterable

from tests.contract.reading import Json, Recording

THOUGHT = "A visitor 🧳 wants the weather."
SEAL = "c2VhbGVkLXRob3VnaHQtb2YtdGhpcy1wcm92aWRlcg=="
WORDS = "Zürich, 日本 and 👩‍👩‍👧: I ask twice.\u2028Done"
CALLS = (("get_weather", {"city": "Zürich"}), ("get_time", {"zone": "Asia/Tokyo", "at": [1, None]}))


def _sse(events: Iterable[Json], *, named: bool = False, end: str = "") -> bytes:
    blocks = []
    for event in events:
        name = f"event: {event['type']}\n" if named else ""
        blocks.append(f"{name}data: {json.dumps(event, ensure_ascii=False)}\n\n")
    return ("".join(blocks) + end).encode()


def _halves(text: str) -> tuple[str, str]:
    return text[: len(text) // 2], text[len(text) // 2 :]


def _arguments(call: int) -> tuple[str, str]:
    return _halves(json.dumps(CALLS[call][1], ensure_ascii=False))


def _chat(deltas: Iterable[Json], finish: str | None, *, after: Iterable[Json] = ()) -> bytes:
    base = {"id": "chatcmpl-by-hand", "object": "chat.completion.chunk", "model": "by-hand"}
    chunks: list[Json] = [{**base, "choices": [{"index": 0, "delta": delta}]} for delta in deltas]
    if finish is None:
        return _sse([*chunks, *after])
    usage = {"prompt_tokens": 9, "completion_tokens": 12, "total_tokens": 21}
    chunks.append({**base, "choices": [{"index": 0, "delta": {}, "finish_reason": finish}]})
    chunks.append({**base, "choices": [], "usage": usage})
    return _sse(chunks, end="data: [DONE]\n\n")


def _chat_call(index: int) -> list[Json]:
    first, second = _arguments(index)
    opening = {"id": f"chatcmpl-tool-{index}", "type": "function"}
    return [
        {"tool_calls": [{"index": index, **opening, "function": {"name": CALLS[index][0], "arguments": ""}}]},
        {"tool_calls": [{"index": index, "function": {"arguments": first}}]},
        {"tool_calls": [{"index": index, "function": {"arguments": second}}]},
    ]


def _chat_bodies() -> dict[str, bytes]:
    said = [{"content": half} for half in _halves(WORDS)]
    thought: list[Json] = [
        {"reasoning_details": [{"type": "reasoning.text", "index": 0, "text": THOUGHT}]},
        {"reasoning_details": [{"type": "reasoning.text", "index": 0, "signature": SEAL}]},
    ]
    error = {"error": {"message": "The server had an error.", "type": "server_error", "code": None}}
    return {
        "full": _chat([*thought, *said, *_chat_call(0), *_chat_call(1)], "tool_calls"),
        "plain": _chat(said, "stop"),
        "length": _chat(said, "length"),
        "broken": _chat(said, None, after=[error]),
        "early": _chat(said, None),
    }


def _responses(items: Iterable[tuple[Json, Iterable[Json], Json]], last: Json | None) -> bytes:
    """Return a stream of ``items``: each is the added item, its deltas, and the finished item."""
    response = {"id": "resp_by_hand", "object": "response", "model": "by-hand"}
    events: list[Json] = [{"type": "response.created", "response": {**response, "status": "in_progress"}}]
    done = []
    for index, (added, deltas, item) in enumerate(items):
        place = {"output_index": index, "item_id": item["id"]}
        events.append({"type": "response.output_item.added", "output_index": index, "item": added})
        events += [{**place, "content_index": 0, "summary_index": 0, **delta} for delta in deltas]
        if item.get("status") != "incomplete":
            events.append({"type": "response.output_item.done", "output_index": index, "item": item})
            done.append(item)
    if last is not None and "response" in last:
        usage = {
            "input_tokens": 9,
            "input_tokens_details": {"cached_tokens": 0},
            "output_tokens": 12,
            "output_tokens_details": {"reasoning_tokens": 5},
            "total_tokens": 21,
        }
        last = {**last, "response": {**response, "output": done, "usage": usage, **last["response"]}}
    if last is not None:
        events.append(last)
    return _sse(
        ({**event, "sequence_number": number} for number, event in enumerate(events)),
        named=True,
    )


def _responses_bodies() -> dict[str, bytes]:
    message = {"id": "msg_1", "type": "message", "role": "assistant"}
    deltas = [{"type": "response.output_text.delta", "delta": half} for half in _halves(WORDS)]
    text = [{"type": "output_text", "text": WORDS, "annotations": []}]
    begun = {**message, "status": "in_progress", "content": []}
    said = (begun, deltas, {**message, "status": "completed", "content": text})
    cut = (begun, deltas, {**message, "status": "incomplete", "content": text})
    reasoning = {"id": "rs_1", "type": "reasoning"}
    thought = (
        {**reasoning, "summary": []},
        [{"type": "response.reasoning_summary_text.delta", "delta": THOUGHT}],
        {
            **reasoning,
            "summary": [{"type": "summary_text", "text": THOUGHT}],
            "encrypted_content": SEAL,
        },
    )
    calls = []
    for index, (name, arguments) in enumerate(CALLS):
        call = {"id": f"fc_{index}", "type": "function_call", "call_id": f"call_{index}", "name": name}
        pieces = [
            {"type": "response.function_call_arguments.delta", "delta": half} for half in _arguments(index)
        ]
        whole = json.dumps(arguments, ensure_ascii=False)
        calls.append(
            ({**call, "arguments": ""}, pieces, {**call, "arguments": whole, "status": "completed"}),
        )
    completed = {"type": "response.completed", "response": {"status": "completed"}}
    incomplete = {
        "type": "response.incomplete",
        "response": {"status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}},
    }
    error = {"code": "server_error", "message": "The server had an error."}
    failed = {"type": "response.failed", "response": {"status": "failed", "usage": None, "error": error}}
    return {
        "full": _responses([thought, said, *calls], completed),
        "plain": _responses([said], completed),
        "length": _responses([cut], incomplete),
        "broken": _responses([cut], failed),
        "early": _responses([cut], None),
    }


def _anthropic(
    blocks: Iterable[tuple[Json, Iterable[Json]]], stop: str | None, *, error: bool = False
) -> bytes:
    usage = {"input_tokens": 5, "cache_creation_input_tokens": 0, "cache_read_input_tokens": 4}
    message = {"id": "msg_by_hand", "type": "message", "role": "assistant", "model": "by-hand", "content": []}
    events: list[Json] = [{"type": "message_start", "message": {**message, "usage": usage}}]
    for index, (start, deltas) in enumerate(blocks):
        events.append({"type": "content_block_start", "index": index, "content_block": start})
        events += [{"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas]
        if stop is not None:
            events.append({"type": "content_block_stop", "index": index})
    if stop is not None:
        delta = {"stop_reason": stop, "stop_sequence": None}
        events.append({"type": "message_delta", "delta": delta, "usage": {"output_tokens": 12}})
        events.append({"type": "message_stop"})
    if error:
        details = {"type": "overloaded_error", "message": "Overloaded"}
        events.append({"type": "error", "error": details})
    return _sse(events, named=True)


def _anthropic_bodies() -> dict[str, bytes]:
    said = (
        {"type": "text", "text": ""},
        [{"type": "text_delta", "text": half} for half in _halves(WORDS)],
    )
    thought = (
        {"type": "thinking", "thinking": "", "signature": ""},
        [
            {"type": "thinking_delta", "thinking": THOUGHT},
            {"type": "signature_delta", "signature": SEAL},
        ],
    )
    calls = [
        (
            {"type": "tool_use", "id": f"toolu_{index}", "name": name, "input": {}},
            [{"type": "input_json_delta", "partial_json": half} for half in _arguments(index)],
        )
        for index, (name, _) in enumerate(CALLS)
    ]
    return {
        "full": _anthropic([thought, said, *calls], "tool_use"),
        "plain": _anthropic([said], "end_turn"),
        "length": _anthropic([said], "max_tokens"),
        "broken": _anthropic([said], None, error=True),
        "early": _anthropic([said], None),
    }


def _gemini(parts: Iterable[Json], finish: str | None, *, after: Iterable[Json] = ()) -> bytes:
    base = {"responseId": "by-hand", "modelVersion": "by-hand"}
    contents = [{"content": {"role": "model", "parts": [part]}, "index": 0} for part in parts]
    if finish is not None:
        contents[-1]["finishReason"] = finish
    usage = {
        "promptTokenCount": 9,
        "candidatesTokenCount": 7,
        "thoughtsTokenCount": 5,
        "totalTokenCount": 21,
    }
    chunks = [{**base, "candidates": [content], "usageMetadata": usage} for content in contents]
    return _sse([*chunks, *after]).replace(b"\n", b"\r\n")


def _gemini_bodies() -> dict[str, bytes]:
    said: list[Json] = [{"text": half} for half in _halves(WORDS)]
    calls: list[Json] = [{"functionCall": {"name": name, "args": arguments}} for name, arguments in CALLS]
    calls[0]["thoughtSignature"] = SEAL
    error = {"error": {"code": 503, "message": "The model is overloaded.", "status": "UNAVAILABLE"}}
    return {
        "full": _gemini([{"text": THOUGHT, "thought": True}, *said, *calls], "STOP"),
        "plain": _gemini(said, "STOP"),
        "length": _gemini(said, "MAX_TOKENS"),
        "broken": _gemini(said, None, after=[error]),
        "early": _gemini(said, None),
    }


BODIES = tuple(
    Recording(wire=wire, name=f"by-hand-{name}", sse=sse, meta={})
    for wire, bodies in {
        "openai-chat": _chat_bodies(),
        "openai-responses": _responses_bodies(),
        "anthropic-messages": _anthropic_bodies(),
        "gemini-generate": _gemini_bodies(),
    }.items()
    for name, sse in bodies.items()
)
