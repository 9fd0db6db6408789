from typing import Any

import pytest

from providers.call.sanitizer import Sanitizer, clean_result
from providers.types import FinishReason, ProviderItemPart, ReasoningPart, TextPart, ToolCallPart
from providers.types.events import (
    ModelEvent,
    ProviderItem,
    ReasoningDelta,
    ReasoningSealed,
    ResponseStarted,
    TextDelta,
    ToolCallDelta,
    ToolCallFinished,
    ToolCallStarted,
    UsageSeen,
)
from providers.types.usage import Usage
from providers.wires.accumulator import StepAccumulator

FIRST, SECOND = "\ud83d", "\ude00"


def passed(*events: ModelEvent) -> list[ModelEvent]:
    boundary = Sanitizer()
    through = [out for event in events for out in boundary.sanitize(event)]
    return [*through, *boundary.flush()]


def test_a_delta_never_ends_inside_a_character() -> None:
    assert passed(TextDelta("a" + FIRST), TextDelta(SECOND + "b")) == [TextDelta("a"), TextDelta("😀b")]


def test_what_comes_between_two_halves_does_not_part_them() -> None:
    usage = UsageSeen(Usage(output_tokens=1))
    assert passed(TextDelta(FIRST), usage, TextDelta(SECOND)) == [usage, TextDelta("😀")]


def test_words_and_the_arguments_of_calls_are_not_mixed_up() -> None:
    assert passed(
        TextDelta(FIRST),
        ToolCallDelta("c", FIRST),
        ToolCallDelta("d", FIRST),
        ToolCallDelta("c", SECOND),
        TextDelta(SECOND),
        ToolCallDelta("d", "x"),
    ) == [
        ToolCallDelta("c", "😀"),
        TextDelta("😀"),
        ToolCallDelta("d", "\ufffdx"),
    ]


@pytest.mark.parametrize(
    ("before", "rest", "after"),
    [
        (TextDelta(FIRST), TextDelta("\ufffd"), ReasoningDelta("b", 0)),
        (TextDelta(FIRST), TextDelta("\ufffd"), ToolCallStarted("c", "f")),
        (ReasoningDelta(FIRST, 0), ReasoningDelta("\ufffd", 0), TextDelta("b")),
        (ReasoningDelta(FIRST, 0), ReasoningDelta("\ufffd", 0), ReasoningDelta("b", 1)),
        (ReasoningDelta(FIRST, 3), ReasoningDelta("\ufffd", 3), ToolCallStarted("c", "f")),
        (ToolCallDelta("c", FIRST), ToolCallDelta("c", "\ufffd"), ToolCallFinished("c")),
    ],
)
def test_what_is_held_back_comes_before_what_ends_it(
    before: ModelEvent, rest: ModelEvent, after: ModelEvent
) -> None:
    assert passed(before, after) == [rest, after]


def test_a_second_half_that_comes_too_late_stands_alone() -> None:
    assert passed(TextDelta(FIRST), ReasoningDelta("b"), TextDelta(SECOND)) == [
        TextDelta("\ufffd"),
        ReasoningDelta("b"),
        TextDelta("\ufffd"),
    ]


@pytest.mark.parametrize(
    ("ends", "expected"),
    [([], []), ([ToolCallFinished("c\x00")], [ToolCallFinished("c\ufffd")])],
)
def test_what_is_held_back_of_a_call_bears_the_name_that_the_call_began_with(
    ends: list[ModelEvent], expected: list[ModelEvent]
) -> None:
    assert passed(ToolCallStarted("c\x00", "f"), ToolCallDelta("c\x00", FIRST), *ends) == [
        ToolCallStarted("c\ufffd", "f"),
        ToolCallDelta("c\ufffd", "\ufffd"),
        *expected,
    ]


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ([TextDelta("a" + FIRST)], [TextDelta("a"), TextDelta("\ufffd")]),
        ([ReasoningDelta(FIRST, 2)], [ReasoningDelta("\ufffd", 2)]),
        (
            [ToolCallDelta("c", FIRST), ToolCallDelta("d", FIRST)],
            [ToolCallDelta("c", "\ufffd"), ToolCallDelta("d", "\ufffd")],
        ),
    ],
)
def test_what_is_held_back_is_released_in_the_end(said: list[ModelEvent], expected: list[ModelEvent]) -> None:
    assert passed(*said) == expected


def test_a_call_that_is_numbered_is_called_by_its_number() -> None:
    numbered: Any = 7
    assert passed(ToolCallStarted(numbered, numbered), ToolCallDelta(numbered, "{}")) == [
        ToolCallStarted("7", "7"),
        ToolCallDelta("7", "{}"),
    ]
    accumulator = StepAccumulator()
    accumulator.parts = [ToolCallPart(id=numbered, name=numbered, arguments="{}")]
    assert clean_result(accumulator.result()).parts == (ToolCallPart(id="7", name="7", arguments="{}"),)


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        (ResponseStarted("r\x00", None), ResponseStarted("r\ufffd", None)),
        (ReasoningSealed("s\x00", 3), ReasoningSealed("s\ufffd", 3)),
        (ToolCallStarted("i\x00", FIRST), ToolCallStarted("i\ufffd", "\ufffd")),
        (ToolCallFinished("i\x00"), ToolCallFinished("i\ufffd")),
        (ProviderItem("k\x00", {"a": [SECOND]}), ProviderItem("k\ufffd", {"a": ["\ufffd"]})),
    ],
)
def test_every_event_is_clean(event: ModelEvent, expected: ModelEvent) -> None:
    assert passed(event) == [expected]


def test_a_clean_delta_is_passed_on_as_it_is() -> None:
    event = TextDelta("just words")
    assert passed(event)[0] is event


def test_the_whole_result_is_clean() -> None:
    accumulator = StepAccumulator()
    accumulator.parts = [
        TextPart(text=FIRST + SECOND, annotations=({"t": "\x00"},)),
        ReasoningPart(text="\x00", sealed="\x00"),
        ToolCallPart(id="\x00", name="\x00", arguments=FIRST),
        ProviderItemPart(kind="\x00", data={"x": SECOND}),
    ]
    accumulator.native = [{"text": FIRST}]
    accumulator.raw_usage = {"\x00": 1}
    accumulator.raw_stop_reason = accumulator.response_id = accumulator.model = "\x00"
    accumulator.response = {"content": ["\x00"]}
    accumulator.stop_reason = FinishReason.END_TURN
    result = clean_result(accumulator.result())
    assert result.parts == (
        TextPart(text="😀", annotations=({"t": "\ufffd"},)),
        ReasoningPart(text="\ufffd", sealed="\ufffd"),
        ToolCallPart(id="\ufffd", name="\ufffd", arguments="\ufffd"),
        ProviderItemPart(kind="\ufffd", data={"x": "\ufffd"}),
    )
    assert result.native == ({"text": "\ufffd"},)
    assert result.raw_usage == {"\ufffd": 1}
    assert result.raw_stop_reason == result.response_id == result.model == "\ufffd"
    assert result.response == {"content": ["\ufffd"]}
    assert result.stop_reason is FinishReason.END_TURN
