"""The Responses wire: what its stream means, and what is kept of a cut answer.

How answers end is in ``test_openai_responses_ends``.
"""

import pytest

from providers.types import FinishReason, Json, ProviderItemPart, ReasoningPart, TextPart, ToolCallPart
from providers.types.events import (
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
from providers.types.usage import Usage, UsageSource
from tests.providers.wires.playing import streamed_calls
from tests.providers.wires.responses_events import (
    HALF_CALL,
    START,
    WHOLE_MESSAGE,
    added,
    call,
    call_item,
    delta,
    done,
    end,
    incomplete,
    message,
    output_text,
    play,
    sends_back,
    text,
    thought,
)


def test_it_says_who_answers_and_what_it_used() -> None:
    raw = {
        "input_tokens": 10,
        "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 4},
        "output_tokens": 8,
        "output_tokens_details": {"reasoning_tokens": 3},
        "total_tokens": 18,
    }
    told = play([START, *text(0, "Hi"), end(usage=raw)])
    counted = Usage(
        input_tokens=10,
        cached_input_tokens=0,
        cache_write_input_tokens=4,
        output_tokens=8,
        reasoning_tokens=3,
        source=UsageSource.REPORTED,
    )
    assert told.events == [
        ResponseStarted("resp_1", "gpt-5.1-2025"),
        TextDelta("Hi"),
        UsageSeen(counted),
    ]
    assert (told.result.usage, told.result.raw_usage) == (counted, raw)
    assert (told.result.response_id, told.result.model) == ("resp_1", "gpt-5.1-2025")


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        pytest.param({"inputTokens": 10, "outputTokens": 8}, (10, None, 8), id="in camel case"),
        pytest.param(
            {"input_tokens": 2, "output_tokens": 8, "cache_read_input_tokens": 8},
            (10, 8, 8),
            id="Anthropic's way of counting",
        ),
        pytest.param(
            {"input_tokens": 10, "output_tokens": 8, "cached_tokens": 3}, (10, 3, 8), id="a plain name"
        ),
        pytest.param(
            {"input_tokens": 0, "output_tokens": 0}, (None, None, None), id="zeros for what was said"
        ),
    ],
)
def test_gateways_count_under_other_names(raw: Json, expected: tuple[int | None, ...]) -> None:
    usage = play([START, *text(0, "Hi"), end(usage=raw)]).result.usage
    assert (usage.input_tokens, usage.cached_input_tokens, usage.output_tokens) == expected


def test_it_knows_no_usage_that_nobody_reported() -> None:
    assert play([*text(0, "Hi"), end(usage=None)]).result.usage.is_unknown


def test_it_takes_a_call_that_the_server_made_itself_for_no_call() -> None:
    results = {"type": "search_results", "queries": ["x"], "results": [{"url": "https://example.org"}]}
    stream = [added(0, call_item('{"queries":["x"]}')), done(0, results), *text(1, "So"), end()]
    told = play(stream)
    assert told.meaning == [ProviderItem("search_results", results), TextDelta("So")]
    assert told.result.stop_reason is FinishReason.END_TURN
    assert told.result.tool_calls == ()


@pytest.mark.parametrize(
    "rest",
    [
        pytest.param([], id="nothing"),
        pytest.param([delta("function_call_arguments", 0, '{"at":1}')], id="its arguments"),
        pytest.param([done(0, call_item('{"at":1}'))], id="itself once more"),
    ],
)
def test_it_makes_a_call_of_one_that_starts_completed(rest: list[Json]) -> None:
    told = play([added(0, call_item('{"at":1}')), *rest, end()])
    assert told.result.stop_reason is FinishReason.TOOL_CALLS
    assert streamed_calls(told.events) == {"call_1": ("look", '{"at":1}')}
    assert told.result.tool_calls == (ToolCallPart(id="call_1", name="look", arguments='{"at":1}'),)


def test_it_counts_thoughts_through_all_items() -> None:
    stream = [
        *thought(0, "A", "B", sealed="gAAA"),
        *text(1, "So"),
        *thought(2, "C", sealed=None),
        *thought(3, sealed="gBBB"),
        *call(4, "{}"),
        end(),
    ]
    told = play(stream)
    assert told.meaning == [
        ReasoningDelta("A", 0),
        ReasoningDelta("B", 1),
        ReasoningSealed("gAAA", 1),
        TextDelta("So"),
        ReasoningDelta("C", 2),
        ReasoningSealed("gBBB", 3),
        ToolCallStarted("call_1", "look"),
        ToolCallDelta("call_1", "{}"),
        ToolCallFinished("call_1"),
    ]
    assert told.result.parts == (
        ReasoningPart(text="A"),
        ReasoningPart(text="B", sealed="gAAA"),
        TextPart(text="So"),
        ReasoningPart(text="C"),
        ReasoningPart(text="", sealed="gBBB"),
        ToolCallPart(id="call_1", name="look", arguments="{}"),
    )


