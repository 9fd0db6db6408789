"""What Chat Completions, and who speaks it otherwise, is asked for."""

import json
from dataclasses import replace

import pytest
from openai.types.chat.completion_create_params import CompletionCreateParamsStreaming

from providers import wires
from providers.types import (
    ChatMessage,
    FinishReason,
    Json,
    MediaPart,
    ModelOptions,
    ReasoningPart,
    Role,
    StepResult,
    TextPart,
)
from providers.types.events import ModelEvent, ReasoningDelta, TextDelta
from providers.types.quirks import Quirks
from providers.wires import openai_chat
from tests.providers.wires.asking import (
    FILM,
    LOOK,
    LOOSE,
    PDF,
    PDF_URL,
    PNG,
    PNG_URL,
    STRICT,
    WAV,
    Asked,
    Refuses,
    Says,
    added,
    check_against,
    note_of,
    refused,
    showing,
    shown,
)
from tests.providers.wires.playing import play

WIRE = openai_chat.KIND
TOOLS = (LOOK,)

SAYS = [
    Says(options={"max_output_tokens": 9}, expected={"max_completion_tokens": 9}),
    Says(
        options={"max_output_tokens": 9},
        quirks=Quirks(output_limit="max_tokens"),
        expected={"max_tokens": 9},
    ),
    Says(options={"temperature": 0.0, "top_p": 0.5}, expected={"temperature": 0.0, "top_p": 0.5}),
    Says(options={"stop_sequences": ("END", "\n")}, expected={"stop": ["END", "\n"]}),
    Says(options={"reasoning_effort": "low"}, expected={"reasoning_effort": "low"}),
    Says(options={"reasoning_budget": 0}, expected={"reasoning_effort": "none"}),
    Says(options={"reasoning_budget": 4_096}, expected={"reasoning_effort": "low"}),
    Says(options={"reasoning_budget": 4_097}, expected={"reasoning_effort": "medium"}),
    Says(options={"reasoning_budget": 50_000}, expected={"reasoning_effort": "high"}),
    Says(
        options={"reasoning_effort": "low", "reasoning_budget": 50_000}, expected={"reasoning_effort": "low"}
    ),
    Says(
        options={"reasoning_effort": "high"},
        quirks=Quirks(effort="reasoning"),
        expected={"reasoning": {"effort": "high"}},
    ),
    Says(
        options={"reasoning_budget": 3_000},
        quirks=Quirks(effort="reasoning"),
        expected={"reasoning": {"max_tokens": 3_000}},
    ),
    Says(
        options={"reasoning_budget": 0},
        quirks=Quirks(effort="reasoning"),
        expected={"reasoning": {"effort": "none"}},
    ),
    Says(
        options={"reasoning_effort": "high"},
        quirks=Quirks(effort="thinking"),
        expected={"thinking": {"type": "enabled"}},
    ),
    Says(
        options={"reasoning_effort": "minimal"},
        quirks=Quirks(effort="thinking"),
        expected={"thinking": {"type": "disabled"}},
    ),
    Says(options={"tool_choice": "auto"}, tools=TOOLS, expected={"tool_choice": "auto"}),
    Says(options={"tool_choice": "none"}, tools=TOOLS, expected={"tool_choice": "none"}),
    Says(options={"tool_choice": "required"}, tools=TOOLS, expected={"tool_choice": "required"}),
    Says(
        options={"tool_choice": "look"},
        tools=TOOLS,
        expected={"tool_choice": {"type": "function", "function": {"name": "look"}}},
    ),
    Says(options={"tool_choice": "auto"}, expected={}),
    Says(options={"tool_choice": "none"}, expected={}),
    Says(
        options={"output_schema": STRICT},
        expected={
            "response_format": {
                "type": "json_schema",
                "json_schema": {"name": "answer", "schema": STRICT, "strict": True},
            }
        },
    ),
    Says(
        options={"output_schema": LOOSE},
        expected={
            "response_format": {
                "type": "json_schema",
                "json_schema": {"name": "answer", "schema": LOOSE, "strict": False},
            }
        },
    ),
    Says(
        options={"provider_options": {"seed": 7, "temperature": 0.1}},
        expected={"seed": 7, "temperature": 0.1},
    ),
    Says(
        options={"provider_options": {"tools": [{"type": "web_search"}]}},
        expected={"tools": [{"type": "web_search"}]},
    ),
    Says(options={"cache": "long"}, quirks=Quirks(takes_cache_key=False), expected={}),
]


