"""The Gemini wire: what its chunks mean, what is kept of a cut answer, what goes back."""

import json
from dataclasses import dataclass
from functools import partial
from typing import Any

import pytest

from providers.errors import (
    LLMBadRequestError,
    LLMConnectionError,
    LLMContentFilterError,
    LLMEmptyResponseError,
    LLMError,
    LLMMalformedResponseError,
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
from providers.wires import gemini_generate as wire
from tests.contract.reading import Recording, events, recordings
from tests.providers.wires.playing import Told
from tests.providers.wires.playing import play as play_on

HERE = Origin(wire=wire.KIND, provider="gemini", model="gemini-3-pro-preview")
ELSEWHERE = Origin(wire="anthropic-messages", provider="anthropic", model="claude-sonnet-4-6")

RECORDINGS = [recording for recording in recordings() if recording.wire == wire.KIND]
ABSENT = pytest.param(None, marks=pytest.mark.skip(reason="there are no recordings beside the project"))


play = partial(play_on, wire.KIND)


def chunk(*parts: Json, finish: str | None = None, usage: Json | None = None, **candidate: Any) -> Json:
    said: Json = {"content": {"role": "model", "parts": list(parts)}, **candidate}
    if finish:
        said["finishReason"] = finish
    counts = {} if usage is None else {"usageMetadata": usage}
    return {"candidates": [said], "responseId": "r1", "modelVersion": "gemini-x", **counts}


def words(text: str, **more: Any) -> Json:
    return {"text": text, **more}


def call(name: str = "look", **fields: Any) -> Json:
    return {"functionCall": {"name": name, **fields}}


def piece(*arguments: Json, goes_on: bool = True) -> Json:
    return {"functionCall": {"partialArgs": list(arguments), "willContinue": goes_on}}


def argument(path: str, value: str, *, goes_on: bool = False) -> Json:
    return {"jsonPath": path, "stringValue": value, **({"willContinue": True} if goes_on else {})}


@dataclass(frozen=True, kw_only=True)
class Ending:
    """A stream, and how it must end."""

    name: str
    stream: list[Any]
    stop_reason: FinishReason | None = None
    error: type[LLMError] | None = None
    text: str = ""


ENDINGS = [
    Ending(
        name="a plain end",
        stream=[chunk(words("Hel")), chunk(words("lo"), finish="STOP")],
        stop_reason=FinishReason.END_TURN,
        text="Hello",
    ),
    Ending(
        name="an end on every chunk",
        stream=[chunk(words("Hel"), finish="STOP"), chunk(words("lo"), finish="STOP")],
        stop_reason=FinishReason.END_TURN,
        text="Hello",
    ),
    Ending(
        name="an end without content",
        stream=[chunk(words("So")), {"candidates": [{"content": {"role": "model"}, "finishReason": "STOP"}]}],
        stop_reason=FinishReason.END_TURN,
        text="So",
    ),
    Ending(
        name="a reason that nobody knows yet",
        stream=[chunk(words("So"), finish="BORED")],
        stop_reason=FinishReason.END_TURN,
        text="So",
    ),
    Ending(
        name="another candidate beside the first",
        stream=[
            {"candidates": [{"content": {"parts": [words("No")]}, "index": 1, "finishReason": "SAFETY"}]},
            chunk(words("So"), finish="STOP", index=0),
        ],
        stop_reason=FinishReason.END_TURN,
        text="So",
    ),
    Ending(
        name="function calls",
        stream=[chunk(call(args={}), finish="STOP")],
        stop_reason=FinishReason.TOOL_CALLS,
    ),
    Ending(
        name="function calls after the finish reason",
        stream=[chunk(words(""), finish="STOP"), chunk(call(args={}))],
        stop_reason=FinishReason.TOOL_CALLS,
    ),
    Ending(
        name="an output limit",
        stream=[chunk(words("Lo"), finish="MAX_TOKENS")],
        stop_reason=FinishReason.MAX_TOKENS_EXCEEDED,
        text="Lo",
    ),
    Ending(
        name="an output limit before any word",
        stream=[chunk(finish="MAX_TOKENS")],
        stop_reason=FinishReason.MAX_TOKENS_EXCEEDED,
    ),
    Ending(
        name="an output limit inside a call",
        stream=[chunk(call(willContinue=True)), chunk(piece(argument("$.a", "b")), finish="MAX_TOKENS")],
        stop_reason=FinishReason.MAX_TOKENS_EXCEEDED,
    ),
    Ending(
        name="a call that nobody finished",
        stream=[chunk(call(willContinue=True)), chunk(finish="STOP")],
        error=LLMMalformedToolCallError,
    ),
    Ending(
        name="a piece of no call",
        stream=[chunk(piece(argument("$.a", "b"))), chunk(words("So"), finish="STOP")],
        error=LLMMalformedToolCallError,
        text="So",
    ),
    Ending(
        name="a malformed call",
        stream=[chunk(finish="MALFORMED_FUNCTION_CALL")],
        error=LLMMalformedToolCallError,
    ),
    Ending(
        name="a malformed answer",
        stream=[chunk(words("S"), finish="MALFORMED_RESPONSE")],
        error=LLMMalformedResponseError,
        text="S",
    ),
    Ending(
        name="a signature that we forgot",
        stream=[chunk(finish="MISSING_THOUGHT_SIGNATURE")],
        error=LLMBadRequestError,
    ),
    Ending(
        name="a filter after words",
        stream=[chunk(words("I")), chunk(finish="SAFETY")],
        error=LLMContentFilterError,
        text="I",
    ),
    Ending(name="a recitation", stream=[chunk(finish="RECITATION")], error=LLMContentFilterError),
    Ending(
        name="a blocked prompt",
        stream=[{"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}, "modelVersion": "gemini-x"}],
        error=LLMContentFilterError,
    ),
    Ending(
        name="an error inside the stream, after an end",
        stream=[
            chunk(words("I"), finish="STOP"),
            {"error": {"code": 503, "message": "The model is overloaded.", "status": "UNAVAILABLE"}},
        ],
        error=LLMProviderOverloadedError,
        text="I",
    ),
    Ending(name="nothing at all", stream=[], error=LLMEmptyResponseError),
    Ending(
        name="an end without an answer", stream=[chunk(words(""), finish="STOP")], error=LLMEmptyResponseError
    ),
    Ending(name="a stream that breaks off", stream=[chunk(words("I"))], error=LLMConnectionError, text="I"),
]


@pytest.mark.parametrize("ending", ENDINGS, ids=lambda ending: ending.name)
def test_it_names_how_an_answer_ended(ending: Ending) -> None:
    told = play(ending.stream)
    assert told.result.stop_reason is ending.stop_reason
    assert type(told.raised) is (ending.error or type(None))
    assert told.result.text == ending.text
    assert not told.result.stream_was_cancelled


def test_it_tells_everything_in_the_order_in_which_it_came() -> None:
    grounding = {"webSearchQueries": ["x"]}
    code, output = {"language": "PYTHON", "code": "1"}, {"outcome": "OUTCOME_OK", "output": "1"}
    signed = call(args={"a": "ü"}, id="c1") | {"thoughtSignature": "sig"}
    stream = [
        chunk(words("H", thought=True)),
        chunk(words("m", thought=True)),
        chunk(words("So")),
        chunk({"executableCode": code}, {"codeExecutionResult": output}),
        chunk(signed, call("go"), groundingMetadata={}),
        chunk(words("", thoughtSignature="end"), finish="STOP", groundingMetadata=grounding),
    ]
    told = play(stream)
    minted = told.result.tool_calls[1].id
    assert told.events == [
        ResponseStarted("r1", "gemini-x"),
        ReasoningDelta("H", 0),
        ReasoningDelta("m", 0),
        TextDelta("So"),
        ProviderItem("executableCode", code),
        ProviderItem("codeExecutionResult", output),
        ReasoningSealed("sig", 1),
        ToolCallStarted("c1", "look"),
        ToolCallDelta("c1", '{"a": "ü"}'),
        ToolCallFinished("c1"),
        ToolCallStarted(minted, "go"),
        ToolCallDelta(minted, "{}"),
        ToolCallFinished(minted),
        ReasoningSealed("end", 2),
        ProviderItem("groundingMetadata", grounding),
    ]
    assert minted
    assert told.result.parts == (
        ReasoningPart(text="Hm"),
        TextPart(text="So"),
        ProviderItemPart(kind="executableCode", data=code),
        ProviderItemPart(kind="codeExecutionResult", data=output),
        ReasoningPart(text="", sealed="sig"),
        ToolCallPart(id="c1", name="look", arguments='{"a": "ü"}'),
        ToolCallPart(id=minted, name="go", arguments="{}"),
        ReasoningPart(text="", sealed="end"),
        ProviderItemPart(kind="groundingMetadata", data=grounding),
    )
    assert told.result.native == (
        {"text": "Hm", "thought": True},
        {"text": "So"},
        {"executableCode": code},
        {"codeExecutionResult": output},
        signed,
        {"functionCall": {"name": "go"}},
        {"text": "", "thoughtSignature": "end"},
    )
    candidate = told.result.response["candidates"][0]
    assert candidate["content"]["parts"] == list(told.result.native)
    assert candidate["groundingMetadata"] == grounding


def test_it_seals_the_thought_that_came_just_before() -> None:
    told = play([chunk(words("Hm", thought=True)), chunk(words("So", thoughtSignature="sig"), finish="STOP")])
    assert told.result.parts == (ReasoningPart(text="Hm", sealed="sig"), TextPart(text="So"))
    assert told.result.native == ({"text": "Hm", "thought": True}, {"text": "So", "thoughtSignature": "sig"})


@pytest.mark.parametrize("beside", ["partMetadata", "speechMetadata"])
def test_it_finds_words_behind_what_describes_them(beside: str) -> None:
    told = play([chunk({beside: {"speaker": "A"}, "text": "Hi"}, finish="STOP")])
    assert told.result.text == "Hi"


def test_it_keeps_signed_words_apart_from_others() -> None:
    stream = [chunk(words("a")), chunk(words("b", thoughtSignature="sig")), chunk(words("c"), finish="STOP")]
    told = play(stream)
    assert told.result.text == "abc"
    assert told.result.native == ({"text": "a"}, {"text": "b", "thoughtSignature": "sig"}, {"text": "c"})


def test_it_puts_a_call_in_pieces_together() -> None:
    opening = call(willContinue=True) | {"thoughtSignature": "sig"}
    told = play(
        [
            chunk(opening),
            chunk(piece(argument("$.rows[0].name", "La", goes_on=True))),
            chunk(piece(argument("$.rows[0].name", "sagna", goes_on=True))),
            chunk(piece(argument("$.rows[0].name", ""), {"jsonPath": "$.rows[0].count", "numberValue": 2})),
            chunk(
                piece(argument("$.rows[1].name", "Soup"), {"jsonPath": "$.rows[1].hot", "boolValue": True})
            ),
            chunk(piece({"jsonPath": "$['a.b']", "nullValue": "NULL_VALUE"}, argument(r"$['it\'s']", "so"))),
            chunk({"functionCall": {}}, finish="STOP"),
        ]
    )
    arguments = {
        "rows": [{"name": "Lasagna", "count": 2}, {"name": "Soup", "hot": True}],
        "a.b": None,
        "it's": "so",
    }
    (made,) = told.result.tool_calls
    assert made.complete
    assert json.loads(made.arguments) == arguments
    assert told.result.native == (
        {"functionCall": {"name": "look", "args": arguments}, "thoughtSignature": "sig"},
    )
    assert told.result.stop_reason is FinishReason.TOOL_CALLS


@pytest.mark.parametrize(
    "argument",
    [
        {"jsonPath": "$.a[1000000]", "stringValue": "x"},
        {"jsonPath": "$", "stringValue": "x"},
        {"jsonPath": "a", "stringValue": "x"},
        {"jsonPath": "$.a..b", "stringValue": "x"},
        {"jsonPath": "$" + ".a" * 1000, "stringValue": "x"},
        {"jsonPath": "$[0]", "stringValue": "x"},
        {"jsonPath": "$.a", "stringValue": 1},
        {"stringValue": "x"},
    ],
    ids=str,
)
def test_it_does_not_use_a_call_whose_pieces_do_not_fit(argument: Json) -> None:
    told = play([chunk(call(willContinue=True)), chunk(piece(argument, goes_on=False), finish="STOP")])
    assert type(told.raised) is LLMMalformedToolCallError
    assert [made.complete for made in told.result.tool_calls] == [False]
    assert told.result.native == ()


def test_it_lets_a_value_be_overwritten() -> None:
    pieces = piece(argument("$.a.b", "x"), {"jsonPath": "$.a", "numberValue": 1}, goes_on=False)
    told = play([chunk(call(willContinue=True)), chunk(pieces, finish="STOP")])
    assert [made.arguments for made in told.result.tool_calls] == ['{"a": 1}']


def test_it_replaces_running_totals_and_never_adds_them() -> None:
    first = {"promptTokenCount": 10, "candidatesTokenCount": 1, "totalTokenCount": 11}
    last = {
        "promptTokenCount": 10,
        "toolUsePromptTokenCount": 30,
        "cachedContentTokenCount": 4,
        "candidatesTokenCount": 5,
        "thoughtsTokenCount": 7,
        "totalTokenCount": 52,
    }
    stream = [
        chunk(words("S"), usage=first),
        chunk(words("o"), usage=first),
        chunk(words("."), finish="STOP", usage={"trafficType": "ON_DEMAND"}),
        {"usageMetadata": last},
    ]
    told = play(stream)
    seen = [event.usage for event in told.events if isinstance(event, UsageSeen)]
    assert seen == [
        Usage(input_tokens=10, output_tokens=1),
        Usage(
            input_tokens=40,
            cached_input_tokens=4,
            output_tokens=12,
            reasoning_tokens=7,
            source=UsageSource.REPORTED,
        ),
    ]
    assert told.result.usage == seen[-1]
    assert told.result.raw_usage == last


def test_it_says_that_totals_before_the_end_are_partial() -> None:
    usage = {"promptTokenCount": 10, "totalTokenCount": 10}
    told = play([chunk(words("S"), usage=usage)], cancel=True)
    assert told.result.usage == Usage(input_tokens=10)


@dataclass(frozen=True, kw_only=True)
class Cut:
    """A stream that is cancelled, and what of it may go back."""

    name: str
    stream: list[Any]
    native: tuple[Json, ...]


CUTS = [
    Cut(name="inside a text", stream=[chunk(words("Hel"))], native=({"text": "Hel"},)),
    Cut(name="inside a thought", stream=[chunk(words("Hm", thought=True))], native=()),
    Cut(
        name="inside a later thought",
        stream=[chunk(words("Hel")), chunk(words("Hm", thought=True))],
        native=({"text": "Hel"},),
    ),
    Cut(
        name="inside a call",
        stream=[chunk(words("So"), call(willContinue=True)), chunk(piece(argument("$.a", "b")))],
        native=({"text": "So"},),
    ),
    Cut(
        name="before the output of code",
        stream=[chunk(words("So"), {"executableCode": {"language": "PYTHON", "code": "1"}})],
        native=({"text": "So"},),
    ),
    Cut(
        name="before a server tool's response",
        stream=[
            chunk({"toolCall": {"id": "1"}}, {"toolCall": {"id": "2"}}),
            chunk({"toolResponse": {"id": "2"}}),
        ],
        native=({"toolCall": {"id": "2"}}, {"toolResponse": {"id": "2"}}),
    ),
]


@pytest.mark.parametrize("cut", CUTS, ids=lambda cut: cut.name)
def test_it_sends_back_only_what_is_whole(cut: Cut) -> None:
    told = play(cut.stream, cancel=True)
    assert isinstance(told.raised, RunCancelled)
    assert told.result.stream_was_cancelled
    assert told.result.stop_reason is None
    assert told.result.native == cut.native


def test_it_cuts_nothing_after_the_end() -> None:
    told = play([chunk(words("So"), finish="STOP")], cancel=True)
    assert not told.result.stream_was_cancelled
    assert told.result.stop_reason is FinishReason.END_TURN


def test_it_survives_half_a_character() -> None:
    told = play([chunk(words("\ud83d"), call(args={"a": "\ud83d"}), finish="STOP")])
    assert told.result.text == "\ud83d"
    assert json.loads(told.result.tool_calls[0].arguments) == {"a": "\ud83d"}


def ask(*messages: ChatMessage, **fields: Any) -> Json:
    return wire.build_body(ModelRequest(origin=fields.pop("origin", HERE), messages=messages, **fields))


def user(said: str) -> ChatMessage:
    return ChatMessage(role=Role.USER, parts=(TextPart(text=said),))


def answer(result: StepResult, origin: Origin = HERE) -> ChatMessage:
    return ChatMessage(role=Role.ASSISTANT, parts=result.parts, origin=origin, native=result.native)


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
    body = ask(user("Hi"), answer(told.result), results, user("And?"))
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


def check_consistent(told: Told) -> None:
    """Hold what was told as it streamed against what is kept."""
    assert "".join(event.text for event in told.events if isinstance(event, TextDelta)) == told.result.text
    arguments = {event.id: "" for event in told.events if isinstance(event, ToolCallStarted)}
    for event in told.events:
        if isinstance(event, ToolCallDelta):
            arguments[event.id] += event.arguments
    finished = {event.id for event in told.events if isinstance(event, ToolCallFinished)}
    assert [(made.id, made.arguments, made.complete) for made in told.result.tool_calls] == [
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
    signatures = [event.value for event in whole.events if isinstance(event, ReasoningSealed)]
    for told in [whole, *(play(stream[:cut], cancel=True) for cut in range(len(stream)))]:
        check_consistent(told)
        check(ask(user("Hi"), answer(told.result), user("Go on.")))
        check(ask(user("Hi"), answer(told.result, ELSEWHERE), user("Go on.")))
        sealed = [event.value for event in told.events if isinstance(event, ReasoningSealed)]
        assert sealed == signatures[: len(sealed)]
        sent = [part["thoughtSignature"] for part in told.result.native if "thoughtSignature" in part]
        # A signature may be lost only with the half of a pair that it signs.
        assert [seal for seal in sealed if seal in sent] == sent
        if told is whole:
            assert sent == sealed
