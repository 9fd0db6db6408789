"""The Anthropic's Messages wire: what its stream means, and what is kept of a cut answer."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from providers.errors import (
    LLMConnectionError,
    LLMContentFilterError,
    LLMEmptyResponseError,
    LLMError,
    LLMMalformedToolCallError,
    LLMProviderOverloadedError,
    LLMServerError,
)
from providers.types import FinishReason, Json, Part, ProviderItemPart, ReasoningPart, TextPart, ToolCallPart
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
from providers.wires import anthropic_messages as wire
from tests.compatibility import understood
from tests.providers.wires.anthropic_events import (
    SERVER,
    block,
    call,
    end,
    play,
    search_result,
    start,
    text,
    thinking,
)
from tests.providers.wires.playing import Cut, Ending, check_consistent

ENDINGS = [
    Ending(
        name="a plain end",
        stream=[start(), *text(0, "Hel", "lo"), *end("end_turn")],
        stop_reason=FinishReason.END_TURN,
        text="Hello",
    ),
    Ending(
        name="a pause of the provider",
        stream=[start(), *text(0, "So"), *end("pause_turn")],
        stop_reason=FinishReason.PAUSE_TURN,
        text="So",
    ),
    Ending(
        name="a pause in thought",
        stream=[start(), *thinking(0, "Hm", "sig"), *end("pause_turn")],
        stop_reason=FinishReason.PAUSE_TURN,
    ),
    Ending(
        name="a pause beside a call that waits for its result",
        stream=[start(), *call(0, "c1", "{}"), *end("pause_turn")],
        stop_reason=FinishReason.TOOL_CALLS,
    ),
    Ending(
        name="a pause after a compaction",
        stream=[start(), *block(0, {"type": "compaction", "content": "All of it."}), *end("compaction")],
        stop_reason=FinishReason.PAUSE_TURN,
    ),
    Ending(
        name="a tool's use, where only a server tool has no result yet",
        stream=[start(), *text(0, "So"), *SERVER, *end("tool_use")],
        stop_reason=FinishReason.PAUSE_TURN,
    ),
    Ending(
        name="a tool's use, where the server tool has its result",
        stream=[start(), *SERVER, *search_result(1, "srv_1"), *text(2, "So"), *end("tool_use")],
        stop_reason=FinishReason.END_TURN,
    ),
    Ending(
        name="a pause without a word",
        stream=[start(), *end("pause_turn")],
        error=LLMEmptyResponseError,
    ),
    Ending(
        name="a stop sequence before any word",
        stream=[start(), *end("stop_sequence")],
        stop_reason=FinishReason.END_TURN,
    ),
    Ending(
        name="a reason that nobody knows yet",
        stream=[start(), *text(0, "So"), *end("bored")],
        stop_reason=FinishReason.END_TURN,
        text="So",
    ),
    Ending(
        name="a last message_stop that never came",
        stream=[start(), *text(0, "So"), end("end_turn")[0]],
        stop_reason=FinishReason.END_TURN,
        text="So",
    ),
    Ending(
        name="a server that gives no reason",
        stream=[start(), *text(0, "So"), {"type": "message_stop"}],
        stop_reason=FinishReason.END_TURN,
        text="So",
    ),
    Ending(
        name="a reason that only the last event gives",
        stream=[start(), *text(0, "Lo"), {"type": "message_stop", "stop_reason": "max_tokens"}],
        stop_reason=FinishReason.MAX_TOKENS_EXCEEDED,
        text="Lo",
    ),
    Ending(
        name="an error after the end",
        stream=[start(), *text(0, "So"), *end("end_turn"), {"type": "error", "error": {"type": "api_error"}}],
        stop_reason=FinishReason.END_TURN,
        text="So",
    ),
    Ending(
        name="function calls",
        stream=[start(), *call(0, "c1", '{"a":', " 1}"), *end("tool_use")],
        stop_reason=FinishReason.TOOL_CALLS,
    ),
    Ending(
        name="an output limit",
        stream=[start(), *text(0, "Lo"), *end("max_tokens")],
        stop_reason=FinishReason.MAX_TOKENS_EXCEEDED,
        text="Lo",
    ),
    Ending(
        name="an output limit inside a call, with its block closed",
        stream=[start(), *call(0, "c1", '{"a": "b'), *end("max_tokens")],
        stop_reason=FinishReason.MAX_TOKENS_EXCEEDED,
    ),
    Ending(
        name="the word of another provider for an output limit",
        stream=[start(), *text(0, "Lo"), *end("MAX_TOKENS")],
        stop_reason=FinishReason.MAX_TOKENS_EXCEEDED,
        text="Lo",
    ),
    Ending(
        name="the word of another provider for an end",
        stream=[start(), *text(0, "Lo"), *end("STOP")],
        stop_reason=FinishReason.END_TURN,
    ),
    Ending(
        name="an error as the reason",
        stream=[start(), *text(0, "Lo"), *end("error")],
        error=LLMServerError,
        text="Lo",
    ),
    Ending(
        name="a filter of a gateway's after words",
        stream=[start(), *text(0, "Lo"), *end("content_filter")],
        stop_reason=FinishReason.CONTENT_FILTER,
    ),
    Ending(
        name="a filter of a gateway's before any word",
        stream=[start(), *end("content_filter")],
        error=LLMContentFilterError,
    ),
    Ending(
        name="a call that is announced and absent",
        stream=[start(), *text(0, "I look."), *end("tool_use")],
        error=LLMMalformedToolCallError,
        text="I look.",
    ),
    Ending(
        name="a refusal after words",
        stream=[start(), *text(0, "I"), *end("refusal")],
        error=LLMContentFilterError,
        text="I",
    ),
    Ending(
        name="a full context window",
        stream=[start(), *text(0, "I"), *end("model_context_window_exceeded")],
        stop_reason=FinishReason.MAX_TOKENS_EXCEEDED,
        text="I",
    ),
    Ending(
        name="an error inside the stream",
        stream=[
            start(),
            *text(0, "I"),
            {"type": "error", "error": {"type": "overloaded_error", "message": "!"}},
        ],
        error=LLMProviderOverloadedError,
        text="I",
    ),
    Ending(name="nothing at all", stream=[], error=LLMEmptyResponseError),
    Ending(name="an end without an answer", stream=[start(), *end("end_turn")], error=LLMEmptyResponseError),
    Ending(
        name="an end with an empty text",
        stream=[start(), *text(0), *end("end_turn")],
        error=LLMEmptyResponseError,
    ),
    Ending(
        name="thoughts alone",
        stream=[start(), *thinking(0, "Hm", "sig"), *end("end_turn")],
        error=LLMEmptyResponseError,
    ),
    Ending(
        name="thoughts beside blanks",
        stream=[start(), *thinking(0, "Hm", "sig"), *text(1, "\n", " "), *end("end_turn")],
        error=LLMEmptyResponseError,
    ),
    Ending(
        name="a stream that breaks off",
        stream=[start(), *text(0, "I")],
        error=LLMConnectionError,
        text="I",
    ),
]


@pytest.mark.parametrize("ending", ENDINGS, ids=lambda ending: ending.name)
def test_it_names_how_an_answer_ended(ending: Ending) -> None:
    ending.check(wire.KIND)


def test_it_tells_everything_in_the_order_in_which_it_came() -> None:
    redacted = block(1, {"type": "redacted_thinking", "data": "sealed"})
    citation = {"type": "char_location", "cited_text": "so"}
    cited = block(
        2,
        {"type": "text", "text": "", "citations": []},
        {"type": "text_delta", "text": "Hi"},
        {"type": "citations_delta", "citation": citation},
    )
    stream = [
        start(),
        {"type": "ping"},
        {"type": "content_block_astonishment"},
        *thinking(0, "Hm", "sig"),
        *redacted,
        *cited,
        *call(3, "c1", '{"a"', ": 1}"),
        *call(4, "c2"),
        *end("tool_use", output_tokens=9, output_tokens_details={"thinking_tokens": 2}),
    ]
    told = play(stream)
    partial = Usage(input_tokens=7)
    whole = Usage(input_tokens=7, output_tokens=9, reasoning_tokens=2, source=UsageSource.REPORTED)
    assert told.events == [
        ResponseStarted("msg_1", "claude-x"),
        UsageSeen(partial),
        ReasoningDelta("Hm", 0),
        ReasoningSealed("sig", 0),
        ReasoningSealed("sealed", 1),
        TextDelta("Hi"),
        ProviderItem("citation", citation),
        ToolCallStarted("c1", "look"),
        ToolCallDelta("c1", '{"a"'),
        ToolCallDelta("c1", ": 1}"),
        ToolCallFinished("c1"),
        ToolCallStarted("c2", "look"),
        ToolCallDelta("c2", "{}"),
        ToolCallFinished("c2"),
        UsageSeen(whole),
    ]
    assert told.result.parts == (
        ReasoningPart(text="Hm", sealed="sig"),
        ReasoningPart(text="", sealed="sealed"),
        TextPart(text="Hi", annotations=(citation,)),
        ToolCallPart(id="c1", name="look", arguments='{"a": 1}'),
        ToolCallPart(id="c2", name="look", arguments="{}"),
    )
    assert told.result.native == (
        {"type": "thinking", "thinking": "Hm", "signature": "sig"},
        {"type": "redacted_thinking", "data": "sealed"},
        {"type": "text", "text": "Hi", "citations": [citation]},
        {"type": "tool_use", "id": "c1", "name": "look", "input": {"a": 1}},
        {"type": "tool_use", "id": "c2", "name": "look", "input": {}},
    )
    assert told.result.response["content"] == list(told.result.native)
    assert told.result.response["stop_reason"] == "tool_use"


def test_it_takes_an_input_that_came_whole_with_the_start() -> None:
    content = {"type": "tool_use", "id": "c1", "name": "look", "input": {"a": "ü"}}
    told = play([start(), *block(0, content), *end("tool_use")])
    assert told.result.tool_calls == (ToolCallPart(id="c1", name="look", arguments='{"a": "ü"}'),)
    assert ToolCallDelta("c1", '{"a": "ü"}') in told.events
    assert told.result.native == (content,)


@pytest.mark.parametrize(
    ("pieces", "value"),
    [
        pytest.param(['{"a": b}'], {}, id="no JSON"),
        pytest.param(["[1]"], {}, id="no object"),
        pytest.param(['{"a": NaN}'], {}, id="a number that JSON does not have"),
        pytest.param(['{"a":' + "[" * 100_000], {}, id="nested without end"),
        understood(
            ["nu", "ll"],
            {},
            server="Any server",
            oddity="A call's input that streams as `null` on the Messages wire is `{}`.",
            id="null",
        ),
    ],
)
def test_it_takes_whatever_a_call_says_for_its_arguments(pieces: list[str], value: Json) -> None:
    told = play([start(), *call(0, "c1", *pieces), *end("tool_use")])
    assert told.result.stop_reason is FinishReason.TOOL_CALLS
    assert told.result.tool_calls == (ToolCallPart(id="c1", name="look", arguments="".join(pieces)),)
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


def test_it_keeps_server_tools_as_items_of_the_provider() -> None:
    told = play([start(), *SERVER, *search_result(1, "srv_1"), *text(2, "So"), *end("end_turn")])
    used = {"type": "server_tool_use", "id": "srv_1", "name": "look", "input": {"query": "x"}}
    found = {"type": "web_search_tool_result", "tool_use_id": "srv_1", "content": []}
    assert told.result.parts[:2] == (
        ProviderItemPart(kind="server_tool_use", data=used),
        ProviderItemPart(kind="web_search_tool_result", data=found),
    )
    assert told.result.native == (used, found, {"type": "text", "text": "So"})
    assert not told.result.tool_calls


def test_it_puts_the_pieces_of_a_compaction_together() -> None:
    start_of_it = {"type": "compaction", "content": None, "encrypted_content": None}
    pieces: list[Json] = [
        {"type": "compaction_delta", "content": "Earlier, ", "encrypted_content": "one"},
        {"type": "compaction_delta", "content": "all of it.", "encrypted_content": None},
    ]
    told = play([start(), *block(0, start_of_it, *pieces), *text(1, "So"), *end("end_turn")])
    whole = {"type": "compaction", "content": "Earlier, all of it.", "encrypted_content": "one"}
    assert told.result.native[0] == whole
    assert ProviderItem("compaction", whole) in told.events


def test_it_replaces_the_counts_of_the_start_by_those_of_the_end() -> None:
    first = {
        "input_tokens": 10,
        "cache_read_input_tokens": 5,
        "cache_creation_input_tokens": 2,
        "output_tokens": 3,
    }
    last = {
        "input_tokens": 40,
        "cache_read_input_tokens": 6,
        "cache_creation_input_tokens": 0,
        "output_tokens": 0,
    }
    told = play([start(**first), *text(0, "So"), *end("end_turn", **last)])
    assert told.result.usage == Usage(
        input_tokens=46,
        cached_input_tokens=6,
        cache_write_input_tokens=0,
        output_tokens=0,
        source=UsageSource.REPORTED,
    )
    assert told.result.raw_usage == {"message_start": first, "message_delta": last}


@dataclass(frozen=True, kw_only=True)
class Counted:
    """Usage objects of a start and of one or more ends, and what they amount to."""

    start: Json
    ends: Sequence[Json]
    input: int | None
    output: int | None = 9
    cached: int | None = None
    written: int | None = None


COUNTS = [
    understood(
        Counted(start={"input_tokens": 31}, ends=[{"input_tokens": 0, "output_tokens": 9}], input=31),
        server="Any server",
        oddity="Zeros in the last usage object of the Messages wire do not take back what was reported before.",
        id="a zero at the end",
    ),
    pytest.param(
        Counted(
            start={"input_tokens": 31, "cache_read_input_tokens": 4},
            ends=[
                {"output_tokens": 9},
                {"input_tokens": None, "output_tokens": 0, "cache_read_input_tokens": 0},
            ],
            input=35,
            cached=4,
        ),
        id="nulls and zeros in a later end",
    ),
    pytest.param(
        Counted(
            start={"input_tokens": 500},
            ends=[{"cache_read_input_tokens": 502, "output_tokens": 9}],
            input=502,
            cached=502,
        ),
        id="the same input once more as cached",
    ),
    pytest.param(
        Counted(
            start={"input_tokens": 500},
            ends=[{"input_tokens": 0, "cache_read_input_tokens": 450, "output_tokens": 9}],
            input=500,
            cached=450,
        ),
        id="a part of the input as cached",
    ),
    pytest.param(
        Counted(
            start={"input_tokens": 500, "cache_read_input_tokens": 20, "cache_creation_input_tokens": 3},
            ends=[{"cache_read_input_tokens": 20, "cache_creation_input_tokens": 3, "output_tokens": 9}],
            input=523,
            cached=20,
            written=3,
        ),
        id="cached counts at both places",
    ),
    pytest.param(
        Counted(
            start={"input_tokens": 0},
            ends=[{"prompt_tokens": 12, "input_tokens": 12.0, "output_tokens": "9"}],
            input=12,
        ),
        id="whole floats and text",
    ),
    pytest.param(
        Counted(start={}, ends=[{"prompt_tokens": 12, "completion_tokens": 9}], input=12), id="OpenAI's names"
    ),
    pytest.param(
        Counted(
            start={
                "input_tokens": 12,
                "cache_creation": {"ephemeral_5m_input_tokens": 4, "ephemeral_1h_input_tokens": 30},
            },
            ends=[{"output_tokens": 9}],
            input=46,
            written=34,
        ),
        id="what was written to the cache, by its time only",
    ),
    pytest.param(
        Counted(
            start={"input_tokens": 12},
            ends=[
                {
                    "output_tokens": 9,
                    "iterations": [
                        {
                            "type": "compaction",
                            "input_tokens": 700,
                            "cache_read_input_tokens": 90,
                            "output_tokens": 50,
                        },
                        {"type": "message", "input_tokens": 12, "output_tokens": 9},
                    ],
                }
            ],
            input=12,
        ),
        id="what a compaction within the call used stays out of the totals, as the provider counts",
    ),
]


@pytest.mark.parametrize("case", COUNTS)
def test_it_counts_what_was_reported_once(case: Counted) -> None:
    opening = start()
    opening["message"]["usage"] = case.start
    ends = [event for usage in case.ends for event in end("end_turn", **usage)[:1]]
    usage = play([opening, *text(0, "So"), *ends]).result.usage
    assert (usage.input_tokens, usage.output_tokens) == (case.input, case.output)
    assert (usage.cached_input_tokens, usage.cache_write_input_tokens) == (case.cached, case.written)
    assert usage.source is UsageSource.REPORTED


def test_it_finds_counts_at_the_very_end() -> None:
    stream = [start(), *text(0, "So"), *end("end_turn")]
    stream[-1] = stream[-1] | {"usage": {"input_tokens": 8, "output_tokens": 6}}
    assert play(stream).result.usage == Usage(input_tokens=8, output_tokens=6, source=UsageSource.REPORTED)


def test_it_finds_counts_in_an_event_of_their_own() -> None:
    counts = {"type": "usage", "usage": {"input_tokens": 8, "output_tokens": 6}}
    stream = [start(), *text(0, "So"), counts, *end("end_turn", output_tokens=0)]
    assert play(stream).result.usage == Usage(input_tokens=8, output_tokens=6, source=UsageSource.REPORTED)


def test_it_counts_what_an_error_reports() -> None:
    error = {"type": "error", "error": {"type": "api_error", "message": "!"}, "usage": {"output_tokens": 6}}
    told = play([start(), *text(0, "So"), error])
    assert told.result.usage == Usage(input_tokens=7, output_tokens=6)


def test_it_knows_the_input_but_not_the_output_of_a_cut_answer() -> None:
    told = play(
        [start(input_tokens=10, cache_read_input_tokens=5, output_tokens=3), *text(0, "So")], cancel=True
    )
    assert told.result.usage == Usage(input_tokens=15, cached_input_tokens=5)


def test_it_names_the_model_that_took_over() -> None:
    fallback = {"type": "fallback", "from": {"model": "claude-x"}, "to": {"model": "claude-y"}}
    told = play([start(), *block(0, fallback), *text(1, "So"), *end("end_turn")])
    assert told.result.model == "claude-y"


CUTS = [
    Cut(name="inside a text", stream=text(0, "Hel", stop=False), native=({"type": "text", "text": "Hel"},)),
    Cut(name="in blank text", stream=text(0, "\n\n", stop=False), native=[]),
    Cut(name="before the signature", stream=thinking(0, "Hm", None, stop=False), native=[]),
    Cut(
        name="after the signature",
        stream=thinking(0, "Hm", "sig", stop=False),
        native=({"type": "thinking", "thinking": "Hm", "signature": "sig"},),
    ),
    Cut(
        name="in words after a thought",
        stream=[*thinking(0, "Hm", "sig"), *text(1, "So", stop=False)],
        native=({"type": "thinking", "thinking": "Hm", "signature": "sig"}, {"type": "text", "text": "So"}),
    ),
    Cut(name="inside an input", stream=call(0, "c1", '{"a": 1}', stop=False), native=[]),
    Cut(name="before a server tool's result", stream=[*SERVER], native=[]),
    Cut(
        name="inside a server tool that another one called",
        stream=[
            *call(0, "srv_1", '{"code": ""}', kind="server_tool_use"),
            *block(
                1,
                {
                    "type": "server_tool_use",
                    "id": "srv_2",
                    "name": "fetch",
                    "input": {},
                    "caller": {"type": "code_execution_20260120", "tool_id": "srv_1"},
                },
            ),
            *search_result(2, "srv_2"),
        ],
        native=[],
    ),
]


@pytest.mark.parametrize("cut", CUTS, ids=lambda cut: cut.name)
def test_it_sends_back_only_what_the_provider_takes(cut: Cut) -> None:
    cut.check(wire.KIND)


def test_it_keeps_a_server_tool_that_waits_for_our_result() -> None:
    caller = {"type": "code_execution_20260120", "tool_id": "srv_1"}
    ours = {"type": "tool_use", "id": "c1", "name": "look", "input": {}, "caller": caller}
    told = play([start(), *SERVER, *block(1, ours), *end("tool_use")])
    assert [item["type"] for item in told.result.native] == ["server_tool_use", "tool_use"]


def test_it_takes_what_the_start_holds_already() -> None:
    found = {"type": "code_execution_tool_result", "tool_use_id": "srv_0", "content": {"stdout": "1"}}
    caller = {"type": "code_execution_20260120", "tool_id": "srv_0"}
    ours = {"type": "tool_use", "id": "c1", "name": "look", "input": {"a": 1}, "caller": caller}
    opening = start(input_tokens=0, output_tokens=0)
    opening["message"] |= {"content": [found, ours], "stop_reason": "tool_use"}
    told = play([opening, {"type": "message_stop"}])
    assert told.raised is None
    assert told.result.stop_reason is FinishReason.TOOL_CALLS
    assert told.result.raw_stop_reason == "tool_use"
    assert told.result.parts == (
        ProviderItemPart(kind="code_execution_tool_result", data=found),
        ToolCallPart(id="c1", name="look", arguments='{"a": 1}'),
    )
    assert told.result.native == (found, ours)
    assert told.result.usage == Usage(input_tokens=0, output_tokens=0, source=UsageSource.REPORTED)


def test_it_goes_on_after_what_the_start_holds() -> None:
    opening = start()
    opening["message"]["content"] = [{"type": "text", "text": "So"}]
    told = play([opening, *text(0, " it", " is"), *end("end_turn")])
    assert told.result.text == "So it is"
    assert told.result.usage.output_tokens == 5


def delta(index: Any, type: str, **fields: Any) -> Json:
    return {"type": "content_block_delta", "index": index, "delta": {"type": type, **fields}}


def whole_in_stop(index: int, *, type: str, **fields: Any) -> list[Json]:
    """A block that begins with its type, id and name only, and whose stop holds all of it."""
    begun = {"type": type} | {name: value for name, value in fields.items() if name in {"id", "name"}}
    begin, stop = block(index, begun)
    return [begin, stop | {"content_block": {"type": type, **fields}}]


@dataclass(frozen=True, kw_only=True)
class Misplaced:
    """Deltas that have no block of their own."""

    stream: list[Json]
    parts: Sequence[Part]


MISPLACED = [
    understood(
        Misplaced(
            stream=[delta(0, "text_delta", text="Good "), delta(0, "text_delta", text="day.")],
            parts=[TextPart(text="Good day.")],
        ),
        server="Any server",
        oddity="Words on the Messages wire that no `content_block_start` announced are shown.",
        id="words without a start",
    ),
    pytest.param(
        Misplaced(
            stream=[
                delta(0, "thinking_delta", thinking="Well"),
                delta(0, "signature_delta", signature="sig"),
                delta(0, "text_delta", text="Yes"),
            ],
            parts=[ReasoningPart(text="Well", sealed="sig"), TextPart(text="Yes")],
        ),
        id="a thought and words with one index and no start",
    ),
    pytest.param(
        Misplaced(
            stream=[*text(0, "One, ", stop=False), delta(1, "text_delta", text="two.")],
            parts=[TextPart(text="One, two.")],
        ),
        id="another index than that of the open block",
    ),
    pytest.param(
        Misplaced(
            stream=[*text(0, "One, "), delta(0, "text_delta", text="two.")],
            parts=[TextPart(text="One, "), TextPart(text="two.")],
        ),
        id="words after the stop",
    ),
    pytest.param(
        Misplaced(
            stream=[*text(0, "One, "), *end("end_turn")[:1], delta(0, "text_delta", text="two.")],
            parts=[TextPart(text="One, "), TextPart(text="two.")],
        ),
        id="words after the end",
    ),
    pytest.param(
        Misplaced(
            stream=[
                *text(0, "I look. ", stop=False),
                *call(1, "c1", "{}"),
                delta(7, "text_delta", text="Now."),
            ],
            parts=[
                TextPart(text="I look. "),
                ToolCallPart(id="c1", name="look", arguments="{}"),
                TextPart(text="Now."),
            ],
        ),
        id="words behind a call stay behind it",
    ),
    pytest.param(
        Misplaced(
            stream=[*thinking(0, "Well", None), delta(0, "signature_delta", signature="sig"), *text(1, "So")],
            parts=[ReasoningPart(text="Well", sealed="sig"), TextPart(text="So")],
        ),
        id="a signature after the stop of its thought",
    ),
    pytest.param(
        Misplaced(
            stream=[*block(0, {"type": "text", "text": None}, {"text": "No type"})],
            parts=[TextPart(text="No type")],
        ),
        id="a delta without a type",
    ),
    pytest.param(
        Misplaced(
            stream=[
                *block(0, {"type": "thinking", "thinking": ""}, {"type": "hunch_delta", "thinking": "Well"}),
                *block(1, {"type": "thinking"}, {"type": "reasoning_delta", "reasoning": "then"}),
                delta(2, "prose_delta", text="Yes"),
            ],
            parts=[ReasoningPart(text="Well"), ReasoningPart(text="then"), TextPart(text="Yes")],
        ),
        id="deltas of types that nobody knows",
    ),
    pytest.param(
        Misplaced(
            stream=[
                *call(0, "c1", '{"a":', stop=False),
                delta(0, "text_delta", text="One, "),
                delta(0, "input_json_delta", partial_json=" 1}"),
                delta(0, "text_delta", text="two."),
            ],
            parts=[
                ToolCallPart(id="c1", name="look", arguments='{"a": 1}'),
                TextPart(text="One, two."),
            ],
        ),
        id="words with the index of a call that goes on",
    ),
    pytest.param(
        Misplaced(
            stream=block(0, {"id": "c1", "name": "look", "input": {}}, {"partial_json": '{"a": 1}'}),
            parts=[ToolCallPart(id="c1", name="look", arguments='{"a": 1}')],
        ),
        id="a call without types",
    ),
    pytest.param(
        Misplaced(
            stream=[
                *whole_in_stop(0, type="thinking", thinking="Well", signature="sig"),
                *whole_in_stop(1, type="text", text="Yes"),
                *whole_in_stop(2, type="tool_use", id="c1", name="look", input={"a": 1}),
                *whole_in_stop(3, type="note", text="Aside"),
            ],
            parts=[
                ReasoningPart(text="Well", sealed="sig"),
                TextPart(text="Yes"),
                ToolCallPart(id="c1", name="look", arguments='{"a": 1}'),
                ProviderItemPart(kind="note", data={"type": "note"}),
            ],
        ),
        id="whole blocks in their stops",
    ),
    pytest.param(
        Misplaced(
            stream=[
                {"type": "content_block_start", "index": None, "content_block": None},
                {"type": "content_block_delta", "index": [1], "delta": "Bare"},
                {"type": "content_block_stop", "index": {}},
            ],
            parts=[TextPart(text="Bare")],
        ),
        id="every type wrong",
    ),
]


@pytest.mark.parametrize("case", MISPLACED)
def test_it_shows_every_word_in_its_place(case: Misplaced) -> None:
    told = play([start(), *case.stream, *end("end_turn")])
    assert told.raised is None
    assert told.result.parts == tuple(case.parts)
    check_consistent(told)


@pytest.mark.parametrize("name", ["type", "index", "delta", "content_block", "message", "usage"])
@pytest.mark.parametrize("value", [None, [], {}, "x", 3, [None], {"type": None}], ids=repr)
def test_no_odd_value_costs_an_answer(name: str, value: Any) -> None:
    stream = [start(), *thinking(0, "Hm", "sig"), *text(1, "Yes"), *call(2, "c1", "{}"), *end("tool_use")]
    odd = [event | {name: value} if name in event else event for event in stream]
    for position in range(len(stream)):
        told = play([*stream[:position], odd[position], *stream[position + 1 :]])
        assert told.raised is None or isinstance(told.raised, LLMError)
        check_consistent(told)
    assert isinstance(play(odd).raised, LLMError | None)


WHOLE = {
    "type": "message",
    "id": "msg_1",
    "role": "assistant",
    "model": "claude-x",
    "content": [{"type": "text", "text": "All "}, {"type": "text", "text": "of it."}],
    "stop_reason": "end_turn",
    "usage": {"input_tokens": 7, "output_tokens": 4},
}


@pytest.mark.parametrize(
    "answer",
    [
        understood(
            WHOLE,
            server="Any server",
            oddity="A whole answer in JSON on the Messages wire, in place of a stream, is read.",
            id="as documented",
        ),
        pytest.param({name: value for name, value in WHOLE.items() if name != "type"}, id="without a type"),
        pytest.param(WHOLE | {"content": "All of it."}, id="its content as text"),
        pytest.param(WHOLE | {"stop_reason": None}, id="without a reason"),
    ],
)
def test_it_reads_an_answer_that_was_not_streamed(answer: Json) -> None:
    told = play([answer])
    assert told.raised is None
    assert told.result.stop_reason is FinishReason.END_TURN
    assert told.result.text == "All of it."
    assert (told.result.response_id, told.result.model) == ("msg_1", "claude-x")
    assert told.result.usage.input_tokens == 7


def test_it_keeps_a_server_tool_that_the_provider_executes_with_the_next_request() -> None:
    for reason, more in (("tool_use", call(1, "c1", "{}")), ("pause_turn", [])):
        told = play([start(), *SERVER, *more, *end(reason)])
        assert told.result.native[0]["type"] == "server_tool_use"


def test_it_survives_half_a_character() -> None:
    told = play([start(), *text(0, "\ud83d"), *call(1, "c1", '{"a": "\\ud83d"}'), *end("tool_use")])
    assert told.result.text == "\ud83d"
    assert told.result.native[1]["input"] == {"a": "\ud83d"}


@pytest.mark.parametrize("name", ["type", "id", "name", "input", "text"])
@pytest.mark.parametrize("value", [None, [], {}, "x", 3, [None]], ids=repr)
def test_no_odd_value_of_a_block_costs_an_answer(name: str, value: Any) -> None:
    for whole in (
        {"type": "tool_use", "id": "c1", "name": "look", "input": {}},
        {"type": "server_tool_use", "id": "srv_1", "name": "look", "input": {}},
        {"type": "web_search_tool_result", "tool_use_id": "srv_1", "content": []},
        {"type": "text", "text": "Hm"},
    ):
        told = play([start(), *block(0, whole | {name: value}), *text(1, "Yes"), *end("end_turn")])
        assert told.raised is None
        assert told.result.text.endswith("Yes")
        check_consistent(told)
