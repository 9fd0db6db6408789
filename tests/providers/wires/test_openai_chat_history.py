"""The Chat Completions wire: the request body, and what of an answer a later request contains."""

from typing import Any

from providers.errors import LLMError
from providers.errors.stop_signal import RunCancelled
from providers.types import (
    ChatMessage,
    Json,
    ModelOptions,
    ModelRequest,
    ProviderItemPart,
    ReasoningPart,
    Role,
    TextPart,
    ToolCallPart,
    ToolResultPart,
    ToolSpec,
)
from providers.wires import openai_chat as wire
from providers.wires.answerable_history import NOT_EXECUTED
from tests.contract.reading import Recording, events
from tests.providers.wires.chat_chunks import CALL, ELSEWHERE, HERE, chunk, play
from tests.providers.wires.playing import answer, check_consistent, recordings_of, said


def body(*messages: ChatMessage, **request: Any) -> Json:
    return wire.build_body(ModelRequest(origin=HERE, messages=messages, **request))


HELLO = said(Role.USER, TextPart(text="Hello"))


def test_it_asks_for_a_stream_with_usage_and_no_more_than_it_is_told() -> None:
    assert body(HELLO) == {
        "model": "gpt-4.1",
        "messages": [{"role": "user", "content": "Hello"}],
        "stream": True,
        "stream_options": {"include_usage": True},
    }


def test_it_passes_on_what_it_is_told() -> None:
    schema = {"type": "object", "properties": {"at": {"type": "string"}}}
    asked = body(
        HELLO,
        system="Be kind.",
        tools=(ToolSpec(name="look", description="Looks.", parameters=schema), ToolSpec(name="wait")),
        options=ModelOptions(max_output_tokens=9, temperature=0.5, reasoning_effort="low"),
    )
    assert asked["messages"][0] == {"role": "system", "content": "Be kind."}
    assert (asked["max_completion_tokens"], asked["temperature"], asked["reasoning_effort"]) == (
        9,
        0.5,
        "low",
    )
    assert asked["tools"] == [
        {"type": "function", "function": {"name": "look", "description": "Looks.", "parameters": schema}},
        {
            "type": "function",
            "function": {"name": "wait", "parameters": {"type": "object", "properties": {}}},
        },
    ]


def test_it_keeps_the_texts_of_a_user_apart() -> None:
    message = said(Role.USER, TextPart(text="A"), TextPart(text="B"))
    assert body(message)["messages"][0]["content"] == [
        {"type": "text", "text": "A"},
        {"type": "text", "text": "B"},
    ]


def test_it_sends_its_own_message_back_unchanged() -> None:
    details = [{"type": "reasoning.encrypted", "data": "gAAA"}]
    native = play([chunk(reasoning_details=details), CALL, chunk("tool_calls")]).result
    answer = said(Role.ASSISTANT, *native.parts, origin=HERE, native=native.native)
    result = said(Role.TOOL, ToolResultPart(call_id="call_1", name="look", content="a wall"))
    assert body(HELLO, answer, result)["messages"][1:] == [
        native.native[0],
        {"role": "tool", "tool_call_id": "call_1", "content": "a wall"},
    ]


def test_it_converts_what_another_provider_said() -> None:
    long_id = "call-" + "9" * 50
    answer = said(
        Role.ASSISTANT,
        ReasoningPart(text="Hm", sealed="sig"),
        TextPart(text="Let me "),
        ProviderItemPart(kind="server_tool_use", data={"name": "web_search"}),
        TextPart(text="look."),
        ToolCallPart(id=long_id, name="look", arguments='{"at": 1}'),
        ToolCallPart(id="call_2", name="go", arguments=""),
        origin=ELSEWHERE,
        native=({"type": "thinking", "thinking": "Hm", "signature": "sig"},),
    )
    result = said(Role.TOOL, ToolResultPart(call_id=long_id, name="look", content="a wall"))
    converted, *results = body(HELLO, answer, result)["messages"][1:]
    sent_id = converted["tool_calls"][0]["id"]
    assert len(sent_id) <= 40
    assert converted == {
        "role": "assistant",
        "content": "Let me look.",
        "tool_calls": [
            {"id": sent_id, "type": "function", "function": {"name": "look", "arguments": '{"at": 1}'}},
            {"id": "call_2", "type": "function", "function": {"name": "go", "arguments": "{}"}},
        ],
    }
    assert results == [
        {"role": "tool", "tool_call_id": sent_id, "content": "a wall"},
        {"role": "tool", "tool_call_id": "call_2", "content": NOT_EXECUTED},
    ]


def test_it_leaves_out_a_foreign_answer_without_words() -> None:
    thought = said(Role.ASSISTANT, ReasoningPart(text="Hm"), origin=ELSEWHERE)
    assert body(HELLO, thought, HELLO)["messages"] == [{"role": "user", "content": "Hello"}] * 2


@recordings_of(wire.KIND)
def test_it_goes_on_after_every_cut_of_a_real_stream(recording: Recording) -> None:
    stream = events(recording.sse)
    for length in range(len(stream) + 1):
        told = play(stream[:length], cancel=True)
        assert isinstance(told.raised, (RunCancelled, LLMError))
        result = told.result
        check_consistent(told)
        whole = {call.id for call in result.tool_calls if call.complete}
        returned = {call["id"] for item in result.native for call in item.get("tool_calls", ())}
        assert returned == whole
        sent = body(HELLO, answer(result, HERE), HELLO)["messages"]
        answered = {message["tool_call_id"] for message in sent if message["role"] == "tool"}
        assert answered == whole
        assert all(message.get("content") or message.get("tool_calls") for message in sent)