@pytest.mark.parametrize("case", SAYS, ids=lambda case: str(case.options))
def test_it_says_each_option_in_its_own_words(case: Says) -> None:
    assert added(WIRE, case) == case.expected


@pytest.mark.parametrize(
    "case",
    [case for case in SAYS if case.quirks.effort == "reasoning_effort"],
    ids=lambda case: str(case.options),
)
def test_it_uses_the_fields_that_the_sdk_has(case: Says) -> None:
    check_against(CompletionCreateParamsStreaming, WIRE, case)


REFUSES = [
    Refuses(options={"tool_choice": "required"}, about="tool_choice"),
    Refuses(options={"tool_choice": "fly"}, tools=TOOLS, about="'fly'"),
    Refuses(options={"reasoning_effort": "low"}, quirks=Quirks(effort=None), about="reasoning_effort"),
    Refuses(options={"reasoning_budget": 9}, quirks=Quirks(effort=None), about="reasoning_budget"),
    *(
        Refuses(options={"provider_options": {name: 1}}, about=name)
        for name in ("model", "messages", "stream", "stream_options", "n", "store")
    ),
]


@pytest.mark.parametrize("case", REFUSES, ids=lambda case: str(case.options))
def test_it_refuses_what_it_has_no_words_for(case: Refuses) -> None:
    assert case.about in refused(WIRE, case)


def test_it_does_not_ask_for_usage_where_that_is_refused() -> None:
    case = Asked(options={}, quirks=Quirks(asks_for_usage=False))
    assert "stream_options" not in openai_chat.build_body(case.request(WIRE, ModelOptions()))


@pytest.mark.parametrize("system", ["Be kind.", ""])
def test_it_puts_a_schema_into_the_system_prompt_where_none_can_be_demanded(system: str) -> None:
    case = Asked(options={}, system=system, quirks=Quirks(takes_json_schema=False))
    body = openai_chat.build_body(case.request(WIRE, ModelOptions(output_schema=STRICT)))
    assert body["response_format"] == {"type": "json_object"}
    words = body["messages"][0]["content"]
    assert words.startswith(system)
    assert json.dumps(STRICT) in words


def test_it_keeps_the_calls_of_a_conversation_at_one_cache() -> None:
    short, long = ModelOptions(cache="short"), ModelOptions(cache="long")
    case = Asked(options={}, system="Be kind.", tools=TOOLS)
    first = case.request(WIRE, short)
    key = openai_chat.build_body(first)["prompt_cache_key"]
    assert 0 < len(key) <= 64
    assert added(WIRE, replace(case, options={"cache": "short"})) == {"prompt_cache_key": key}
    assert openai_chat.build_body(replace(first, options=long)) == {
        **openai_chat.build_body(first),
        "prompt_cache_retention": "24h",
    }
    more = ChatMessage(role=Role.USER, parts=(TextPart(text="And then?"),))
    later = replace(first, messages=(*first.messages, more))
    assert openai_chat.build_body(later)["prompt_cache_key"] == key
    for other in (
        replace(first, system="Be brief."),
        replace(first, tools=()),
        replace(first, messages=(more,)),
    ):
        assert openai_chat.build_body(other)["prompt_cache_key"] != key


