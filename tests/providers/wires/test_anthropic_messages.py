"""The Anthropic wire: what its events mean, what is kept of a cut answer, what goes back."""

import asyncio
import json
from dataclasses import dataclass
from functools import partial
from typing import Any

import pytest

from providers.errors import (
    LLMConnectionError,
    LLMContentFilterError,
    LLMContextWindowExceededError,
    LLMEmptyResponseError,
    LLMError,
    LLMMalformedToolCallError,
    LLMProviderOverloadedError,
)
from providers.errors.cancellation import RunCancelled
from providers.types import (
    ChatMessage,
    FinishReason,
    Json,
    ModelOptions,
    ModelRequest,
    Origin,
    ProviderItemPart,
    ReasoningPart,
    Role,
    StepResult,
    TextPart,
    ToolCallPart,
    ToolResultPart,
    ToolSpec,
)
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
from tests.contract.reading import Recording, events, recordings
from tests.providers.wires.playing import Told, interrupted
from tests.providers.wires.playing import play as play_on

HERE = Origin(wire=wire.KIND, provider="anthropic", model="claude-sonnet-4-6")
ELSEWHERE = Origin(wire="openai-responses", provider="openai", model="gpt-5")

RECORDINGS = [recording for recording in recordings() if recording.wire == wire.KIND]
ABSENT = pytest.param(None, marks=pytest.mark.skip(reason="there are no recordings beside the project"))


play = partial(play_on, wire.KIND)


def start(**usage: int) -> Json:
    message = {"id": "msg_1", "type": "message", "role": "assistant", "model": "claude-x", "content": []}
    return {
        "type": "message_start",
        "message": message | {"usage": usage or {"input_tokens": 7, "output_tokens": 1}},
    }


