"""The Gemini wire: what its stream means, and what is kept of a cut answer.

How answers end is in ``test_gemini_generate_ends``.
"""

import json
from typing import Any

import pytest

from providers.errors import (
    LLMMalformedToolCallError,
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
from providers.wires import gemini_generate as wire
from tests.providers.wires.gemini_chunks import argument, call, chunk, piece, play, words
from tests.providers.wires.playing import Cut, check_consistent


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
        {"jsonPath": ["$.a"], "stringValue": "x"},
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


CUTS = [
    Cut(name="inside a text", stream=[chunk(words("Hel"))], native=({"text": "Hel"},)),
    Cut(name="inside a thought", stream=[chunk(words("Hm", thought=True))], native=[]),
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
    cut.check(wire.KIND)


def test_it_survives_half_a_character() -> None:
    told = play([chunk(words("\ud83d"), call(args={"a": "\ud83d"}), finish="STOP")])
    assert told.result.text == "\ud83d"
    assert json.loads(told.result.tool_calls[0].arguments) == {"a": "\ud83d"}


@pytest.mark.parametrize(
    ("args", "arguments", "sent"),
    [
        pytest.param({"a": 1}, '{"a": 1}', {"a": 1}, id="an object"),
        pytest.param(None, "{}", None, id="null"),
        pytest.param([], "{}", None, id="an empty list"),
        pytest.param('{"a": 1}', '{"a": 1}', {"a": 1}, id="text"),
        pytest.param("soon", "soon", None, id="no JSON"),
        pytest.param([1], "[1]", None, id="a list"),
    ],
)
def test_it_takes_whatever_a_call_says_for_its_arguments(
    args: Any, arguments: str, sent: Json | None
) -> None:
    told = play([chunk(call(args=args, id="c1"), finish="STOP")])
    assert told.result.stop_reason is FinishReason.TOOL_CALLS
    assert told.result.tool_calls == (ToolCallPart(id="c1", name="look", arguments=arguments),)
    assert told.result.native[0]["functionCall"].get("args") == sent
    check_consistent(told)
