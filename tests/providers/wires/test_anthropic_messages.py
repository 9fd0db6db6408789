"""The Anthropic's Messages wire: what its stream means, and what is kept of a cut answer."""

import pytest

from providers.errors import (
    LLMConnectionError,
    LLMContentFilterError,
    LLMContextWindowExceededError,
    LLMEmptyResponseError,
    LLMMalformedToolCallError,
    LLMProviderOverloadedError,
)
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
from providers.wires import anthropic_messages as wire
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
from tests.providers.wires.playing import Cut, Ending

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
        stop_reason=FinishReason.END_TURN,
        text="So",
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
        name="an input that is no JSON",
        stream=[start(), *call(0, "c1", '{"a": b}'), *end("tool_use")],
        error=LLMMalformedToolCallError,
    ),
    Ending(
        name="an input that is no object",
        stream=[start(), *call(0, "c1", "[1]"), *end("tool_use")],
        error=LLMMalformedToolCallError,
    ),
    Ending(
        name="an input with a number that JSON does not have",
        stream=[start(), *call(0, "c1", '{"a": NaN}'), *end("tool_use")],
        error=LLMMalformedToolCallError,
    ),
    Ending(
        name="an input nested without end",
        stream=[start(), *call(0, "c1", '{"a":' + "[" * 100_000), *end("tool_use")],
        error=LLMMalformedToolCallError,
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
        error=LLMContextWindowExceededError,
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


def test_it_survives_half_a_character() -> None:
    told = play([start(), *text(0, "\ud83d"), *call(1, "c1", '{"a": "\\ud83d"}'), *end("tool_use")])
    assert told.result.text == "\ud83d"
    assert told.result.native[1]["input"] == {"a": "\ud83d"}
