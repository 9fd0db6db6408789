"""The rules that the contract tests hold everything against do find what is wrong."""

import copy
from collections.abc import Callable
from typing import Any

import pytest

from tests.contract import agui_rules, request_rules
from tests.contract.reading import Json

RUN: list[Json] = [
    {"type": "RUN_STARTED", "threadId": "t", "runId": "r"},
    {"type": "STEP_STARTED", "stepName": "step 1"},
    {"type": "REASONING_START", "messageId": "span"},
    {"type": "REASONING_MESSAGE_START", "messageId": "thought", "role": "reasoning"},
    {"type": "REASONING_MESSAGE_CONTENT", "messageId": "thought", "delta": "Hm."},
    {"type": "REASONING_MESSAGE_END", "messageId": "thought"},
    {"type": "REASONING_END", "messageId": "span"},
    {"type": "TEXT_MESSAGE_START", "messageId": "m", "role": "assistant"},
    {"type": "TEXT_MESSAGE_CONTENT", "messageId": "m", "delta": "Yes."},
    {"type": "TEXT_MESSAGE_END", "messageId": "m"},
    {"type": "TOOL_CALL_START", "toolCallId": "c", "toolCallName": "f"},
    {"type": "TOOL_CALL_ARGS", "toolCallId": "c", "delta": "{}"},
    {"type": "TOOL_CALL_END", "toolCallId": "c"},
    {"type": "STEP_FINISHED", "stepName": "step 1"},
    {"type": "RUN_FINISHED", "threadId": "t", "runId": "r", "outcome": {"type": "success"}},
]


def test_a_run_in_order_violates_nothing() -> None:
    assert agui_rules.violations(RUN) == []
    assert [agui_rules.as_the_models_see(event) for event in RUN] == RUN


@pytest.mark.parametrize("missing", range(len(RUN)))
def test_every_event_but_a_delta_is_needed(missing: int) -> None:
    events = RUN[:missing] + RUN[missing + 1 :]
    assert bool(agui_rules.violations(events)) == ("delta" not in RUN[missing])


@pytest.mark.parametrize("twice", range(len(RUN)))
def test_nothing_but_a_delta_comes_twice(twice: int) -> None:
    events = RUN[: twice + 1] + RUN[twice:]
    assert bool(agui_rules.violations(events)) == ("delta" not in RUN[twice])


def test_a_delta_says_something() -> None:
    events = [{**event, "delta": ""} if "delta" in event else event for event in RUN]
    assert len(agui_rules.violations(events)) == 3


def test_the_models_show_what_they_do_not_know() -> None:
    event = {**RUN[-1], "usage": [{"inputTokens": 1, "ouputTokens": 2}]}
    assert agui_rules.as_the_models_see(event) == {**RUN[-1], "usage": [{"inputTokens": 1}]}
    assert agui_rules.as_the_models_see({**RUN[0], "seq": 1}) == RUN[0]


CHAT: Json = {
    "messages": [
        {"role": "user", "content": "Ask twice."},
        {
            "role": "assistant",
            "content": "I do.",
            "tool_calls": [
                {"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}},
                {"id": "b", "type": "function", "function": {"name": "g", "arguments": "{}"}},
            ],
        },
        {"role": "tool", "tool_call_id": "a", "content": "1"},
        {"role": "tool", "tool_call_id": "b", "content": "2"},
        {"role": "user", "content": "And?"},
    ]
}
RESPONSES: Json = {
    "store": False,
    "input": [
        {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Ask twice."}]},
        {"type": "reasoning", "summary": [], "encrypted_content": "sealed"},
        {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "I do."}]},
        {"type": "function_call", "call_id": "a", "name": "f", "arguments": "{}"},
        {"type": "function_call", "call_id": "b", "name": "g", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "a", "output": "1"},
        {"type": "function_call_output", "call_id": "b", "output": "2"},
        {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "And?"}]},
    ],
}
ANTHROPIC: Json = {
    "tools": [{"name": "f"}, {"name": "g"}],
    "messages": [
        {"role": "user", "content": [{"type": "text", "text": "Ask twice."}]},
        {
            "role": "assistant",
            "content": [
                {"type": "thinking", "thinking": "Hm.", "signature": "sealed"},
                {"type": "text", "text": "I do."},
                {"type": "tool_use", "id": "a", "name": "f", "input": {}},
                {"type": "tool_use", "id": "b", "name": "g", "input": {}},
            ],
        },
        {
            "role": "user",
            "content": [
                {"type": "tool_result", "tool_use_id": "a", "content": "1"},
                {"type": "tool_result", "tool_use_id": "b", "content": "2"},
                {"type": "text", "text": "And?"},
            ],
        },
    ],
}
GEMINI: Json = {
    "contents": [
        {"role": "user", "parts": [{"text": "Ask twice."}]},
        {
            "role": "model",
            "parts": [
                {"text": "Hm.", "thought": True},
                {"text": "I do."},
                {"functionCall": {"name": "f", "args": {}}, "thoughtSignature": "sealed"},
                {"functionCall": {"name": "g", "args": {}}},
            ],
        },
        {
            "role": "user",
            "parts": [
                {"functionResponse": {"name": "f", "response": {}}},
                {"functionResponse": {"name": "g", "response": {}}},
                {"text": "And?"},
            ],
        },
    ]
}
GOOD = {
    "openai-chat": CHAT,
    "openai-responses": RESPONSES,
    "anthropic-messages": ANTHROPIC,
    "gemini-generate": GEMINI,
}


