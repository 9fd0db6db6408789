"""Any field of a chunk may have any type: nothing is raised, and the words around it stand."""

from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import pytest

from providers.types import Json
from providers.wires import openai_chat as wire
from providers.wires import read
from providers.wires.accumulator import StepAccumulator
from tests.providers.wires.chat_saying import LOCAL
from tests.providers.wires.playing import Told, check_consistent

ODD: list[Any] = [
    None,
    "",
    "x",
    0,
    1,
    -1,
    1.5,
    10**30,
    True,
    False,
    [],
    [[]],
    [None],
    ["x"],
    {},
    {"x": 1},
    [{"x": []}],
]

#: A chunk with every field that the wire knows.
FULL: Json = {
    "id": "c",
    "created": 1,
    "model": "m",
    "object": "chat.completion.chunk",
    "provider": "p",
    "citations": ["https://example.org"],
    "search_results": [{"url": "https://example.org"}],
    "x_groq": {"usage": {"prompt_tokens": 1}},
    "timings": {"prompt_n": 1},
    "usage": {
        "prompt_tokens": 3,
        "completion_tokens": 2,
        "total_tokens": 5,
        "prompt_tokens_details": {"cached_tokens": 1, "cache_write_tokens": 1},
        "completion_tokens_details": {"reasoning_tokens": 1},
    },
    "choices": [
        {
            "index": 0,
            "finish_reason": None,
            "native_finish_reason": None,
            "text": "",
            "usage": {"prompt_tokens": 3},
            "message": {
                "content": "",
                "tool_calls": [{"id": "a", "function": {"name": "f", "arguments": "{}"}}],
            },
            "delta": {
                "role": "assistant",
                "content": [
                    {"type": "thinking", "thinking": [{"text": ""}], "signature": "s"},
                    {"type": "image_url"},
                ],
                "reasoning_content": {"text": "", "signature": "s"},
                "reasoning_details": [
                    {"type": "reasoning.text", "text": "", "index": 0, "id": "d", "signature": "s"}
                ],
                "thinking_blocks": [{"type": "thinking", "thinking": "", "signature": "s"}],
                "refusal": None,
                "annotations": [{"type": "url_citation"}],
                "images": [{"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}],
                "audio": {"id": "a", "data": "AAAA", "transcript": "", "expires_at": 1},
                "executed_tools": [{"index": 0, "type": "search", "output": "o"}],
                "extra_content": {"google": {"thought": False, "thought_signature": "s"}},
                "provider_specific_fields": {
                    "thought_signatures": ["s"],
                    "thinking_blocks": [{"type": "thinking"}],
                },
                "reasoning_opaque": "o",
                "tool_calls": [
                    {
                        "index": 0,
                        "id": "a",
                        "type": "function",
                        "function": {"name": "f", "arguments": '{"a": 1}'},
                        "extra_content": {"google": {"thought_signature": "s"}},
                    }
                ],
                "function_call": None,
            },
        }
    ],
}


def paths(value: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield at
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from paths(inner, (*at, name))
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from paths(inner, (*at, number))


def changed(at: tuple[Any, ...], value: Any) -> Any:
    holder: Any = [deepcopy(FULL)]
    inner = holder
    for step in (0, *at)[:-1]:
        inner = inner[step]
    inner[(0, *at)[-1]] = value
    return holder[0]


def words(text: str) -> Json:
    return {"id": "c", "model": "m", "choices": [{"index": 0, "delta": {"content": text}}]}


@pytest.mark.parametrize("at", [at for at in paths(FULL) if at], ids=lambda at: ".".join(map(str, at)))
def test_a_field_of_any_type_costs_nothing_else(at: tuple[Any, ...]) -> None:
    for value in ODD:
        for quirks in (LOCAL, StepAccumulator().quirks):
            accumulator = StepAccumulator(quirks=quirks)
            reader = read(wire, accumulator)
            told = reader.take(words("Before"))
            told += reader.take(changed(at, value))
            told += reader.take(words(" and after"))
            accumulator.is_done = True
            told += reader.conclude()
            reader.interrupt(RuntimeError())
            result = accumulator.result()
            assert result.text.startswith("Before")
            assert result.text.endswith(" and after"), value
            check_consistent(Told(events=told, result=result, raised=None))