def test_it_takes_the_encrypted_thought_from_the_completed_item_alone() -> None:
    stream = [*thought(0, sealed="whole"), *text(1, "Hi"), end()]
    stream[0]["item"] |= {"encrypted_content": "half"}
    told = play(stream)
    assert [event for event in told.events if isinstance(event, ReasoningSealed)] == [
        ReasoningSealed("whole", 0)
    ]


def test_it_says_the_end_of_a_text_whose_last_deltas_never_came() -> None:
    told = play([delta("output_text", 0, "Hel", content_index=0), done(0, WHOLE_MESSAGE), end()])
    assert told.meaning == [TextDelta("Hel"), TextDelta("lo")]


def test_it_gives_a_call_without_arguments_empty_ones() -> None:
    told = play([done(0, call_item("")), end()])
    assert told.result.tool_calls == (ToolCallPart(id="call_1", name="look", arguments="{}"),)
    assert streamed_calls(told.events) == {"call_1": ("look", "{}")}


def test_it_tells_calls_apart_that_share_an_id() -> None:
    told = play([*call(0, "{}"), *call(1, '{"at":1}', id="fc_2"), end()])
    first, second = told.result.tool_calls
    assert first.id == "call_1"
    assert second.id not in {"", "call_1"}
    assert [item["call_id"] for item in told.result.native] == [first.id, second.id]


def test_it_keeps_citations_with_the_words() -> None:
    cited = {"type": "url_citation", "url": "https://example.org"}
    late = {"type": "url_citation", "url": "https://example.com"}
    note = {"type": "response.output_text.annotation.added", "output_index": 0, "content_index": 0}
    stream = [
        delta("output_text", 0, "See", content_index=0),
        note | {"annotation": cited},
        done(0, message(output_text("See", cited, late))),
        end(),
    ]
    told = play(stream)
    assert told.meaning == [TextDelta("See"), ProviderItem("citation", cited), ProviderItem("citation", late)]
    assert told.result.parts == (TextPart(text="See", annotations=(cited, late)),)


def test_it_shows_a_part_of_a_message_that_is_no_words() -> None:
    picture = {"type": "output_image", "image_url": "data:image/png;base64,iVBORw0K"}
    whole = message(output_text("See"), picture)
    told = play([done(0, whole), end("completed", whole)])
    assert told.meaning == [TextDelta("See"), ProviderItem("output_image", picture)]
    assert told.result.parts == (TextPart(text="See"), ProviderItemPart(kind="output_image", data=picture))
    assert told.result.native == (sends_back("See"),)


def test_it_keeps_the_phase_of_a_message() -> None:
    result = play([done(0, message(output_text("Hi"), phase="final_answer")), end()]).result
    assert result.native == (sends_back("Hi") | {"phase": "final_answer"},)


def test_it_keeps_half_a_call_when_the_limit_cut_it() -> None:
    half = call_item('{"at": "th', status="incomplete")
    told = play([*HALF_CALL, done(0, half), incomplete("max_output_tokens")])
    assert told.result.tool_calls == (
        ToolCallPart(id="call_1", name="look", arguments='{"at": "th', complete=False),
    )
    assert told.result.native == ()


def test_it_survives_half_a_character() -> None:
    told = play([*text(0, "\ud83d"), *call(1, '{"a": "\udc4d"}'), end()])
    assert told.result.text == "\ud83d"
    assert told.result.tool_calls[0].arguments == '{"a": "\udc4d"}'


def test_it_keeps_the_response_as_it_was_sent() -> None:
    ended = end("completed", WHOLE_MESSAGE)
    assert play([START, *text(0, "Hello"), ended]).result.response == ended["response"]


def test_it_assembles_the_response_of_a_cut_stream() -> None:
    stream = [
        START,
        *thought(0, "Hm", sealed=None)[:-1],
        *text(1, "He", "llo")[:2],
        *call(2, "{", id="fc_9")[:2],
    ]
    assembled = play(stream, cancel=True).result.response
    assert assembled == START["response"] | {
        "output": [
            {"type": "reasoning", "id": "rs_0", "summary": [{"type": "summary_text", "text": "Hm"}]},
            message({"type": "output_text", "text": "He"}, id="msg_1", status="in_progress"),
            call_item("{", id="fc_9"),
        ]
    }


def test_it_names_a_call_that_has_no_name() -> None:
    told = play([done(0, call_item("{}", name=None)), end()])
    assert told.result.tool_calls == (ToolCallPart(id="call_1", name="unnamed_tool", arguments="{}"),)
