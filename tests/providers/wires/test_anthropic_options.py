"""What Messages is asked for, by the kinds of Claude that there are."""

from dataclasses import replace

import pytest
from anthropic.types.message_create_params import MessageCreateParamsStreaming

from providers.types import ChatMessage, Json, MediaPart, ModelOptions, Role, ToolCallPart, ToolResultPart
from providers.wires import anthropic_messages
from tests.providers.wires.asking import (
    FILM,
    LOOK,
    LOOSE,
    PDF,
    PDF_URL,
    PNG,
    PNG_URL,
    STRICT,
    TEXT,
    WAV,
    Asked,
    Refuses,
    Says,
    added,
    check_against,
    note_of,
    refused,
    shown,
)

WIRE = anthropic_messages.KIND
TOOLS = (LOOK,)

#: Thinks by a budget; the last that takes a temperature; one that takes none; somebody else's.
HAIKU, OPUS, SONNET, OTHER = "claude-haiku-4-5", "claude-opus-4-6", "claude-sonnet-5-5", "kimi-k3"

ADAPTIVE = {"type": "adaptive", "display": "summarized"}

SAYS = [
    Says(options={"max_output_tokens": 9}, expected={"max_tokens": 9}),
    Says(options={"temperature": 0.0, "top_p": 0.5}, model=OPUS, expected={"temperature": 0.0, "top_p": 0.5}),
    Says(options={"temperature": 0.0}, model=OTHER, expected={"temperature": 0.0}),
    Says(options={"temperature": 0.5}, model="claude-3-5-sonnet-latest", expected={"temperature": 0.5}),
    Says(options={"temperature": 0.5}, model="claude-sonnet-4-20250514", expected={"temperature": 0.5}),
    Says(options={"temperature": 0.5}, model="claude-opus-4@20250514", expected={"temperature": 0.5}),
    Says(
        options={"temperature": 0.5},
        model="us.anthropic.claude-haiku-4-5-20251001-v1:0",
        expected={"temperature": 0.5},
    ),
    # The value that it would take anyway.
    Says(options={"temperature": 1.0, "top_p": 1}, model=SONNET, expected={}),
    Says(
        options={"reasoning_effort": "high"},
        model=SONNET,
        expected={"thinking": ADAPTIVE, "output_config": {"effort": "high"}},
    ),
    Says(
        options={"reasoning_budget": 9_000},
        model=SONNET,
        expected={"thinking": ADAPTIVE, "output_config": {"effort": "medium"}},
    ),
    Says(options={"reasoning_budget": 0}, model=SONNET, expected={"thinking": {"type": "disabled"}}),
    Says(options={"reasoning_effort": "none"}, model=SONNET, expected={"thinking": {"type": "disabled"}}),
    Says(
        options={"reasoning_budget": 9_000, "reasoning_effort": "low"},
        model=HAIKU,
        expected={"thinking": {"type": "enabled", "budget_tokens": 9_000}},
    ),
    Says(
        options={"reasoning_budget": 7},
        model=HAIKU,
        expected={"thinking": {"type": "enabled", "budget_tokens": 1_024}},
    ),
    Says(
        options={"reasoning_budget": 9_000, "max_output_tokens": 2_000},
        model=HAIKU,
        expected={"max_tokens": 2_000, "thinking": {"type": "enabled", "budget_tokens": 1_999}},
    ),
    Says(options={"reasoning_budget": 0}, model=HAIKU, expected={}),
    Says(options={"reasoning_effort": "none"}, model=HAIKU, expected={}),
    Says(
        options={"reasoning_budget": 2_000, "temperature": 1.0, "top_p": 0.95},
        model=HAIKU,
        expected={
            "thinking": {"type": "enabled", "budget_tokens": 2_000},
            "temperature": 1.0,
            "top_p": 0.95,
        },
    ),
    Says(options={"stop_sequences": ("END",)}, expected={"stop_sequences": ["END"]}),
    Says(options={"tool_choice": "auto"}, tools=TOOLS, expected={"tool_choice": {"type": "auto"}}),
    Says(options={"tool_choice": "none"}, tools=TOOLS, expected={"tool_choice": {"type": "none"}}),
    Says(options={"tool_choice": "required"}, tools=TOOLS, expected={"tool_choice": {"type": "any"}}),
    Says(
        options={"tool_choice": "look"},
        tools=TOOLS,
        expected={"tool_choice": {"type": "tool", "name": "look"}},
    ),
    Says(
        options={"output_schema": LOOSE, "reasoning_effort": "low"},
        model=SONNET,
        expected={
            "thinking": ADAPTIVE,
            "output_config": {
                "effort": "low",
                "format": {"type": "json_schema", "schema": {**LOOSE, "additionalProperties": False}},
            },
        },
    ),
    Says(
        options={"output_schema": STRICT},
        expected={"output_config": {"format": {"type": "json_schema", "schema": STRICT}}},
    ),
    Says(
        options={"provider_options": {"top_k": 4, "metadata": {"user_id": "u"}}},
        expected={"top_k": 4, "metadata": {"user_id": "u"}},
    ),
    Says(
        options={"reasoning_effort": "low", "provider_options": {"thinking": {"display": "omitted"}}},
        model=SONNET,
        expected={
            "thinking": {"type": "adaptive", "display": "omitted"},
            "output_config": {"effort": "low"},
        },
    ),
]


