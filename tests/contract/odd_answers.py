"""Streams that no provider should send; each has one fault, which must not harm the server."""

import json
from typing import Any

from tests.contract.reading import Json, Recording

WORDS = "As usual."

#: Repeated so often, ``WORDS`` exceed the size limit of a frame.
OFTEN = 120_000


def _chat(name: str, *, usage: Any = None, words: str = WORDS, **instead: Any) -> Recording:
    base: Json = {"id": "by-hand", "model": "by-hand", **instead}
    chunks: list[Json] = [
        {**base, "choices": [{"index": 0, "delta": {"content": words}}]},
        {**base, "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}], "usage": usage},
    ]
    sse = "".join(f"data: {json.dumps(chunk)}\n\n" for chunk in chunks)
    return Recording(wire="openai-chat", name=f"odd-{name}", sse=sse.encode(), meta={})


def _item(name: str, data: Any) -> Recording:
    item = {"type": "web_search_call", "id": "ws_1", "status": "completed", "action": data}
    message = {"type": "message", "content": [{"type": "output_text", "text": WORDS}]}
    response: Json = {"id": "by-hand", "model": "by-hand"}
    stream: list[Json] = [
        {"type": "response.created", "response": response},
        {"type": "response.output_item.done", "output_index": 0, "item": item},
        {"type": "response.output_item.done", "output_index": 1, "item": message},
        {"type": "response.completed", "response": {**response, "status": "completed"}},
    ]
    sse = "".join(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n" for event in stream)
    return Recording(wire="openai-responses", name=f"odd-{name}", sse=sse.encode(), meta={})


def _nested(levels: int) -> list[Any]:
    value: list[Any] = []
    for _ in range(levels):
        value = [value]
    return value


BODIES = (
    _chat("numbered", id=7, model=["by-hand"]),
    _chat("negative-usage", usage={"prompt_tokens": -5, "completion_tokens": True}),
    _chat("endless-usage", usage={"prompt_tokens": 10**30, "completion_tokens": 2**62}),
    _chat("endless-delta", words=WORDS * OFTEN),
    _item("endless-number", [10**30, -(2**64), 10**400]),
    _item("no-number", [float("nan"), float("-inf")]),
    _item("deep", _nested(600)),
    _item("unstorable", {"nul\0": "half \ud83d"}),
)
