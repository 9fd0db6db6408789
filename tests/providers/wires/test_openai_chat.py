"""The Chat Completions wire: what its stream means, and what is kept of a cut answer."""

from dataclasses import dataclass

import pytest

from providers.errors import (
    LLMConnectionError,
    LLMContentFilterError,
    LLMContextWindowExceededError,
    LLMEmptyResponseError,
    LLMProviderOverloadedError,
    LLMRateLimitError,
    LLMServerError,
)
from providers.types import FinishReason, Json, ToolCallPart
from providers.types.events import (
    ResponseStarted,
    ToolCallFinished,
)
from providers.wires import openai_chat as wire
from tests.providers.wires.chat_chunks import CALL, HALF_CALL, chunk, piece, play, usage
from tests.providers.wires.playing import Cut, Ending, streamed_calls

ENDINGS = [
    Ending(name="plain", stream=[chunk(content="Hi"), chunk("stop")], stop_reason=FinishReason.END_TURN),
    Ending(
        name="plain, with usage",
        stream=[chunk(content="Hi"), chunk("stop"), usage()],
        stop_reason=FinishReason.END_TURN,
    ),
    Ending(
        name="a word nobody knows", stream=[chunk("eos", content="Hi")], stop_reason=FinishReason.END_TURN
    ),
    Ending(name="only thoughts", stream=[chunk("stop", reasoning="Hm")], error=LLMEmptyResponseError),
    Ending(name="calls", stream=[CALL, chunk("tool_calls")], stop_reason=FinishReason.TOOL_CALLS),
    Ending(name="a demanded call", stream=[CALL, chunk("stop")], stop_reason=FinishReason.TOOL_CALLS),
    Ending(
        name="a legacy call",
        stream=[chunk("function_call", function_call={"name": "look", "arguments": "{}"})],
        stop_reason=FinishReason.TOOL_CALLS,
    ),
    Ending(
        name="a length", stream=[chunk("length", content="Hi")], stop_reason=FinishReason.MAX_TOKENS_EXCEEDED
    ),
    Ending(
        name="a length before the first word",
        stream=[chunk("length")],
        stop_reason=FinishReason.MAX_TOKENS_EXCEEDED,
    ),
    Ending(
        name="a length within a call",
        stream=[HALF_CALL, chunk("length")],
        stop_reason=FinishReason.MAX_TOKENS_EXCEEDED,
    ),
    Ending(
        name="Mistral's length",
        stream=[chunk("model_length", content="Hi")],
        stop_reason=FinishReason.MAX_TOKENS_EXCEEDED,
    ),
    Ending(
        name="a refusal",
        stream=[chunk(refusal="No."), chunk("stop")],
        stop_reason=FinishReason.CONTENT_FILTER,
    ),
    Ending(
        name="a filter after words",
        stream=[chunk(content="Hi"), chunk("content_filter")],
        stop_reason=FinishReason.CONTENT_FILTER,
    ),
    Ending(name="a filter before words", stream=[chunk("content_filter")], error=LLMContentFilterError),
    Ending(
        name="Zhipu's filter after words",
        stream=[chunk(content="Hi"), chunk("sensitive")],
        stop_reason=FinishReason.CONTENT_FILTER,
    ),
    Ending(name="Zhipu's filter before words", stream=[chunk("sensitive")], error=LLMContentFilterError),
    Ending(name="no event", stream=[], error=LLMEmptyResponseError),
    Ending(name="nothing said", stream=[chunk(content=""), chunk("stop")], error=LLMEmptyResponseError),
    Ending(name="no end", stream=[chunk(content="Hi")], error=LLMConnectionError),
    Ending(name="half a call", stream=[HALF_CALL, chunk("tool_calls")], stop_reason=FinishReason.TOOL_CALLS),
    Ending(
        name="arguments that are no object",
        stream=[piece(id="call_1", name="look", arguments="[1]"), chunk("tool_calls")],
        stop_reason=FinishReason.TOOL_CALLS,
    ),
    Ending(
        name="arguments too deep to read",
        stream=[piece(id="call_1", name="look", arguments='{"a":' * 100_000), chunk("tool_calls")],
        stop_reason=FinishReason.TOOL_CALLS,
    ),
    Ending(
        name="a call without a name",
        stream=[piece(id="call_1", arguments="{}"), chunk("tool_calls")],
        stop_reason=FinishReason.TOOL_CALLS,
    ),
    Ending(
        name="an error object",
        stream=[chunk(content="Hi"), {"error": {"message": "Slow down", "code": 429}}],
        error=LLMRateLimitError,
    ),
    Ending(
        name="an error object after the end",
        stream=[chunk("length", content="Hi"), {"error": {"message": "Token limit reached", "code": 400}}],
        stop_reason=FinishReason.MAX_TOKENS_EXCEEDED,
    ),
    Ending(
        name="DeepSeek out of resources",
        stream=[chunk(content="Hi"), chunk("insufficient_system_resource")],
        error=LLMProviderOverloadedError,
    ),
    Ending(
        name="Zhipu broken off", stream=[chunk(content="Hi"), chunk("network_error")], error=LLMServerError
    ),
    Ending(
        name="Zhipu out of room",
        stream=[chunk(content="Hi"), chunk("model_context_window_exceeded")],
        stop_reason=FinishReason.MAX_TOKENS_EXCEEDED,
    ),
    Ending(
        name="Zhipu without room for a word",
        stream=[chunk("model_context_window_exceeded")],
        error=LLMContextWindowExceededError,
    ),
]


