"""ModelEvent in, AG-UI out: order, nesting, and what is never left open or invented."""

import json
from collections.abc import Iterable
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.types.events import (
    ModelEvent,
    ProviderItem,
    ReasoningDelta,
    ReasoningSealed,
    ResponseStarted,
    RetryScheduled,
    TextDelta,
    ToolCallDelta,
    ToolCallFinished,
    ToolCallStarted,
    UsageSeen,
)
from providers.types.usage import Usage, UsageSource
from runs.log import agui
from tests.contract.agui_rules import as_the_models_see, violations

RUN_ID, CONVERSATION_ID, MESSAGE_ID = uuid4(), uuid4(), uuid4()

type Json = dict[str, Any]


def step(events: Iterable[ModelEvent], *, finish: bool = True) -> list[Json]:
    """Return the events of one step, every delta for itself."""
    written: list[Json] = [agui.step_started("step 1")]
    translated = agui.StepEvents(
        "step 1",
        MESSAGE_ID,
        write=written.append,
        delta=lambda head, text: written.append(json.loads(f"{head}{json.dumps(text)}}}")),
    )
    for event in events:
        translated.feed(event)
    if finish:
        translated.finish()
    return written


def shape(events: list[Json]) -> str:
    """Return the types of a step's inner events, shortened."""
    inner = [event["type"].replace("_MESSAGE", "") for event in events[1:-1]]
    return " ".join(kind.replace("REASONING", "R").replace("TOOL_CALL", "CALL") for kind in inner)


def run_of(events: list[Json]) -> list[Json]:
    """Return a whole run around a step."""
    segment = agui.Segment(conversation_id=CONVERSATION_ID, run_id=RUN_ID)
    messages = [{"id": "m", "role": "user", "content": "hi"}]
    end = agui.run_finished(segment, outcome={"type": "success"}, usage=[], metadata={})
    return [agui.run_started(segment, messages=messages), *events, end]


CASES: list[tuple[str, list[ModelEvent], str]] = [
    ("nothing", [], ""),
    ("what says nothing", [ResponseStarted("id", "m"), UsageSeen(Usage())], ""),
    ("text", [TextDelta("a"), TextDelta("b")], "TEXT_START TEXT_CONTENT TEXT_CONTENT TEXT_END"),
    (
        "reasoning, then text",
        [ReasoningDelta("hm"), TextDelta("a")],
        "R_START R_START R_CONTENT R_END R_END TEXT_START TEXT_CONTENT TEXT_END",
    ),
    (
        "another index is another message of the same reasoning",
        [ReasoningDelta("a", 0), ReasoningDelta("b", 1)],
        "R_START R_START R_CONTENT R_END R_START R_CONTENT R_END R_END",
    ),
    (
        "text, a call, text again",
        [
            TextDelta("a"),
            ToolCallStarted("c", "f"),
            ToolCallDelta("c", "{}"),
            ToolCallFinished("c"),
            TextDelta("b"),
        ],
        "TEXT_START TEXT_CONTENT TEXT_END CALL_START CALL_ARGS CALL_END TEXT_START TEXT_CONTENT TEXT_END",
    ),
    (
        "calls side by side",
        [
            ToolCallStarted("c", "f"),
            ToolCallStarted("d", "g"),
            ToolCallDelta("d", "1"),
            ToolCallDelta("c", "2"),
            ToolCallFinished("d"),
            ToolCallFinished("c"),
        ],
        "CALL_START CALL_START CALL_ARGS CALL_ARGS CALL_END CALL_END",
    ),
    (
        "a call that is cut",
        [ToolCallStarted("c", "f"), ToolCallDelta("c", "{")],
        "CALL_START CALL_ARGS CALL_END",
    ),
    (
        "a call that ends twice",
        [ToolCallStarted("c", "f"), ToolCallFinished("c"), ToolCallFinished("c")],
        "CALL_START CALL_END",
    ),
    ("an item", [ProviderItem("web_search_call", {"id": 1})], "CUSTOM"),
    (
        "an item within text",
        [TextDelta("a"), ProviderItem("citation", {}), TextDelta("b")],
        "TEXT_START TEXT_CONTENT CUSTOM TEXT_CONTENT TEXT_END",
    ),
    (
        "thoughts of an empty answer, then those of the next try",
        [
            ReasoningDelta("a"),
            RetryScheduled(attempt=2, of=2, wait_seconds=0.0, code="c", message="m", model="p/m"),
            ReasoningDelta("b"),
        ],
        "R_START R_START R_CONTENT R_END R_END CUSTOM R_START R_START R_CONTENT R_END R_END",
    ),
    ("a seal alone", [ReasoningSealed("s")], "R_ENCRYPTED_VALUE"),
]


@pytest.mark.parametrize(
    ("events", "expected"), [case[1:] for case in CASES], ids=[case[0] for case in CASES]
)
def test_it_translates_in_order_and_closes_what_is_open(events: list[ModelEvent], expected: str) -> None:
    written = step(events)
    assert shape(written) == expected
    assert (written[0]["type"], written[-1]["type"]) == ("STEP_STARTED", "STEP_FINISHED")
    assert violations(run_of(written)) == []


def test_the_first_text_has_the_id_of_the_stored_message_and_the_next_one_another() -> None:
    events = step([TextDelta("a"), ToolCallStarted("c", "f"), ToolCallFinished("c"), TextDelta("b")])
    ids = [event["messageId"] for event in events if event["type"] == "TEXT_MESSAGE_START"]
    assert ids[0] == str(MESSAGE_ID)
    assert len(set(ids)) == 2


