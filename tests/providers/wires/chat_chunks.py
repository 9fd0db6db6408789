"""Events of Chat Completions streams, as the tests put them together."""

from functools import partial
from typing import Any

from providers.types import Json, Origin
from providers.wires import openai_chat as wire
from tests.providers.wires import playing

HERE = Origin(wire=wire.KIND, provider="openai-chat", model="gpt-4.1")
ELSEWHERE = Origin(wire="anthropic-messages", provider="anthropic", model="claude-sonnet-4-6")


def chunk(finish_reason: str | None = None, /, *, index: Any = 0, **delta: Any) -> Json:
    choice = {"index": index, "delta": delta, "finish_reason": finish_reason}
    return {"id": "chatcmpl-1", "model": "gpt-4.1-2025", "choices": [choice]}


def piece(**fields: Any) -> Json:
    """A chunk with one piece of a tool call; ``name`` and ``arguments`` stand in its function."""
    function = {name: fields.pop(name) for name in ("name", "arguments") if name in fields}
    return chunk(tool_calls=[{"index": 0, "function": function} | fields])


def usage(**counts: Any) -> Json:
    counts = counts or {"prompt_tokens": 7, "completion_tokens": 5, "total_tokens": 12}
    return {"id": "chatcmpl-1", "model": "gpt-4.1-2025", "choices": [], "usage": counts}


CALL = piece(id="call_1", name="look", arguments="{}")
HALF_CALL = piece(id="call_1", name="look", arguments='{"at": "th')

play = partial(playing.play, wire.KIND)
