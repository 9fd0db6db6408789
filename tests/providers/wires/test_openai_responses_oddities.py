"""OpenAI Responses: odd values, other names, and which counts are believed."""

from typing import Any

import pytest

from providers.errors import (
    LLMError,
)
from providers.types import Json
from providers.types.events import (
    ReasoningDelta,
    TextDelta,
)
from providers.types.usage import Usage, UsageSource
from tests.compatibility import understood
from tests.providers.wires.playing import check_consistent
from tests.providers.wires.responses_events import (
    START,
    WHOLE_MESSAGE,
    WHOLE_THOUGHT,
    added,
    call,
    call_item,
    delta,
    done,
    end,
    message,
    output_text,
    play,
    response,
    text,
    thought,
)


def test_it_counts_what_an_error_reports() -> None:
    told = play(
        [START, *text(0, "Hi"), {"type": "error", "code": "server_error", "usage": {"input_tokens": 4}}]
    )
    assert told.result.usage.input_tokens == 4


@pytest.mark.parametrize(
    "name",
    ["type", "item", "delta", "output_index", "item_id", "content_index", "response", "arguments"],
)
@pytest.mark.parametrize("value", [None, [], {}, "x", 3, [None], {"content": 3, "output": 3}], ids=repr)
def test_no_odd_value_costs_an_answer(name: str, value: Any) -> None:
    stream = [START, *thought(0, "Hm", sealed="gAAA"), *text(1, "Yes"), *call(2, "{}"), end()]
    odd = [event | {name: value} if name in event else event for event in stream]
    for position in range(len(stream)):
        told = play([*stream[:position], odd[position], *stream[position + 1 :]])
        assert told.raised is None or isinstance(told.raised, LLMError)
    assert isinstance(play(odd).raised, LLMError | None)


@pytest.mark.parametrize(
    "name", ["id", "type", "content", "summary", "arguments", "call_id", "name", "status"]
)
@pytest.mark.parametrize("value", [None, [], {}, "x", 3, [None], [{"type": 3, "text": 3}]], ids=repr)
def test_no_odd_value_of_an_item_costs_an_answer(name: str, value: Any) -> None:
    for item in (WHOLE_MESSAGE, WHOLE_THOUGHT, call_item("{}")):
        odd = item | {name: value}
        told = play([added(0, odd), done(0, odd), *text(1, "Yes"), end("completed", odd)])
        assert told.raised is None or isinstance(told.raised, LLMError)
        assert "Yes" in told.result.text


@pytest.mark.parametrize(
    ("stream", "meaning"),
    [
        understood(
            [delta("reasoning", 0, "Hm"), delta("output_text", 1, "So")],
            [ReasoningDelta("Hm", 0), TextDelta("So")],
            server="Any server",
            oddity="Thoughts that stream as `response.reasoning.delta` are thoughts.",
            id="thoughts under an earlier name",
        ),
        pytest.param(
            [delta("reasoning_summary", 0, "Hm"), delta("text", 1, "So")],
            [ReasoningDelta("Hm", 0), TextDelta("So")],
            id="a summary and words under earlier names",
        ),
        pytest.param(
            [{"type": "response.content_part.done", "output_index": 0, "part": output_text("So")}],
            [TextDelta("So")],
            id="whole content parts alone",
        ),
        pytest.param(
            [done(0, message({"type": "text", "text": "So"}))], [TextDelta("So")], id="a plain name of words"
        ),
        pytest.param([done(0, message() | {"content": "So"})], [TextDelta("So")], id="text for a content"),
        pytest.param(
            [delta("output_text", 0, "") | {"delta": {"text": "So"}}], [TextDelta("So")], id="a wrapped delta"
        ),
        pytest.param(
            [
                delta("output_text", 0, "So", content_index=0),
                {"type": "response.content_part.done", "output_index": 0, "content_index": 0}
                | {"part": output_text("So")},
            ],
            [TextDelta("So")],
            id="a content part that was streamed",
        ),
    ],
)
def test_it_reads_other_names_and_shapes(stream: list[Json], meaning: list[Any]) -> None:
    told = play([*stream, *text(5, "!"), end()])
    assert told.raised is None
    assert told.meaning == [*meaning, TextDelta("!")]


@pytest.mark.parametrize(
    ("earlier", "last", "expected"),
    [
        pytest.param(
            {"input_tokens": 9, "output_tokens": 1},
            {"input_tokens": 0, "output_tokens": 4},
            Usage(input_tokens=9, output_tokens=4, source=UsageSource.REPORTED),
            id="a zero at the end",
        ),
        pytest.param(
            None,
            {"prompt_tokens": 9, "completion_tokens": 4, "prompt_tokens_details": {"cached_tokens": 3}},
            Usage(input_tokens=9, cached_input_tokens=3, output_tokens=4, source=UsageSource.REPORTED),
            id="the names of Chat Completions",
        ),
        pytest.param({"input_tokens": 0, "output_tokens": 0}, None, Usage(), id="zeros at the start"),
        pytest.param(
            {"input_tokens": 9},
            None,
            Usage(input_tokens=9),
            id="nothing at the end",
        ),
    ],
)
def test_it_counts_what_was_reported_once(earlier: Json | None, last: Json | None, expected: Usage) -> None:
    opening = {"type": "response.created", "response": response("in_progress", usage=earlier)}
    assert play([opening, *text(0, "So"), end(usage=last)]).result.usage == expected


@pytest.mark.parametrize("name", ["output_index", "content_index", "item_id"])
@pytest.mark.parametrize("value", [None, "", "x", -1, True, 0.5, [], {}], ids=repr)
def test_words_without_a_proper_number_stay_where_they_came(name: str, value: Any) -> None:
    stream = [START, *text(0, "A", "B", "C")[:-1]]
    stream[3] = stream[3] | {name: value}
    told = play([*stream, *text(1, "D"), end()])
    assert told.raised is None
    assert told.result.text == "ABCD"
    check_consistent(told)


def test_it_finds_counts_beside_the_response() -> None:
    told = play([*text(0, "So"), end() | {"usage": {"input_tokens": 9, "output_tokens": 4}}])
    assert told.result.usage == Usage(input_tokens=9, output_tokens=4, source=UsageSource.REPORTED)


@pytest.mark.parametrize("last", ["arguments", "item", "response"])
def test_arguments_that_stream_in_cipher_come_from_their_end(last: str) -> None:
    begun = {"type": "function_call", "id": "fc_1", "call_id": "c1", "name": "look", "arguments": ""}
    whole = begun | {"arguments": '{"at": 1}', "id": "fc_2"}
    stream = [
        {"type": "response.output_item.added", "output_index": 0, "item": begun},
        {
            "type": "response.function_call_arguments.delta",
            "output_index": 0,
            "item_id": "fc_1",
            "delta": "Xy+/QQ==",
        },
    ]
    if last == "arguments":
        ended = {"type": "response.function_call_arguments.done", "output_index": 0, "item_id": "fc_3"}
        stream.append(ended | {"arguments": whole["arguments"]})
    elif last == "item":
        stream.append({"type": "response.output_item.done", "output_index": 0, "item": whole})
    told = play([*stream, end_of(*([whole] if last == "response" else []))])
    check_consistent(told)
    assert [(call.id, call.arguments) for call in told.result.tool_calls] == [("c1", '{"at": 1}')]


def end_of(*output: Json) -> Json:
    return {"type": "response.completed", "response": {"status": "completed", "output": list(output)}}
