"""Events of Anthropic's Messages streams, as the tests put them together."""

from functools import partial
from typing import Any

from providers.types import Json, Origin
from providers.wires import anthropic_messages as wire
from tests.providers.wires import playing

HERE = Origin(wire=wire.KIND, provider="anthropic", model="claude-sonnet-4-6")
ELSEWHERE = Origin(wire="openai-responses", provider="openai", model="gpt-5")


def start(**usage: int) -> Json:
    message = {"id": "msg_1", "type": "message", "role": "assistant", "model": "claude-x", "content": []}
    return {
        "type": "message_start",
        "message": message | {"usage": usage or {"input_tokens": 7, "output_tokens": 1}},
    }


def block(index: int, content: Json, *deltas: Json, stop: bool = True) -> list[Json]:
    stream: list[Json] = [{"type": "content_block_start", "index": index, "content_block": content}]
    stream += [{"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas]
    return stream + ([{"type": "content_block_stop", "index": index}] if stop else [])


def text(index: int, *pieces: str, stop: bool = True) -> list[Json]:
    deltas = [{"type": "text_delta", "text": piece} for piece in pieces]
    return block(index, {"type": "text", "text": ""}, *deltas, stop=stop)


def thinking(index: int, thought: str, signature: str | None, *, stop: bool = True) -> list[Json]:
    deltas = [{"type": "thinking_delta", "thinking": thought}]
    deltas += [{"type": "signature_delta", "signature": signature}] if signature else []
    return block(index, {"type": "thinking", "thinking": "", "signature": ""}, *deltas, stop=stop)


def call(index: int, call_id: str, *pieces: str, stop: bool = True, kind: str = "tool_use") -> list[Json]:
    deltas = [{"type": "input_json_delta", "partial_json": piece} for piece in pieces]
    return block(index, {"type": kind, "id": call_id, "name": "look", "input": {}}, *deltas, stop=stop)


def search_result(index: int, call_id: str) -> list[Json]:
    return block(index, {"type": "web_search_tool_result", "tool_use_id": call_id, "content": []})


def end(reason: str, **usage: Any) -> list[Json]:
    delta = {"stop_reason": reason, "stop_sequence": None}
    usage = usage or {"output_tokens": 5}
    return [{"type": "message_delta", "delta": delta, "usage": usage}, {"type": "message_stop"}]


SERVER = call(0, "srv_1", '{"query": "x"}', kind="server_tool_use")

play = partial(playing.play, wire.KIND)