def test_a_call_belongs_to_the_stored_message() -> None:
    (call,) = [event for event in step([ToolCallStarted("c", "f")]) if event["type"] == "TOOL_CALL_START"]
    assert call == {
        "type": "TOOL_CALL_START",
        "toolCallId": "c",
        "toolCallName": "f",
        "parentMessageId": str(MESSAGE_ID),
    }


def test_a_seal_belongs_to_the_reasoning_that_it_seals() -> None:
    open_one = step([ReasoningDelta("a"), ReasoningSealed("s")])
    closed_one = step([ReasoningDelta("a"), TextDelta("b"), ReasoningSealed("s")])
    for events in (open_one, closed_one):
        (message,) = [event for event in events if event["type"] == "REASONING_MESSAGE_START"]
        (seal,) = [event for event in events if event["type"] == "REASONING_ENCRYPTED_VALUE"]
        assert (seal["entityId"], seal["encryptedValue"]) == (message["messageId"], "s")
    (_, alone, _) = step([ReasoningSealed("s")])
    assert alone["entityId"] == str(MESSAGE_ID)


@pytest.mark.parametrize("awkward", ['"', "\\", "a\nb", "\x01", "😀", "</script>", "é"])
def test_the_head_of_a_delta_is_json_whatever_the_id(awkward: str) -> None:
    text = f"{agui.head('TOOL_CALL_ARGS', 'toolCallId', awkward)}{json.dumps('x')}}}"
    assert json.loads(text) == {"type": "TOOL_CALL_ARGS", "toolCallId": awkward, "delta": "x"}


_texts = st.text(min_size=1, max_size=5)
_free: st.SearchStrategy[Any] = st.one_of(
    st.builds(TextDelta, _texts),
    st.builds(ReasoningDelta, _texts, st.integers(0, 2)),
    st.builds(ReasoningSealed, _texts, st.integers(0, 2)),
    st.builds(ProviderItem, st.just("item"), st.just({"a": 1})),
    st.builds(ResponseStarted, st.none(), st.none()),
    st.builds(UsageSeen, st.just(Usage())),
    # A call: begun, gone on with, ended. What has not begun is left out below.
    st.builds(ToolCallStarted, st.integers(0, 3).map(str), st.just("f")),
    st.builds(ToolCallDelta, st.integers(0, 3).map(str), _texts),
    st.builds(ToolCallFinished, st.integers(0, 3).map(str)),
)


def _as_a_wire_would(events: list[Any]) -> list[ModelEvent]:
    """Leave out what no wire says: a call begun twice, or gone on with when it is not open."""
    begun: set[str] = set()
    open_calls: set[str] = set()
    said: list[ModelEvent] = []
    for event in events:
        match event:
            case ToolCallStarted():
                if event.id in begun:
                    continue
                begun.add(event.id)
                open_calls.add(event.id)
            case ToolCallDelta() if event.id not in open_calls:
                continue
            case ToolCallFinished():
                open_calls.discard(event.id)
        said.append(event)
    return said


@given(st.lists(_free, max_size=25).map(_as_a_wire_would))
def test_whatever_a_wire_says_the_run_is_sound_and_every_word_is_in_it(events: list[ModelEvent]) -> None:
    written = step(events)
    assert violations(run_of(written)) == []
    for kind, model in (("TEXT_MESSAGE_CONTENT", TextDelta), ("REASONING_MESSAGE_CONTENT", ReasoningDelta)):
        words = "".join(event["delta"] for event in written if event["type"] == kind)
        assert words == "".join(event.text for event in events if isinstance(event, model))
    for event in written:
        assert as_the_models_see(event) == event


@given(st.lists(_free, max_size=25).map(_as_a_wire_would))
def test_what_a_cut_left_open_can_be_closed_from_the_log_alone(events: list[ModelEvent]) -> None:
    cut = step(events, finish=False)
    whole = run_of([*cut, *agui.closing(cut)])
    assert violations(whole) == []
    assert agui.closing(whole) == []


def test_what_is_closed_needs_no_closing() -> None:
    assert agui.closing([]) == []
    assert agui.closing(step([TextDelta("a"), ReasoningDelta("b")])) == []


def test_the_whole_run_events_are_the_protocols() -> None:
    started, finished = run_of([])
    assert started["input"]["messages"] == [{"id": "m", "role": "user", "content": "hi"}]
    assert UUID(started["threadId"]) == CONVERSATION_ID
    failed = agui.run_error(code="llm_timeout", message="Too slow.", usage=[], metadata={"retryable": True})
    for event in (started, finished, failed):
        assert as_the_models_see(event) == event


def test_usage_leaves_out_what_nobody_reported_and_keeps_a_reported_zero() -> None:
    usage = Usage(input_tokens=10, cached_input_tokens=0, output_tokens=5, source=UsageSource.REPORTED)
    entry = agui.token_usage(usage, provider="openai", model_name="gpt")
    assert entry == {
        "provider": "openai",
        "model": "gpt",
        "inputTokens": 10,
        "cachedInputTokens": 0,
        "outputTokens": 5,
        "totalTokens": 15,
    }
    assert agui.token_usage(Usage()) == {}
    assert "totalTokens" not in agui.token_usage(Usage(input_tokens=3))


@pytest.mark.parametrize(
    ("event", "kind"),
    [
        (ProviderItem("image", {"data": "x" * 600_000}), "CUSTOM"),
        (ReasoningSealed("x" * 600_000), "REASONING_ENCRYPTED_VALUE"),
    ],
    ids=["item", "seal"],
)
def test_no_event_is_larger_than_a_frame_may_be(event: ModelEvent, kind: str) -> None:
    written = step([event])
    assert max(len(json.dumps(item)) for item in written) < 1024
    assert [item["type"] for item in written[1:-1]] == ([kind] if kind == "CUSTOM" else [])