@pytest.mark.parametrize("ending", ENDINGS, ids=lambda ending: ending.name)
def test_it_names_how_an_answer_ended(ending: Ending) -> None:
    ending.check(wire.KIND)


def test_it_reads_the_error_of_a_choice() -> None:
    stream = [chunk(content="Hi"), chunk("error")]
    stream[1]["choices"][0]["error"] = {"code": 502, "message": "Overloaded", "type": "overloaded_error"}
    assert isinstance(play(stream).raised, LLMProviderOverloadedError)


def test_it_tells_why_azure_blocked_an_answer() -> None:
    stream = [chunk("content_filter")]
    stream[0]["choices"][0]["content_filter_results"] = {"hate": {"filtered": True}}
    raised = play(stream).raised
    assert isinstance(raised, LLMContentFilterError)
    assert raised.detail == {"content_filter_results": {"hate": {"filtered": True}}}


def test_it_says_who_answers_once_it_is_known() -> None:
    prompt_filter = {"id": "", "model": "", "choices": [], "prompt_filter_results": []}
    told = play([prompt_filter, chunk(role="assistant"), chunk("stop", content="Hi")])
    assert told.events[0] == ResponseStarted("chatcmpl-1", "gpt-4.1-2025")
    assert (told.result.response_id, told.result.model) == ("chatcmpl-1", "gpt-4.1-2025")


def test_it_reads_choice_0_alone() -> None:
    told = play([chunk(content="A"), chunk(index=1, content="B"), chunk("stop", index=1), chunk("stop")])
    assert told.result.text == "A"
    assert play([chunk("stop", index=None, content="C")]).result.text == "C"


@dataclass(frozen=True, kw_only=True)
class Calls:
    """Pieces of calls, and the calls that they make: id (``None`` is a minted one), name, arguments."""

    name: str
    stream: list[Json]
    calls: list[tuple[str | None, str, str]]


CALLS = [
    Calls(
        name="as OpenAI sends them",
        stream=[
            piece(id="call_1", name="look", arguments=""),
            piece(arguments='{"at":'),
            piece(arguments="1}"),
            piece(index=1, id="call_2", name="go", arguments="{}"),
        ],
        calls=[("call_1", "look", '{"at":1}'), ("call_2", "go", "{}")],
    ),
    Calls(
        name="interleaved",
        stream=[
            piece(id="call_1", name="look", arguments="{"),
            piece(index=1, id="call_2", name="go", arguments="{"),
            piece(arguments="}"),
            piece(index=1, arguments="}"),
        ],
        calls=[("call_1", "look", "{}"), ("call_2", "go", "{}")],
    ),
    Calls(
        name="without ids, all numbered 0",
        stream=[
            piece(id="", name="look", arguments='{"at":1}'),
            piece(id="", name="look", arguments='{"at":2}'),
        ],
        calls=[(None, "look", '{"at":1}'), (None, "look", '{"at":2}')],
    ),
    Calls(
        name="with ids, all numbered 0",
        stream=[piece(id="a", name="look", arguments="{}"), piece(id="b", name="look", arguments="{}")],
        calls=[("a", "look", "{}"), ("b", "look", "{}")],
    ),
    Calls(
        name="without numbers",
        stream=[
            piece(index=None, id="a", name="look", arguments='{"at":'),
            piece(index=None, arguments="1}"),
            piece(index=None, id="b", name="go", arguments="{"),
            piece(index=None, id="b", arguments="}"),
        ],
        calls=[("a", "look", '{"at":1}'), ("b", "go", "{}")],
    ),
    Calls(
        name="the id and the whole name again and again",
        stream=[
            piece(id="a", name="look", arguments='{"at":'),
            piece(id="a", name="look", arguments="1}"),
            piece(id="a", name="look", arguments=""),
        ],
        calls=[("a", "look", '{"at":1}')],
    ),
    Calls(
        name="a fresh id with every piece",
        stream=[piece(id="a", name="look", arguments='{"at":'), piece(id="b", arguments="1}")],
        calls=[("a", "look", '{"at":1}')],
    ),
    Calls(
        name="one id for two calls",
        stream=[piece(id="a", name="look"), piece(index=1, id="a", name="go")],
        calls=[("a", "look", "{}"), (None, "go", "{}")],
    ),
    Calls(
        name="the name after the first arguments",
        stream=[piece(id="a", arguments='{"at":'), piece(name="look", arguments="1}")],
        calls=[("a", "look", '{"at":1}')],
    ),
    Calls(
        name="the id after the first arguments",
        stream=[piece(arguments='{"at":'), piece(id="a", name="look", arguments="1}")],
        calls=[("a", "look", '{"at":1}')],
    ),
    Calls(
        name="no arguments at all",
        stream=[piece(id="a", name="look", arguments=None)],
        calls=[("a", "look", "{}")],
    ),
    Calls(
        name="arguments as an object",
        stream=[piece(id="a", name="look", arguments={"at": 1})],
        calls=[("a", "look", '{"at": 1}')],
    ),
]