@pytest.mark.parametrize("wire", GOOD)
def test_a_good_request_is_taken_and_understood(wire: str) -> None:
    assert request_rules.refusals(wire, GOOD[wire]) == []
    asked, answered, last = request_rules.turns(wire, GOOD[wire])
    assert (asked.user, asked.text, last.text) == (True, "Ask twice.", "And?")
    assert (answered.user, answered.text, answered.calls) == (False, "I do.", (("f", {}), ("g", {})))
    assert len(last.results) == 2


def _swap(items: list[Any], first: int) -> None:
    items[first], items[first + 1] = items[first + 1], items[first]


#: One fault each, by what it does to a good request.
FAULTS: dict[str, tuple[str, Callable[[Json], Any]]] = {
    "chat: a result is missing": ("openai-chat", lambda body: body["messages"].pop(2)),
    "chat: results in another order": ("openai-chat", lambda body: _swap(body["messages"], 2)),
    "chat: a result without a call": ("openai-chat", lambda body: body["messages"].pop(1)),
    "chat: somebody speaks in between": ("openai-chat", lambda body: _swap(body["messages"], 3)),
    "chat: half a call": (
        "openai-chat",
        lambda body: body["messages"][1]["tool_calls"][0]["function"].update(arguments='{"a'),
    ),
    "chat: nothing said": ("openai-chat", lambda body: body["messages"][0].update(content="")),
    "responses: a result is missing": ("openai-responses", lambda body: body["input"].pop(5)),
    "responses: a result comes first": (
        "openai-responses",
        lambda body: body["input"].insert(3, body["input"].pop(5)),
    ),
    "responses: reasoning alone": (
        "openai-responses",
        lambda body: body["input"].insert(7, body["input"].pop(1)),
    ),
    "responses: an answer as input": (
        "openai-responses",
        lambda body: body["input"][2]["content"][0].update(type="input_text"),
    ),
    "responses: stored": ("openai-responses", lambda body: body.update(store=True)),
    "anthropic: a result is missing": (
        "anthropic-messages",
        lambda body: body["messages"][2]["content"].pop(0),
    ),
    "anthropic: words before results": (
        "anthropic-messages",
        lambda body: _swap(body["messages"][2]["content"], 1),
    ),
    "anthropic: no signature": (
        "anthropic-messages",
        lambda body: body["messages"][1]["content"][0].pop("signature"),
    ),
    "anthropic: two answers": (
        "anthropic-messages",
        lambda body: body["messages"].insert(
            1, {"role": "assistant", "content": [{"type": "text", "text": "x"}]}
        ),
    ),
    "anthropic: calls and no tools": ("anthropic-messages", lambda body: body["tools"].clear()),
    "anthropic: blank words": (
        "anthropic-messages",
        lambda body: body["messages"][1]["content"][1].update(text="\n"),
    ),
    "gemini: a response is missing": ("gemini-generate", lambda body: body["contents"][2]["parts"].pop(0)),
    "gemini: responses in another order": (
        "gemini-generate",
        lambda body: _swap(body["contents"][2]["parts"], 0),
    ),
    "gemini: two questions": (
        "gemini-generate",
        lambda body: body["contents"].insert(0, {"role": "user", "parts": [{"text": "x"}]}),
    ),
    "gemini: an empty part": (
        "gemini-generate",
        lambda body: body["contents"][1]["parts"][1].pop("text"),
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_refused(fault: str) -> None:
    wire, spoil = FAULTS[fault]
    body = copy.deepcopy(GOOD[wire])
    spoil(body)
    assert request_rules.refusals(wire, body) != []


def test_ids_that_another_provider_may_not_take_are_named() -> None:
    body = copy.deepcopy(CHAT)
    body["messages"][1]["tool_calls"][0]["id"] = "x" * 41
    assert request_rules.overlong_ids("openai-chat", CHAT) == []
    assert request_rules.overlong_ids("openai-chat", body) == ["x" * 41]
