"""The shortest answers that each wire has, as servers send them."""

import json

from tests.providers.upstream import Behaviour, streaming


def _frame(payload: object, *, event: str | None = None) -> bytes:
    name = f"event: {event}\n" if event else ""
    return f"{name}data: {json.dumps(payload)}\n\n".encode()


def _chat() -> bytes:
    piece = {"id": "c1", "object": "chat.completion.chunk", "model": "m"}
    return (
        _frame({**piece, "choices": [{"index": 0, "delta": {"role": "assistant", "content": "Hi"}}]})
        + _frame({**piece, "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
        + b"data: [DONE]\n\n"
    )


def _responses() -> bytes:
    message = {
        "type": "message",
        "id": "m1",
        "role": "assistant",
        "status": "completed",
        "content": [{"type": "output_text", "text": "Hi", "annotations": []}],
    }
    response = {"id": "r1", "object": "response", "model": "m", "status": "completed", "output": [message]}
    return b"".join(
        _frame(event, event=str(event["type"]))
        for event in (
            {"type": "response.output_text.delta", "output_index": 0, "content_index": 0, "delta": "Hi"},
            {"type": "response.output_item.done", "output_index": 0, "item": message},
            {"type": "response.completed", "response": response},
        )
    )


def messages() -> tuple[dict[str, object], ...]:
    """The events of an Anthropic answer."""
    return (
        {
            "type": "message_start",
            "message": {"id": "m1", "role": "assistant", "model": "m", "content": [], "usage": {}},
        },
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Hi"}},
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 1}},
        {"type": "message_stop"},
    )


def _gemini() -> bytes:
    content = {"role": "model", "parts": [{"text": "Hi"}]}
    return _frame({"candidates": [{"index": 0, "content": content, "finishReason": "STOP"}]})


_ANSWERS = {
    "openai-chat": _chat(),
    "openai-responses": _responses(),
    "anthropic-messages": b"".join(_frame(event, event=str(event["type"])) for event in messages()),
    "gemini-generate": _gemini(),
}


def saying_hi(wire: str, *, head: bool = True) -> Behaviour:
    """Answer on ``wire`` with the word "Hi", or go on with it where the ``head`` has been sent."""
    return streaming(_ANSWERS[wire], head=head)
