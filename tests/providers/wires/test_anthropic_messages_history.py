"""The Anthropic's Messages wire: the request body, and what of an answer a later request contains."""

import json
from typing import Any

import pytest

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
from providers.types.events import ReasoningSealed
from providers.wires import anthropic_messages as wire
from tests.contract.reading import Recording, events
from tests.providers.wires.anthropic_events import (
    ELSEWHERE,
    HERE,
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
from tests.providers.wires.playing import answer, check_consistent, recordings_of, user


def ask(*messages: ChatMessage, **fields: Any) -> Json:
    return wire.build_body(ModelRequest(origin=fields.pop("origin", HERE), messages=messages, **fields))


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
    body = ask(user("Hi"), answer(told.result, HERE), results(c2="two", c1="one"), user("And?"))
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


FOUND = search_result(0, "srv_1")


def contents(*messages: ChatMessage) -> list[tuple[str, list[str]]]:
    """Return the role of each turn, and the types of its blocks."""
    body = ask(*messages)
    return [(turn["role"], [block["type"] for block in turn["content"]]) for turn in body["messages"]]


def said(*stream: Json) -> ChatMessage:
    return answer(play([start(), *stream]).result, HERE)


def test_it_sends_a_paused_turn_back_unchanged_so_that_the_provider_goes_on() -> None:
    paused = said(*thinking(0, "Hm", "sig"), *SERVER, *end("pause_turn"))
    body = ask(user("Hi"), paused)
    assert body["messages"][1:] == [{"role": "assistant", "content": list(paused.native)}]
    rest = said(*FOUND, *text(1, "So"), *end("end_turn"))
    assert contents(user("Hi"), paused, rest, user("And?")) == [
        ("user", ["text"]),
        ("assistant", ["thinking", "server_tool_use", "web_search_tool_result", "text"]),
        ("user", ["text"]),
    ]


def test_it_sends_a_pending_server_tool_back_beside_our_results() -> None:
    both = said(*text(0, "Both"), *SERVER, *call(1, "c1", "{}"), *end("tool_use"))
    turns = contents(user("Hi"), both, results(c1="one"))
    assert turns[1:] == [
        ("assistant", ["text", "server_tool_use", "tool_use"]),
        ("user", ["tool_result"]),
    ]
    rest = said(*FOUND, *text(1, "So"), *end("end_turn"))
    assert contents(user("Hi"), both, results(c1="one"), rest, user("And?"))[1:4] == [
        *turns[1:],
        ("assistant", ["web_search_tool_result", "text"]),
    ]


def test_it_resumes_code_that_waits_in_its_own_container() -> None:
    ending = end("tool_use")
    ending[0]["delta"]["container"] = {"id": "container_1", "expires_at": "2026-12-01T00:00:00Z"}
    caller = {"type": "code_execution_20260120", "tool_id": "srv_1"}
    ours = {"type": "tool_use", "id": "c1", "name": "look", "input": {}, "caller": caller}
    waiting = said(*SERVER, *block(1, ours), *ending)
    body = ask(user("Hi"), waiting, results(c1="one"))
    assert body["container"] == "container_1"
    assert [item["type"] for item in body["messages"][1]["content"]] == ["server_tool_use", "tool_use"]
    later = ask(user("Hi"), waiting, results(c1="one"), said(*FOUND, *end("end_turn")), user("And?"))
    assert "container" not in later
    assert "container" not in str(later["messages"])


@pytest.mark.parametrize(
    ("messages", "turns"),
    [
        pytest.param(
            [said(*text(0, "So"), *SERVER, *end("pause_turn")), user("And?")],
            [("assistant", ["text"]), ("user", ["text"])],
            id="a pause after which the run was stopped",
        ),
        pytest.param(
            [said(*SERVER, *end("pause_turn")), user("And?")],
            [],
            id="nothing but the call",
        ),
        pytest.param(
            [
                said(*SERVER, *call(1, "c1", "{}"), *end("tool_use")),
                results(c1="one"),
                said(*text(0, "So"), *end("end_turn")),
                user("And?"),
            ],
            [
                ("assistant", ["tool_use"]),
                ("user", ["tool_result"]),
                ("assistant", ["text"]),
                ("user", ["text"]),
            ],
            id="a call that was never answered",
        ),
        pytest.param(
            [said(*FOUND, *text(1, "So"), *end("end_turn")), user("And?")],
            [("assistant", ["text"]), ("user", ["text"])],
            id="a result without its call",
        ),
        pytest.param(
            [said(*thinking(0, "Hm", "sig"), *end("end_turn")), user("And?")], [], id="thoughts alone"
        ),
    ],
)
def test_it_leaves_out_what_the_provider_would_refuse(
    messages: list[ChatMessage], turns: list[tuple[str, list[str]]]
) -> None:
    told = contents(user("Hi"), *messages)
    assert told == ([("user", ["text"]), *turns] if turns else [("user", ["text", "text"])])
    check(ask(user("Hi"), *messages))


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


@recordings_of(wire.KIND)
def test_it_goes_on_after_every_cut_of_a_real_stream(recording: Recording) -> None:
    stream = list(events(recording.sse))
    whole = play(stream)
    check_consistent(whole)
    # Every place in short streams, and about a hundred of the long ones.
    cuts = [*range(0, len(stream), 1 + len(stream) // 100), len(stream)]
    signatures = [event.value for event in whole.events if isinstance(event, ReasoningSealed)]
    for told in [whole, *(play(stream[:cut], cancel=True) for cut in cuts)]:
        check_consistent(told)
        body = ask(user("Hi"), answer(told.result, HERE), user("Go on."))
        check(body)
        check(ask(user("Hi"), answer(told.result, ELSEWHERE), user("Go on.")))
        sealed = [event.value for event in told.events if isinstance(event, ReasoningSealed)]
        sent = [item.get("signature") or item.get("data") for item in told.result.native]
        assert [seal for seal in sent if seal] == sealed == signatures[: len(sealed)]