@pytest.mark.parametrize("case", SAYS, ids=lambda case: f"{case.model} {case.options}")
def test_it_says_each_option_in_its_own_words(case: Says) -> None:
    assert added(WIRE, case) == case.expected


@pytest.mark.parametrize("case", SAYS, ids=lambda case: str(case.options))
def test_it_uses_the_fields_that_the_sdk_has(case: Says) -> None:
    check_against(MessageCreateParamsStreaming, WIRE, case)


REFUSES = [
    *(
        Refuses(options={"temperature": 0.5}, model=model, about="temperature")
        for model in (SONNET, "claude-opus-4-7", "claude-mythos-preview", "anthropic.claude-opus-4-8")
    ),
    Refuses(options={"top_p": 0.5}, model=SONNET, about="top_p"),
    Refuses(options={"temperature": 1.5}, model=OPUS, about="temperature"),
    Refuses(options={"temperature": 0.5, "reasoning_effort": "low"}, model=OPUS, about="temperature"),
    Refuses(options={"top_p": 0.5, "reasoning_budget": 2_000}, model=HAIKU, about="top_p"),
    Refuses(
        options={"tool_choice": "required", "reasoning_effort": "low"},
        model=SONNET,
        tools=TOOLS,
        about="tool_choice",
    ),
    Refuses(
        options={"tool_choice": "look", "reasoning_budget": 2_000},
        model=HAIKU,
        tools=TOOLS,
        about="tool_choice",
    ),
    Refuses(options={"tool_choice": "look"}, about="tool_choice"),
    *(
        Refuses(options={"provider_options": {name: 1}}, about=name)
        for name in ("model", "messages", "system", "stream")
    ),
]


@pytest.mark.parametrize("case", REFUSES, ids=lambda case: f"{case.model} {case.options}")
def test_it_refuses_what_it_has_no_words_for(case: Refuses) -> None:
    assert case.about in refused(WIRE, case)


@pytest.mark.parametrize(
    ("cache", "mark"), [("short", {"type": "ephemeral"}), ("long", {"type": "ephemeral", "ttl": "1h"})]
)
def test_it_marks_up_to_where_a_prompt_may_be_kept(cache: str, mark: Json) -> None:
    case = Asked(options={}, system="Be kind.", tools=(LOOK, replace(LOOK, name="go")))
    request = case.request(WIRE, ModelOptions(cache=cache))
    body = anthropic_messages.build_body(request)
    assert body["system"] == [{"type": "text", "text": "Be kind.", "cache_control": mark}]
    assert [tool.get("cache_control") for tool in body["tools"]] == [None, mark]
    assert body["messages"][0]["content"] == [{"type": "text", "text": "Hi", "cache_control": mark}]
    call = ChatMessage(role=Role.ASSISTANT, parts=(ToolCallPart(id="c1", name="look", arguments="{}"),))
    result = ChatMessage(role=Role.TOOL, parts=(ToolResultPart(call_id="c1", name="look", content="a wall"),))
    body = anthropic_messages.build_body(replace(request, messages=(*request.messages, call, result)))
    marks = [block.get("cache_control") for turn in body["messages"] for block in turn["content"]]
    assert marks == [None, None, mark]


@pytest.mark.parametrize(
    ("part", "expected"),
    [
        (
            PNG,
            {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "iVBORw0K"}},
        ),
        (PNG_URL, {"type": "image", "source": {"type": "url", "url": "https://example.org/a.png"}}),
        (
            PDF,
            {
                "type": "document",
                "title": "plan.pdf",
                "source": {"type": "base64", "media_type": "application/pdf", "data": "JVBERi0x"},
            },
        ),
        (PDF_URL, {"type": "document", "source": {"type": "url", "url": "https://example.org/a.pdf"}}),
        (
            TEXT,
            {
                "type": "document",
                "title": "hi.md",
                "source": {"type": "text", "media_type": "text/plain", "data": "# Hi"},
            },
        ),
    ],
    ids=["image", "image by address", "document", "document by address", "text"],
)
def test_it_shows_files(part: MediaPart, expected: Json) -> None:
    assert shown(WIRE, part) == expected


@pytest.mark.parametrize(
    "part",
    [
        WAV,
        FILM,
        replace(PNG, mime_type="image/tiff"),
        replace(PDF, mime_type="application/msword"),
        replace(PDF_URL, mime_type="text/plain"),
        replace(TEXT, data="/w=="),
    ],
    ids=["audio", "video", "other image", "other document", "text by address", "text that is none"],
)
def test_it_refuses_other_files_and_notes_them_later(part: MediaPart) -> None:
    assert (part.name or part.kind) in note_of(WIRE, part)
