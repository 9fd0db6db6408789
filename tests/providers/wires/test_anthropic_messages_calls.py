"""Function calls on Anthropic's Messages wire, whatever their events say."""

import pytest

from providers.types import FinishReason, Json, ToolCallPart
from providers.types.events import (
    ToolCallDelta,
)
from tests.compatibility import understood
from tests.providers.wires.anthropic_events import (
    block,
    call,
    end,
    play,
    start,
)
from tests.providers.wires.playing import check_consistent


def test_it_takes_an_input_that_came_whole_with_the_start() -> None:
    content = {"type": "tool_use", "id": "c1", "name": "look", "input": {"a": "ü"}}
    told = play([start(), *block(0, content), *end("tool_use")])
    assert told.result.tool_calls == (ToolCallPart(id="c1", name="look", arguments='{"a": "ü"}'),)
    assert ToolCallDelta("c1", '{"a": "ü"}') in told.events
    assert told.result.native == (content,)


@pytest.mark.parametrize(
    ("pieces", "shown", "value"),
    [
        pytest.param(['{"a": b}'], None, {}, id="no JSON"),
        pytest.param(["[1]"], None, {}, id="no object"),
        pytest.param(['{"a": NaN}'], None, {}, id="a number that JSON does not have"),
        pytest.param(['{"a":' + "[" * 100_000], None, {}, id="nested without end"),
        pytest.param(["[", "]"], "{}", {}, id="an empty list"),
        pytest.param(["{}", '{"a": 1}'], '{"a": 1}', {"a": 1}, id="an empty object before the input"),
        pytest.param(['{"a": 1}', '{"a"', ": 1}"], '{"a": 1}', {"a": 1}, id="said twice"),
        pytest.param(['"{\\"a\\"', ': 1}"'], '{"a": 1}', {"a": 1}, id="encoded twice"),
        understood(
            ["nu", "ll"],
            "{}",
            {},
            server="Any server",
            oddity="A call's input that streams as `null` on the Messages wire is `{}`.",
            id="null",
        ),
    ],
)
def test_it_takes_whatever_a_call_says_for_its_arguments(
    pieces: list[str], shown: str | None, value: Json
) -> None:
    told = play([start(), *call(0, "c1", *pieces), *end("tool_use")])
    assert told.result.stop_reason is FinishReason.TOOL_CALLS
    expected = ToolCallPart(id="c1", name="look", arguments="".join(pieces) if shown is None else shown)
    assert told.result.tool_calls == (expected,)
    assert told.result.native == ({"type": "tool_use", "id": "c1", "name": "look", "input": value},)
    check_consistent(told)


def test_it_names_a_call_that_has_no_name() -> None:
    told = play([start(), *block(0, {"type": "tool_use", "id": "c1", "name": None}), *end("tool_use")])
    assert told.result.tool_calls == (ToolCallPart(id="c1", name="unnamed_tool", arguments="{}"),)
    assert told.result.native[0]["name"] == "unnamed_tool"
    check_consistent(told)


ZONE = {"type": "tool_use", "id": "c1", "name": "look", "input": {"a": 1}}

NO_INPUT = ZONE | {"input": None}


@pytest.mark.parametrize(
    ("stream", "arguments"),
    [
        pytest.param(
            block(0, ZONE, {"type": "input_json_delta", "partial_json": ""}), '{"a": 1}', id="empty"
        ),
        pytest.param(
            block(0, ZONE, {"type": "input_json_delta", "partial_json": "{}"}), '{"a": 1}', id="none"
        ),
        pytest.param(
            block(0, ZONE, {"type": "input_json_delta", "partial_json": '{"a": 2}'}), '{"a": 2}', id="others"
        ),
        pytest.param(
            block(0, NO_INPUT, {"type": "input_json_delta", "partial_json": {"a": 3}}),
            '{"a": 3}',
            id="decoded",
        ),
        pytest.param(block(0, ZONE | {"input": '{"a": 4}'}), '{"a": 4}', id="as text in the start"),
        pytest.param(
            [*block(0, NO_INPUT), *block(0, {}, {"type": "input_json_delta", "partial_json": "{}"})[1:]],
            "{}",
            id="after a whole call",
        ),
        pytest.param(
            [
                *block(0, NO_INPUT, {"type": "input_json_delta", "partial_json": '{"a"'}),
                *block(0, {}, {"type": "input_json_delta", "partial_json": ": 5}"})[1:],
            ],
            '{"a": 5}',
            id="stopped too early",
        ),
        pytest.param(
            [*block(0, ZONE, stop=False), *block(0, ZONE)],
            '{"a": 1}',
            id="started twice",
        ),
        pytest.param(block(0, ZONE, stop=False), '{"a": 1}', id="never stopped"),
    ],
)
def test_it_makes_one_call_of_odd_events(stream: list[Json], arguments: str) -> None:
    told = play([start(), *stream, *end("tool_use")])
    assert told.raised is None
    assert told.result.tool_calls == (ToolCallPart(id="c1", name="look", arguments=arguments),)
    check_consistent(told)
