"""The Responses wire: the request body, and what of an answer a later request contains."""

from itertools import pairwise
from typing import Any

import pytest

from providers.errors import LLMError
from providers.errors.stop_signal import RunCancelled
from providers.types import (
    ChatMessage,
    Json,
    ModelOptions,
    ModelRequest,
    Origin,
    ProviderItemPart,
    ReasoningPart,
    Role,
    TextPart,
    ToolCallPart,
    ToolResultPart,
    ToolSpec,
)
from providers.wires import openai_responses as wire
from providers.wires.answerable_history import NOT_EXECUTED
from tests.contract.reading import Recording, events
from tests.providers.wires.playing import answer, check_consistent, recordings_of, said
from tests.providers.wires.responses_events import (
    ELSEWHERE,
    HERE,
    LOOK,
    SEALED,
    call,
    end,
    play,
    sends_back,
    text,
    thought,
)


def body(*messages: ChatMessage, model: str = HERE.model, **request: Any) -> Json:
    origin = Origin(wire=HERE.wire, provider=HERE.provider, model=model)
    return wire.build_body(ModelRequest(origin=origin, messages=messages, **request))


HELLO = said(Role.USER, TextPart(text="Hello"))
HELLO_SENT = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Hello"}]}


def test_it_asks_for_a_stream_that_nobody_stores() -> None:
    assert body(HELLO, model="gpt-4.1") == {
        "model": "gpt-4.1",
        "input": [HELLO_SENT],
        "stream": True,
        "store": False,
    }


def test_it_passes_on_what_it_is_told() -> None:
    schema = {"type": "object", "properties": {"at": {"type": "string"}}}
    asked = body(
        HELLO,
        system="Be kind.",
        tools=(ToolSpec(name="look", description="Looks.", parameters=schema), ToolSpec(name="wait")),
        options=ModelOptions(max_output_tokens=99, temperature=0.5, reasoning_effort="low"),
    )
    assert asked["instructions"] == "Be kind."
    assert (asked["max_output_tokens"], asked["temperature"]) == (99, 0.5)
    assert asked["reasoning"] == {"summary": "auto", "effort": "low"}
    none = {"type": "object", "properties": {}}
    assert asked["tools"] == [
        {"type": "function", "name": "look", "description": "Looks.", "parameters": schema, "strict": False},
        {"type": "function", "name": "wait", "parameters": none, "strict": False},
    ]


@pytest.mark.parametrize(
    "model",
    [
        "o1",
        "o3-mini",
        "o4-mini-2025-04-16",
        "ft:o4-mini-2025-04-16:org::id",
        "gpt-5",
        "gpt-5-nano",
        "gpt-5.2-codex",
        "gpt-6",
        "gpt-10-mini",
        "openai/gpt-5.1",
        "codex-mini-latest",
    ],
)
def test_it_asks_a_model_that_thinks_for_its_thoughts(model: str) -> None:
    asked = body(HELLO, model=model)
    assert asked["include"] == ["reasoning.encrypted_content"]
    assert asked["reasoning"] == {"summary": "auto"}


@pytest.mark.parametrize(
    "model",
    [
        "gpt-4o",
        "gpt-4.1-mini",
        "gpt-35-turbo",
        "gpt-3.5-turbo",
        "gpt-5-chat-latest",
        "gpt-5.3-chat-latest",
        "chatgpt-4o-latest",
        "gpt-oss-120b",
        "my-deployment",
    ],
)
def test_it_does_not_ask_others(model: str) -> None:
    assert not {"include", "reasoning"} & body(HELLO, model=model).keys()


def test_it_sends_its_own_items_back_unchanged() -> None:
    result = play([*thought(0, "Hm", sealed="gAAA"), *call(1, "{}"), end()]).result
    own = answer(result, HERE)
    outcome = said(Role.TOOL, ToolResultPart(call_id="call_1", name="look", content="a wall"))
    assert body(HELLO, own, outcome)["input"] == [
        HELLO_SENT,
        SEALED,
        LOOK,
        {"type": "function_call_output", "call_id": "call_1", "output": "a wall"},
    ]


