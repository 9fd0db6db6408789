import json
from typing import Any

import pytest

from providers.types.usage import COUNTS, Usage, UsageSource, as_count, count_in, first_count
from tests.providers.calling import WIRES, Call, at
from tests.providers.upstream import streaming, upstream


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (12, 12),
        (0, 0),
        ("12", 12),
        ("0", 0),
        (None, None),
        (True, None),
        (-1, None),
        ("-1", None),
        (1.5, None),
        (12.0, 12),
        (0.0, 0),
        (-1.0, None),
        (float("nan"), None),
        (float("inf"), None),
        (1e300, None),
        ("12.0", 12),
        ("12.", 12),
        ("12.01", None),
        (" 12", None),
        ("1.5", None),
        ("", None),
        ("many", None),
        ([12], None),
        (2**52, 2**52),
        (2**52 + 1, None),
        ("9" * 16, None),
        ("9" * 10_000, None),
    ],
)
def test_a_count_is_a_number_of_tokens_or_unknown(value: object, expected: int | None) -> None:
    assert as_count(value) == expected


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ({"details": {"cached": "3"}}, 3),
        ({"details": {"cached": {}}}, None),
        ({"details": 5}, None),
        ({"details": None}, None),
        ({}, None),
        ("none of your business", None),
    ],
)
def test_a_count_that_is_not_where_it_should_be_is_unknown(raw: object, expected: int | None) -> None:
    assert count_in(raw, "details", "cached") == expected


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ({"a": 0, "details": {"b": 7}}, 7),
        ({"a": 3, "details": {"b": 7}}, 3),
        ({"a": 0, "details": {"b": None}}, 0),
        ({"a": "many", "details": []}, None),
        (None, None),
    ],
)
def test_of_several_names_the_first_with_a_count_above_zero_is_read(
    raw: object, expected: int | None
) -> None:
    assert first_count(raw, "a", "details.b") == expected


def sse(*events: dict[str, Any]) -> bytes:
    return "".join(
        f"event: {event['type']}\ndata: {json.dumps(event)}\n\n"
        if "type" in event
        else f"data: {json.dumps(event)}\n\n"
        for event in events
    ).encode()


def answer(wire: str, ten: Any, two: Any, one: Any) -> bytes:
    """An answer of one word that counts ten, and two for what is a part of it, as each wire puts it."""
    match wire:
        case "openai-chat":
            usage = {
                "prompt_tokens": ten,
                "prompt_tokens_details": {"cached_tokens": two},
                "completion_tokens": ten,
                "completion_tokens_details": {"reasoning_tokens": two},
                "total_tokens": ten,
            }
            choices = [{"index": 0, "delta": {"content": "Hm"}, "finish_reason": "stop"}]
            return sse({"id": "c", "model": "m", "choices": choices}, {"choices": [], "usage": usage})
        case "openai-responses":
            usage = {
                "input_tokens": ten,
                "input_tokens_details": {"cached_tokens": two},
                "output_tokens": ten,
                "output_tokens_details": {"reasoning_tokens": two},
            }
            output = [{"type": "message", "id": "m", "content": [{"type": "output_text", "text": "Hm"}]}]
            response = {"id": "r", "status": "completed", "output": output, "usage": usage}
            return sse(
                {"type": "response.created", "response": {"id": "r"}},
                {"type": "response.output_item.done", "output_index": 0, "item": output[0]},
                {"type": "response.completed", "response": response},
            )
        case "anthropic-messages":
            first = {"input_tokens": one, "cache_read_input_tokens": two, "cache_creation_input_tokens": one}
            last = {"output_tokens": ten, "output_tokens_details": {"thinking_tokens": two}}
            return sse(
                {"type": "message_start", "message": {"id": "m", "content": [], "usage": first}},
                {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": "Hm"}},
                {"type": "content_block_stop", "index": 0},
                {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": last},
                {"type": "message_stop"},
            )
        case _:
            usage = {
                "promptTokenCount": ten,
                "cachedContentTokenCount": two,
                "candidatesTokenCount": one,
                "thoughtsTokenCount": two,
            }
            candidate = {"content": {"role": "model", "parts": [{"text": "Hm"}]}, "finishReason": "STOP"}
            return sse({"candidates": [candidate], "usageMetadata": usage})


#: What ``answer`` says on each wire when its counts are 10, 2 and 1.
COUNTED = {
    "openai-chat": Usage(input_tokens=10, cached_input_tokens=2, output_tokens=10, reasoning_tokens=2),
    "openai-responses": Usage(input_tokens=10, cached_input_tokens=2, output_tokens=10, reasoning_tokens=2),
    "anthropic-messages": Usage(
        input_tokens=4,
        cached_input_tokens=2,
        cache_write_input_tokens=1,
        output_tokens=10,
        reasoning_tokens=2,
    ),
    "gemini-generate": Usage(input_tokens=10, cached_input_tokens=2, output_tokens=3, reasoning_tokens=2),
}


async def usage_of(wire: str, ten: Any, two: Any, one: Any) -> Usage:
    async with upstream(streaming(answer(wire, ten, two, one))) as server:
        result = await Call(at(server.origin, wire)).start()
    assert result.text == "Hm"
    return result.usage


@pytest.mark.parametrize("wire", WIRES)
async def test_numbers_that_come_as_text_count(wire: str, fresh_clients: None) -> None:
    counted = await usage_of(wire, 10, 2, 1)
    assert counted.source is UsageSource.REPORTED
    assert as_dict(counted) == as_dict(COUNTED[wire])
    assert await usage_of(wire, "10", "2", "1") == counted


@pytest.mark.parametrize("wire", WIRES)
async def test_what_is_no_number_is_not_taken_for_a_report(wire: str, fresh_clients: None) -> None:
    assert (await usage_of(wire, "ten", {}, [1])).source is UsageSource.ESTIMATED


def as_dict(usage: Usage) -> dict[str, int | None]:
    return {name: getattr(usage, name) for name in COUNTS}