@pytest.mark.parametrize("case", CALLS, ids=lambda case: case.name)
def test_it_puts_calls_together(case: Calls) -> None:
    told = play([*case.stream, chunk("tool_calls")])
    found = told.result.tool_calls
    assert [(call.name, call.arguments, call.complete) for call in found] == [
        (name, arguments, True) for _, name, arguments in case.calls
    ]
    assert len({call.id for call in found if call.id}) == len(found)
    wanted = [call_id for call_id, _, _ in case.calls]
    assert [call.id if want else None for call, want in zip(found, wanted, strict=True)] == wanted
    assert streamed_calls(told.events) == {call.id: (call.name, call.arguments) for call in found}
    assert [event.id for event in told.events if isinstance(event, ToolCallFinished)] == [
        call.id for call in found
    ]


def test_it_keeps_half_a_call_when_the_limit_cut_it_but_does_not_send_it_back() -> None:
    result = play([chunk(content="Well"), HALF_CALL, chunk("length")]).result
    assert result.tool_calls == (
        ToolCallPart(id="call_1", name="look", arguments='{"at": "th', complete=False),
    )
    assert result.native == ({"role": "assistant", "content": "Well"},)


def test_it_assembles_the_completion_for_the_trace() -> None:
    response = play(
        [chunk(reasoning="Hm"), chunk(content="Hi"), CALL, chunk("tool_calls"), usage()]
    ).result.response
    call = {"id": "call_1", "type": "function", "function": {"name": "look", "arguments": "{}"}}
    message = {"role": "assistant", "content": "Hi", "refusal": None, "reasoning": "Hm", "tool_calls": [call]}
    assert response == {
        "id": "chatcmpl-1",
        "model": "gpt-4.1-2025",
        "object": "chat.completion",
        "choices": [{"index": 0, "message": message, "finish_reason": "tool_calls"}],
        "usage": {"prompt_tokens": 7, "completion_tokens": 5, "total_tokens": 12},
    }


SIGNED = {"type": "reasoning.text", "index": 0, "text": "Hm", "signature": "sig"}
CUTS = [
    Cut(name="before anything", stream=[], native=[]),
    Cut(name="within words", stream=[chunk(content="He")], native=[{"role": "assistant", "content": "He"}]),
    Cut(name="within a thought", stream=[chunk(reasoning_content="Hm")], native=[]),
    Cut(
        name="within words after a thought",
        stream=[chunk(reasoning_details=[SIGNED]), chunk(content="He")],
        native=[{"role": "assistant", "content": "He", "reasoning_details": [SIGNED]}],
    ),
    Cut(
        name="within a thought after words",
        stream=[chunk(content="He"), chunk(reasoning_details=[SIGNED | {"signature": None}])],
        native=[{"role": "assistant", "content": "He"}],
    ),
    Cut(
        name="within a call",
        stream=[chunk(content="He"), HALF_CALL],
        native=[{"role": "assistant", "content": "He"}],
    ),
]


@pytest.mark.parametrize("cut", CUTS, ids=lambda cut: cut.name)
def test_it_sends_back_only_what_the_provider_takes(cut: Cut) -> None:
    cut.check(wire.KIND)


def test_it_survives_half_a_character() -> None:
    told = play(
        [chunk(content="\ud83d"), piece(id="\udc4d", name="look", arguments='{"a": "\udc4d"}'), chunk("stop")]
    )
    assert told.result.text == "\ud83d"
    assert told.result.tool_calls[0].arguments == '{"a": "\udc4d"}'
