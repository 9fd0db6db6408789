"""The Gemini wire: the request body, and what of an answer a later request contains."""

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
from providers.wires import gemini_generate as wire
from tests.contract.reading import Recording, events
from tests.providers.wires.gemini_chunks import ELSEWHERE, HERE, call, chunk, play
from tests.providers.wires.playing import answer, check_consistent, recordings_of, user


def ask(*messages: ChatMessage, **fields: Any) -> Json:
    return wire.build_body(ModelRequest(origin=fields.pop("origin", HERE), messages=messages, **fields))


def test_it_asks_for_no_more_than_it_is_told() -> None:
    origin = Origin(wire=wire.KIND, provider="gemini", model="gemini-2.0-flash")
    assert ask(user("Hi"), origin=origin) == {"contents": [{"role": "user", "parts": [{"text": "Hi"}]}]}


def test_it_passes_on_what_it_is_told() -> None:
    body = ask(
        user("Hi"),
        system="Be kind.",
        tools=(
            ToolSpec(name="look", description="Looks.", parameters={"type": "object"}),
            ToolSpec(name="go"),
        ),
        options=ModelOptions(max_output_tokens=99, temperature=0.0),
    )
    assert body["systemInstruction"] == {"parts": [{"text": "Be kind."}]}
    assert body["tools"] == [
        {
            "functionDeclarations": [
                {"name": "look", "description": "Looks.", "parametersJsonSchema": {"type": "object"}},
                {"name": "go"},
            ]
        }
    ]
    assert body["generationConfig"] == {
        "maxOutputTokens": 99,
        "temperature": 0.0,
        "thinkingConfig": {"includeThoughts": True},
    }


@pytest.mark.parametrize(
    ("model", "effort", "expected"),
    [
        ("gemini-2.5-flash", None, {"includeThoughts": True}),
        ("models/gemini-2.5-pro", "high", {"includeThoughts": True, "thinkingBudget": 24_576}),
        ("gemini-3-pro-preview", "low", {"includeThoughts": True, "thinkingLevel": "LOW"}),
        ("gemini-flash-latest", None, {"includeThoughts": True}),
        ("gemini-2.5-flash-image", "low", None),
        ("gemini-2.0-flash", "low", None),
        ("gemma-3-27b-it", None, None),
    ],
)
def test_it_asks_for_thoughts_where_there_are_any(
    model: str, effort: str | None, expected: Json | None
) -> None:
    origin = Origin(wire=wire.KIND, provider="gemini", model=model)
    body = ask(user("Hi"), origin=origin, options=ModelOptions(reasoning_effort=effort))
    assert body.get("generationConfig", {}).get("thinkingConfig") == expected


def test_it_sends_its_own_parts_back_unchanged_and_the_responses_in_call_order() -> None:
    told = play([chunk(call(id="c1") | {"thoughtSignature": "sig"}, call("go"), finish="STOP")])
    first, second = told.result.tool_calls
    results = ChatMessage(
        role=Role.TOOL,
        parts=(
            ToolResultPart(call_id=second.id, name="go", content="no", is_error=True),
            ToolResultPart(call_id=first.id, name="look", content="one"),
        ),
    )
    body = ask(user("Hi"), answer(told.result, HERE), results, user("And?"))
    assert body["contents"][1] == {"role": "model", "parts": list(told.result.native)}
    assert body["contents"][2] == {
        "role": "user",
        "parts": [
            {"functionResponse": {"id": "c1", "name": "look", "response": {"output": "one"}}},
            {"functionResponse": {"name": "go", "response": {"error": "no"}}},
            {"text": "And?"},
        ],
    }


