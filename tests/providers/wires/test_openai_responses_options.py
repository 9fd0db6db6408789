"""What Responses is asked for."""

import pytest
from openai.types.responses.response_create_params import ResponseCreateParamsStreaming

from providers.types import Json, MediaPart, ModelOptions
from providers.types.quirks import Quirks
from providers.wires import openai_responses
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
    shown,
)

WIRE = openai_responses.KIND
TOOLS = (LOOK,)

SAYS = [
    Says(options={"max_output_tokens": 9}, expected={"max_output_tokens": 9}),
    Says(options={"temperature": 0.0, "top_p": 0.5}, expected={"temperature": 0.0, "top_p": 0.5}),
    Says(options={"reasoning_effort": "low"}, expected={"reasoning": {"effort": "low"}}),
    Says(options={"reasoning_budget": 9_000}, model="gpt-5.5", expected={"reasoning": {"effort": "medium"}}),
    Says(options={"tool_choice": "none"}, tools=TOOLS, expected={"tool_choice": "none"}),
    Says(options={"tool_choice": "required"}, tools=TOOLS, expected={"tool_choice": "required"}),
    Says(
        options={"tool_choice": "look"},
        tools=TOOLS,
        expected={"tool_choice": {"type": "function", "name": "look"}},
    ),
    Says(
        options={"output_schema": STRICT},
        expected={
            "text": {
                "format": {"type": "json_schema", "name": "answer", "schema": STRICT, "strict": True},
            }
        },
    ),
    Says(
        options={"output_schema": LOOSE, "provider_options": {"text": {"verbosity": "low"}}},
        expected={
            "text": {
                "format": {"type": "json_schema", "name": "answer", "schema": LOOSE, "strict": False},
                "verbosity": "low",
            }
        },
    ),
    # What is asked for as well does not go lost.
    Says(
        options={
            "provider_options": {
                "include": ["message.output_text.logprobs"],
                "reasoning": {"summary": "detailed"},
            }
        },
        model="gpt-5.5",
        expected={
            "include": ["reasoning.encrypted_content", "message.output_text.logprobs"],
            "reasoning": {"summary": "detailed"},
        },
    ),
    Says(options={"cache": "short"}, quirks=Quirks(takes_cache_key=False), expected={}),
]


@pytest.mark.parametrize("case", SAYS, ids=lambda case: str(case.options))
def test_it_says_each_option_in_its_own_words(case: Says) -> None:
    assert added(WIRE, case) == case.expected


def test_it_asks_for_a_cache_by_a_key() -> None:
    case = Asked(options={"cache": "long"})
    key = openai_responses.build_body(case.request(WIRE, ModelOptions(cache="short")))["prompt_cache_key"]
    assert added(WIRE, case) == {"prompt_cache_key": key, "prompt_cache_retention": "24h"}


@pytest.mark.parametrize("case", SAYS, ids=lambda case: str(case.options))
def test_it_uses_the_fields_that_the_sdk_has(case: Says) -> None:
    check_against(ResponseCreateParamsStreaming, WIRE, case)


REFUSES = [
    Refuses(options={"stop_sequences": ("END",)}, about="stop_sequences"),
    Refuses(options={"tool_choice": "required"}, about="tool_choice"),
    *(
        Refuses(options={"provider_options": {"tools": [tool]}}, about=about)
        for tool, about in (
            ({"type": "custom", "name": "run"}, "custom"),
            ({"type": "local_shell"}, "local_shell"),
            ({"type": "shell"}, "shell"),
            ({"type": "apply_patch"}, "apply_patch"),
            ({"type": "tool_search", "execution": "client"}, "tool_search"),
            ({"type": "mcp", "server_label": "papers"}, "require_approval"),
            ({"type": "mcp", "require_approval": "always"}, "require_approval"),
            ({"type": "mcp", "require_approval": {"never": {"tool_names": ["find"]}}}, "require_approval"),
            (
                {
                    "type": "mcp",
                    "allowed_tools": ["find", "drop"],
                    "require_approval": {"never": {"tool_names": ["find"]}},
                },
                "require_approval",
            ),
        )
    ),
    *(
        Refuses(options={"provider_options": {name: 1}}, about=name)
        for name in (
            "model",
            "input",
            "stream",
            "store",
            "background",
            "previous_response_id",
            "conversation",
        )
    ),
]


@pytest.mark.parametrize("case", REFUSES, ids=lambda case: str(case.options))
def test_it_refuses_what_it_has_no_words_for(case: Refuses) -> None:
    assert case.about in refused(WIRE, case)


@pytest.mark.parametrize(
    ("part", "expected"),
    [
        (PNG, {"type": "input_image", "image_url": "data:image/png;base64,iVBORw0K", "detail": "auto"}),
        (PNG_URL, {"type": "input_image", "image_url": "https://example.org/a.png", "detail": "auto"}),
        (
            PDF,
            {
                "type": "input_file",
                "filename": "plan.pdf",
                "file_data": "data:application/pdf;base64,JVBERi0x",
            },
        ),
        (PDF_URL, {"type": "input_file", "file_url": "https://example.org/a.pdf"}),
    ],
    ids=["image", "image by address", "document", "document by address"],
)
def test_it_shows_files(part: MediaPart, expected: Json) -> None:
    assert shown(WIRE, part) == expected


@pytest.mark.parametrize("part", [WAV, FILM], ids=["audio", "video"])
def test_it_refuses_other_files_and_notes_them_later(part: MediaPart) -> None:
    assert (part.name or part.kind) in note_of(WIRE, part)


@pytest.mark.parametrize(
    "tool",
    [
        {"type": "web_search"},
        {"type": "shell", "environment": {"type": "container_auto"}},
        {"type": "tool_search"},
        {"type": "mcp", "server_label": "papers", "require_approval": "never"},
        {
            "type": "mcp",
            "allowed_tools": ["find"],
            "require_approval": {"never": {"tool_names": ["find", "count"]}},
        },
    ],
    ids=str,
)
def test_it_offers_the_providers_tools_that_wait_for_nobody(tool: Json) -> None:
    said = added(WIRE, Says(options={"provider_options": {"tools": [tool]}}, model="gpt-5"))
    assert said == {"tools": [tool]}