@pytest.mark.parametrize(
    ("part", "expected"),
    [
        (PNG, {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0K"}}),
        (PNG_URL, {"type": "image_url", "image_url": {"url": "https://example.org/a.png"}}),
        (
            PDF,
            {
                "type": "file",
                "file": {"filename": "plan.pdf", "file_data": "data:application/pdf;base64,JVBERi0x"},
            },
        ),
        (WAV, {"type": "input_audio", "input_audio": {"data": "UklGRg==", "format": "wav"}}),
    ],
    ids=["image", "image by address", "document", "audio"],
)
def test_it_shows_files(part: MediaPart, expected: Json) -> None:
    assert shown(WIRE, part) == expected


def test_it_names_a_document_that_has_no_name() -> None:
    assert shown(WIRE, replace(PDF, name=None))["file"]["filename"] == "document.pdf"


@pytest.mark.parametrize(
    "part",
    [PDF_URL, FILM, replace(WAV, mime_type="audio/ogg")],
    ids=["document by address", "video", "other audio"],
)
def test_it_refuses_other_files_and_notes_them_later(part: MediaPart) -> None:
    assert (part.name or part.kind) in note_of(WIRE, part)


@pytest.mark.parametrize("wire", wires.WIRES)
def test_it_judges_a_file_before_its_bytes_are_there(wire: str) -> None:
    wires.check(showing(wire, replace(PNG, data=None)))


def told_with(stream: list[Json], quirks: Quirks) -> tuple[list[ModelEvent], StepResult]:
    told = play(WIRE, stream, quirks=quirks)
    return told.events, told.result


def chunk(finish: str | None = None, **delta: object) -> Json:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return {"id": "c1", "model": "m", "choices": [choice]}


CALL = chunk(
    tool_calls=[
        {"index": 0, "id": "call_1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    ]
)
LONELY = [chunk(reasoning_content="It is "), chunk(reasoning_content="four."), chunk("stop")]


def test_it_says_thoughts_again_where_they_are_all_of_the_answer() -> None:
    told, result = told_with(
        LONELY, Quirks(thoughts_may_be_the_answer=True, thoughts_go_back_as="reasoning_content")
    )
    assert told[1:] == [ReasoningDelta("It is "), ReasoningDelta("four."), TextDelta("It is four.")]
    assert result.parts == (ReasoningPart(text="It is four."), TextPart(text="It is four."))
    assert (result.text, result.stop_reason) == ("It is four.", FinishReason.END_TURN)
    # Once is enough for the server, too.
    assert result.native == ({"role": "assistant", "content": "It is four."},)
    message = result.response["choices"][0]["message"]
    assert (message["content"], message["reasoning_content"]) == (None, "It is four.")


@pytest.mark.parametrize(
    ("stream", "quirks", "text"),
    [
        (LONELY, Quirks(), ""),
        ([*LONELY[:2], chunk("length")], Quirks(thoughts_may_be_the_answer=True), ""),
        ([*LONELY[:2], chunk("stop", content="4")], Quirks(thoughts_may_be_the_answer=True), "4"),
        ([*LONELY[:2], CALL, chunk("tool_calls")], Quirks(thoughts_may_be_the_answer=True), ""),
    ],
    ids=["no quirk", "cut", "with words", "with a call"],
)
def test_it_leaves_thoughts_alone_otherwise(stream: list[Json], quirks: Quirks, text: str) -> None:
    told, result = told_with(stream, quirks)
    assert result.text == text
    assert "".join(event.text for event in told if isinstance(event, TextDelta)) == text


@pytest.mark.parametrize(
    ("field", "with_call", "expected"),
    [
        ("reasoning", False, {"reasoning": "Hm"}),
        ("reasoning_content", True, {"reasoning_content": "Hm"}),
        (None, False, {}),
        (None, True, {"reasoning_content": "Hm"}),
    ],
)
def test_it_sends_thoughts_back_as_the_server_wants_them(
    field: str | None, with_call: bool, expected: Json
) -> None:
    stream = [chunk(reasoning_content="Hm"), chunk(content="So"), *([CALL] if with_call else [])]
    _, result = told_with(
        [*stream, chunk("tool_calls" if with_call else "stop")], Quirks(thoughts_go_back_as=field)
    )
    (message,) = result.native
    assert {name: value for name, value in message.items() if name.startswith("reasoning")} == expected