def test_it_puts_a_call_right_before_its_result() -> None:
    spoken = play([*thought(0, "Hm", sealed="gAAA"), *call(1, "{}"), *text(2, "I look."), end()])
    foreign = said(
        Role.ASSISTANT,
        ToolCallPart(id="call_1", name="look", arguments="{}"),
        TextPart(text="I look."),
        origin=ELSEWHERE,
    )
    result = said(Role.TOOL, ToolResultPart(call_id="call_1", name="look", content="Seen."))
    output = {"type": "function_call_output", "call_id": "call_1", "output": "Seen."}
    sent = [sends_back("I look."), LOOK, output]
    assert body(HELLO, answer(spoken.result, HERE), result)["input"] == [HELLO_SENT, SEALED, *sent]
    assert body(HELLO, foreign, result)["input"] == [HELLO_SENT, *sent]

    # A thought in between led to the words behind it.
    mixed = play([*call(0, "{}"), *thought(1, "Hm", sealed="gAAA"), *text(2, "I look."), end()])
    items = body(HELLO, answer(mixed.result, HERE), result)["input"]
    assert items == [HELLO_SENT, LOOK, SEALED, sends_back("I look."), output]


def test_it_gives_another_model_none_of_its_thoughts() -> None:
    result = play([*thought(0, "Hm", sealed="gAAA"), *text(1, "Hi"), end()]).result
    own = answer(result, HERE)
    assert body(HELLO, own, HELLO, model="gpt-5.2")["input"] == [HELLO_SENT, sends_back("Hi"), HELLO_SENT]


def test_it_converts_what_another_provider_said() -> None:
    long_id = "call-" + "9" * 80
    answer = said(
        Role.ASSISTANT,
        ReasoningPart(text="Hm", sealed="sig"),
        TextPart(text="Let me look."),
        ProviderItemPart(kind="server_tool_use", data={"name": "web_search"}),
        ToolCallPart(id=long_id, name="look", arguments='{"at": 1}'),
        ToolCallPart(id="call_2", name="go", arguments=""),
        origin=ELSEWHERE,
        native=({"type": "thinking", "thinking": "Hm", "signature": "sig"},),
    )
    outcome = said(Role.TOOL, ToolResultPart(call_id=long_id, name="look", content="a wall"))
    sent = body(HELLO, answer, outcome)["input"][1:]
    sent_id = sent[1]["call_id"]
    assert len(sent_id) <= 64
    assert sent == [
        sends_back("Let me look."),
        {"type": "function_call", "call_id": sent_id, "name": "look", "arguments": '{"at": 1}'},
        {"type": "function_call", "call_id": "call_2", "name": "go", "arguments": "{}"},
        {"type": "function_call_output", "call_id": sent_id, "output": "a wall"},
        {"type": "function_call_output", "call_id": "call_2", "output": NOT_EXECUTED},
    ]


@recordings_of(wire.KIND)
def test_it_goes_on_after_every_cut_of_a_real_stream(recording: Recording) -> None:
    stream = events(recording.sse)
    for length in range(len(stream) + 1):
        told = play(stream[:length], cancel=True)
        assert isinstance(told.raised, (RunCancelled, LLMError))
        result = told.result
        check_consistent(told)
        whole = {call.id for call in result.tool_calls if call.complete}
        sent = body(HELLO, answer(result, HERE), HELLO)["input"]
        assert {item["call_id"] for item in sent if item["type"] == "function_call"} == whole
        assert {item["call_id"] for item in sent if item["type"] == "function_call_output"} == whole
        for item, follower in pairwise(sent):
            if item["type"] == "reasoning":
                assert item["encrypted_content"]
                assert follower != HELLO_SENT
