"""Anthropic's Messages wire: what its stream means."""

import pytest

from providers.errors import (
    LLMConnectionError,
    LLMContentFilterError,
    LLMEmptyResponseError,
    LLMMalformedToolCallError,
    LLMProviderOverloadedError,
    LLMServerError,
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
from tests.providers.wires.playing import Ending

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


def test_it_names_the_model_that_took_over() -> None:
    fallback = {"type": "fallback", "from": {"model": "claude-x"}, "to": {"model": "claude-y"}}
    told = play([start(), *block(0, fallback), *text(1, "So"), *end("end_turn")])
    assert told.result.model == "claude-y"