@pytest.mark.parametrize("signs", [True, False], ids=["Gemini 3", "Gemini 2.5"])
def test_it_converts_what_another_provider_said(signs: bool) -> None:
    foreign = ChatMessage(
        role=Role.ASSISTANT,
        origin=ELSEWHERE,
        native=({"type": "tool_use"},),
        parts=(
            ReasoningPart(text="Hm", sealed="theirs"),
            TextPart(text="So"),
            ProviderItemPart(kind="server_tool_use", data={}),
            ToolCallPart(id="c1", name="look", arguments='{"a": 1}'),
            ToolCallPart(id="c2", name="look", arguments=""),
        ),
    )
    model = "gemini-3-flash" if signs else "gemini-2.5-flash"
    body = ask(user("Hi"), foreign, origin=Origin(wire=wire.KIND, provider="gemini", model=model))
    signature = {"thoughtSignature": "skip_thought_signature_validator"} if signs else {}
    assert body["contents"][1]["parts"] == [
        {"text": "So"},
        {"functionCall": {"id": "c1", "name": "look", "args": {"a": 1}}, **signature},
        {"functionCall": {"id": "c2", "name": "look", "args": {}}},
    ]
    check(body)


def check(body: Json) -> None:
    """Hold ``body`` against the API's rules on contents."""
    pending: list[tuple[str, str | None]] = []
    for position, content in enumerate(body["contents"]):
        assert content["role"] == ("user", "model")[position % 2]
        parts = content["parts"]
        assert parts
        responses = [part["functionResponse"] for part in parts if "functionResponse" in part]
        assert [(response["name"], response.get("id")) for response in responses] == pending
        assert all("functionResponse" in part for part in parts[: len(responses)])
        made = [part["functionCall"] for part in parts if "functionCall" in part]
        pending = [(one["name"], one.get("id")) for one in made]
        for one in made:
            assert not one.keys() & {"partialArgs", "willContinue"}
            assert isinstance(one.get("args", {}), dict)
        for part in parts:
            assert len(part.keys() - {"thought", "thoughtSignature"}) == 1
            assert part.get("text") != "" or "thoughtSignature" in part
        assert sum("executableCode" in part for part in parts) == sum(
            "codeExecutionResult" in part for part in parts
        )
        assert sum("toolCall" in part for part in parts) == sum("toolResponse" in part for part in parts)
    assert not pending
    assert body["contents"][-1]["role"] == "user"
    json.dumps(body)


@recordings_of(wire.KIND)
def test_it_goes_on_after_every_cut_of_a_real_stream(recording: Recording) -> None:
    stream = list(events(recording.sse))
    whole = play(stream)
    signatures = [event.value for event in whole.events if isinstance(event, ReasoningSealed)]
    for told in [whole, *(play(stream[:cut], cancel=True) for cut in range(len(stream)))]:
        check_consistent(told)
        check(ask(user("Hi"), answer(told.result, HERE), user("Go on.")))
        check(ask(user("Hi"), answer(told.result, ELSEWHERE), user("Go on.")))
        sealed = [event.value for event in told.events if isinstance(event, ReasoningSealed)]
        assert sealed == signatures[: len(sealed)]
        sent = [part["thoughtSignature"] for part in told.result.native if "thoughtSignature" in part]
        # A signature may be lost only with the half of a pair that it signs.
        assert [seal for seal in sealed if seal in sent] == sent
        if told is whole:
            assert sent == sealed


def test_calls_to_which_a_gateway_gave_one_id_go_back_with_ids_of_their_own() -> None:
    told = play([chunk(call(id="a", args={"n": 1}), call(id="a", args={"n": 2}), finish="STOP")])
    first, second = told.result.tool_calls
    results = tuple(
        ToolResultPart(call_id=each.id, name="look", content=each.arguments) for each in (second, first)
    )
    body = ask(user("Hi"), answer(told.result, HERE), ChatMessage(role=Role.TOOL, parts=results))
    sent = [part["functionCall"]["id"] for part in body["contents"][1]["parts"]]
    returned = {
        part["functionResponse"]["id"]: part["functionResponse"]["response"]["output"]
        for part in body["contents"][2]["parts"]
    }
    assert len({*sent}) == 2
    assert [returned[each] for each in sent] == ['{"n": 1}', '{"n": 2}']