def block(index: int, content: Json, *deltas: Json, stop: bool = True) -> list[Json]:
    stream: list[Json] = [{"type": "content_block_start", "index": index, "content_block": content}]
    stream += [{"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas]
    return stream + ([{"type": "content_block_stop", "index": index}] if stop else [])


def text(index: int, *pieces: str, stop: bool = True) -> list[Json]:
    deltas = [{"type": "text_delta", "text": piece} for piece in pieces]
    return block(index, {"type": "text", "text": ""}, *deltas, stop=stop)


def thinking(index: int, thought: str, signature: str | None, *, stop: bool = True) -> list[Json]:
    deltas = [{"type": "thinking_delta", "thinking": thought}]
    deltas += [{"type": "signature_delta", "signature": signature}] if signature else []
    return block(index, {"type": "thinking", "thinking": "", "signature": ""}, *deltas, stop=stop)


def call(index: int, call_id: str, *pieces: str, stop: bool = True, kind: str = "tool_use") -> list[Json]:
    deltas = [{"type": "input_json_delta", "partial_json": piece} for piece in pieces]
    return block(index, {"type": kind, "id": call_id, "name": "look", "input": {}}, *deltas, stop=stop)


def search_result(index: int, call_id: str) -> list[Json]:
    return block(index, {"type": "web_search_tool_result", "tool_use_id": call_id, "content": []})


def end(reason: str, **usage: Any) -> list[Json]:
    delta = {"stop_reason": reason, "stop_sequence": None}
    usage = usage or {"output_tokens": 5}
    return [{"type": "message_delta", "delta": delta, "usage": usage}, {"type": "message_stop"}]


@dataclass(frozen=True, kw_only=True)
class Ending:
    """A stream, and how it must end."""

    name: str
    stream: list[Any]
    stop_reason: FinishReason | None = None
    error: type[LLMError] | None = None
    words: str = ""


SERVER = call(0, "srv_1", '{"query": "x"}', kind="server_tool_use")

ENDINGS = [
    Ending(
        name="a plain end",
        stream=[start(), *text(0, "Hel", "lo"), *end("end_turn")],
        stop_reason=FinishReason.END_TURN,
        words="Hello",
    ),
    Ending(
        name="a pause of the provider",
        stream=[start(), *text(0, "So"), *end("pause_turn")],
        stop_reason=FinishReason.END_TURN,
        words="So",
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
        words="So",
    ),
    Ending(
        name="a last message_stop that never came",
        stream=[start(), *text(0, "So"), end("end_turn")[0]],
        stop_reason=FinishReason.END_TURN,
        words="So",
    ),
    Ending(
        name="a server that gives no reason",
        stream=[start(), *text(0, "So"), {"type": "message_stop"}],
        stop_reason=FinishReason.END_TURN,
        words="So",
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
        words="Lo",
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
        words="I",
    ),
    Ending(
        name="a full context window",
        stream=[start(), *text(0, "I"), *end("model_context_window_exceeded")],
        error=LLMContextWindowExceededError,
        words="I",
    ),
    Ending(
        name="an error inside the stream",
        stream=[
            start(),
            *text(0, "I"),
            {"type": "error", "error": {"type": "overloaded_error", "message": "!"}},
        ],
        error=LLMProviderOverloadedError,
        words="I",
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
        words="I",
    ),
]


@pytest.mark.parametrize("ending", ENDINGS, ids=lambda ending: ending.name)
def test_it_names_how_an_answer_ended(ending: Ending) -> None:
    told = play(ending.stream)
    assert told.result.stop_reason is ending.stop_reason
    assert type(told.raised) is (ending.error or type(None))
    assert told.result.text == ending.words
    assert not told.result.stream_was_cancelled


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


@dataclass(frozen=True, kw_only=True)
class Cut:
    """A stream that is cancelled, and what of it may go back."""

    name: str
    stream: list[Any]
    native: tuple[Json, ...]


CUTS = [
    Cut(name="inside a text", stream=text(0, "Hel", stop=False), native=({"type": "text", "text": "Hel"},)),
    Cut(name="in blank text", stream=text(0, "\n\n", stop=False), native=()),
    Cut(name="before the signature", stream=thinking(0, "Hm", None, stop=False), native=()),
    Cut(
        name="after the signature",
        stream=thinking(0, "Hm", "sig", stop=False),
        native=({"type": "thinking", "thinking": "Hm", "signature": "sig"},),
    ),
    Cut(name="inside an input", stream=call(0, "c1", '{"a": 1}', stop=False), native=()),
    Cut(name="before a server tool's result", stream=[*SERVER], native=()),
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
        native=(),
    ),
]


@pytest.mark.parametrize("cut", CUTS, ids=lambda cut: cut.name)
def test_it_sends_back_only_what_the_provider_takes(cut: Cut) -> None:
    told = play([start(), *cut.stream], cancel=True)
    assert isinstance(told.raised, RunCancelled)
    assert told.result.stream_was_cancelled
    assert told.result.stop_reason is None
    assert told.result.native == cut.native


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


def test_it_cuts_nothing_after_the_end() -> None:
    told = play([start(), *text(0, "So"), end("end_turn")[0]], cancel=True)
    assert not told.result.stream_was_cancelled
    assert told.result.stop_reason is FinishReason.END_TURN


def test_it_keeps_what_was_said_when_it_is_interrupted_otherwise() -> None:
    kept = interrupted(wire.KIND, [start(), *text(0, "So", stop=False)], asyncio.CancelledError())
    assert kept.text == "So"
    assert not kept.stream_was_cancelled


def test_it_survives_half_a_character() -> None:
    told = play([start(), *text(0, "\ud83d"), *call(1, "c1", '{"a": "\\ud83d"}'), *end("tool_use")])
    assert told.result.text == "\ud83d"
    assert told.result.native[1]["input"] == {"a": "\ud83d"}


def ask(*messages: ChatMessage, **fields: Any) -> Json:
    return wire.build_body(ModelRequest(origin=fields.pop("origin", HERE), messages=messages, **fields))


def user(words: str) -> ChatMessage:
    return ChatMessage(role=Role.USER, parts=(TextPart(text=words),))


def answer(result: StepResult, origin: Origin = HERE) -> ChatMessage:
    return ChatMessage(role=Role.ASSISTANT, parts=result.parts, origin=origin, native=result.native)


def results(**contents: str) -> ChatMessage:
    parts = (ToolResultPart(call_id=call_id, name="look", content=said) for call_id, said in contents.items())
    return ChatMessage(role=Role.TOOL, parts=tuple(parts))


def test_it_asks_for_a_stream_and_no_more_than_it_is_told() -> None:
    assert ask(user("Hi")) == {
        "model": "claude-sonnet-4-6",
        "max_tokens": 32_000,
        "stream": True,
        "messages": [{"role": "user", "content": [{"type": "text", "text": "Hi"}]}],
    }


def test_it_passes_on_what_it_is_told() -> None:
    body = ask(
        user("Hi"),
        system="Be kind.",
        tools=(
            ToolSpec(name="look", description="Looks.", parameters={"properties": {}}),
            ToolSpec(name="go"),
        ),
        options=ModelOptions(max_output_tokens=99, temperature=0.0),
    )
    assert body["system"] == "Be kind."
    assert body["max_tokens"] == 99
    assert body["temperature"] == 0.0
    assert body["tools"] == [
        {"name": "look", "input_schema": {"type": "object", "properties": {}}, "description": "Looks."},
        {"name": "go", "input_schema": {"type": "object"}},
    ]


@pytest.mark.parametrize(
    ("model", "effort", "expected"),
    [
        ("claude-opus-4-7", "high", {"effort": "high", "type": "adaptive"}),
        ("claude-opus-4-7", "minimal", {"effort": "low", "type": "adaptive"}),
        ("claude-sonnet-5", "xhigh", {"effort": "xhigh", "type": "adaptive"}),
        ("claude-haiku-4-5-20251001", "low", {"budget_tokens": 4_096, "type": "enabled"}),
        ("claude-opus-4-1-20250805", "high", {"budget_tokens": 24_000, "type": "enabled"}),
        ("claude-3-7-sonnet-latest", "high", {"budget_tokens": 8_191, "type": "enabled"}),
        ("claude-opus-4-7", None, {}),
    ],
)
def test_it_turns_an_effort_into_what_the_model_takes(model: str, effort: str | None, expected: Json) -> None:
    origin = Origin(wire=wire.KIND, provider="anthropic", model=model)
    body = ask(user("Hi"), origin=origin, options=ModelOptions(reasoning_effort=effort))
    told = {**body.get("thinking", {}), **body.get("output_config", {})}
    told.pop("display", None)
    assert told == expected


def test_it_sends_its_own_blocks_back_unchanged_and_the_results_first() -> None:
    told = play(
        [start(), *thinking(0, "Hm", "sig"), *call(1, "c1", "{}"), *call(2, "c2", "{}"), *end("tool_use")]
    )
    body = ask(user("Hi"), answer(told.result), results(c2="two", c1="one"), user("And?"))
    assert body["messages"][1] == {"role": "assistant", "content": list(told.result.native)}
    assert body["messages"][2]["content"] == [
        {"type": "tool_result", "tool_use_id": "c1", "content": "one"},
        {"type": "tool_result", "tool_use_id": "c2", "content": "two"},
        {"type": "text", "text": "And?"},
    ]
    assert body["tool_choice"] == {"type": "none"}
    assert [tool["name"] for tool in body["tools"]] == ["look"]


def test_it_converts_what_another_provider_said() -> None:
    foreign = ChatMessage(
        role=Role.ASSISTANT,
        origin=ELSEWHERE,
        native=({"type": "function_call"},),
        parts=(
            ReasoningPart(text="Hm", sealed="theirs"),
            TextPart(text=" "),
            TextPart(text="So"),
            ProviderItemPart(kind="web_search_call", data={}),
            ToolCallPart(id="call|1", name="look", arguments='{"a": 1}'),
        ),
    )
    body = ask(user("Hi"), foreign, results(**{"call|1": ""}), user("And?"), foreign)
    calls = [
        {"type": "tool_use", "id": call_id, "name": "look", "input": {"a": 1}}
        for call_id in ("call_1", "call_1_2")
    ]
    assert body["messages"][1]["content"] == [{"type": "text", "text": "So"}, calls[0]]
    assert body["messages"][2]["content"][0] == {"type": "tool_result", "tool_use_id": "call_1"}
    assert body["messages"][3]["content"] == [{"type": "text", "text": "So"}, calls[1]]
    assert body["messages"][4]["content"][0]["tool_use_id"] == "call_1_2"
    check(body)


def test_it_does_not_ask_for_a_budgeted_thought_in_the_middle_of_a_foreign_turn() -> None:
    foreign = ChatMessage(
        role=Role.ASSISTANT, origin=ELSEWHERE, parts=(ToolCallPart(id="c1", name="look", arguments="{}"),)
    )
    origin = Origin(wire=wire.KIND, provider="anthropic", model="claude-haiku-4-5")
    body = ask(
        user("Hi"), foreign, results(c1="one"), origin=origin, options=ModelOptions(reasoning_effort="high")
    )
    assert "thinking" not in body


def check(body: Json) -> None:
    """Hold ``body`` against the API's rules on messages."""
    seen: set[str] = set()
    pending: list[str] = []
    for position, turn in enumerate(body["messages"]):
        assert turn["role"] == ("user", "assistant")[position % 2]
        content = turn["content"]
        assert content
        answered = [item["tool_use_id"] for item in content if item["type"] == "tool_result"]
        assert answered == pending
        assert all(item["type"] == "tool_result" for item in content[: len(answered)])
        pending = [item["id"] for item in content if item["type"] == "tool_use"]
        assert not seen & set(pending)
        assert len(pending) == len(set(pending))
        seen |= set(pending)
        used = {item["id"] for item in content if item["type"] in {"server_tool_use", "mcp_tool_use"}}
        given = [item["tool_use_id"] for item in content if item["type"].endswith("_tool_result")]
        # Code that called our functions has its result after theirs, in a later message.
        ours = [item for item in content if item["type"] == "tool_use"]
        waiting = {item["caller"].get("tool_id") for item in ours if "caller" in item}
        assert used - waiting <= set(given)
        assert len(given) == len(set(given))
        for item in content:
            assert item["type"] != "text" or item["text"].strip()
            assert item["type"] != "thinking" or item["signature"]
            assert item["type"] != "tool_use" or isinstance(item["input"], dict)
    assert not pending
    assert body["messages"][-1]["role"] == "user"
    assert "tools" in body or not seen
    json.dumps(body)


def check_consistent(told: Told) -> None:
    """Hold what was told as it streamed against what is kept."""
    assert "".join(event.text for event in told.events if isinstance(event, TextDelta)) == told.result.text
    arguments = {event.id: "" for event in told.events if isinstance(event, ToolCallStarted)}
    for event in told.events:
        if isinstance(event, ToolCallDelta):
            arguments[event.id] += event.arguments
    finished = {event.id for event in told.events if isinstance(event, ToolCallFinished)}
    assert [(call.id, call.arguments, call.complete) for call in told.result.tool_calls] == [
        (call_id, said, call_id in finished) for call_id, said in arguments.items()
    ]
    thought = "".join(part.text for part in told.result.parts if isinstance(part, ReasoningPart))
    assert "".join(event.text for event in told.events if isinstance(event, ReasoningDelta)) == thought


@pytest.mark.parametrize(
    "recording", RECORDINGS or [ABSENT], ids=lambda recording: getattr(recording, "name", "")
)
def test_it_goes_on_after_every_cut_of_a_real_stream(recording: Recording) -> None:
    stream = list(events(recording.sse))
    whole = play(stream)
    check_consistent(whole)
    # Every place in short streams, and about a hundred of the long ones.
    cuts = [*range(0, len(stream), 1 + len(stream) // 100), len(stream)]
    signatures = [event.value for event in whole.events if isinstance(event, ReasoningSealed)]
    for told in [whole, *(play(stream[:cut], cancel=True) for cut in cuts)]:
        check_consistent(told)
        body = ask(user("Hi"), answer(told.result), user("Go on."))
        check(body)
        check(ask(user("Hi"), answer(told.result, ELSEWHERE), user("Go on.")))
        sealed = [event.value for event in told.events if isinstance(event, ReasoningSealed)]
        sent = [item.get("signature") or item.get("data") for item in told.result.native]
        assert [seal for seal in sent if seal] == sealed == signatures[: len(sealed)]
