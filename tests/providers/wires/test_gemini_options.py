"""What generateContent is asked for."""

from dataclasses import replace

import pytest
from google.genai.types import GenerationConfig, ToolConfig

from providers.types import Json, MediaPart
from providers.wires import gemini_generate
from tests.providers.wires.asking import (
    FILM,
    FILM_URL,
    LOOK,
    LOOSE,
    PDF,
    PDF_URL,
    PNG,
    WAV,
    Refuses,
    Says,
    added,
    note_of,
    refused,
    shown,
)

WIRE = gemini_generate.KIND
TOOLS = (LOOK,)

#: Thinks by a level; by a budget.
LEVELS, BUDGETS = "gemini-3.8-flash", "gemini-2.5-flash"


def config(**fields: object) -> Json:
    return {"generationConfig": fields}


def choice(**fields: object) -> Json:
    return {"toolConfig": {"functionCallingConfig": fields}}


SAYS = [
    Says(options={"max_output_tokens": 9}, expected=config(maxOutputTokens=9)),
    Says(options={"temperature": 0.0, "top_p": 0.5}, expected=config(temperature=0.0, topP=0.5)),
    Says(options={"stop_sequences": ("END",)}, expected=config(stopSequences=["END"])),
    Says(
        options={"reasoning_effort": "low"},
        model=LEVELS,
        expected=config(thinkingConfig={"thinkingLevel": "LOW"}),
    ),
    Says(
        options={"reasoning_budget": 9_000},
        model=LEVELS,
        expected=config(thinkingConfig={"thinkingLevel": "MEDIUM"}),
    ),
    Says(
        options={"reasoning_budget": 0},
        model=LEVELS,
        expected=config(thinkingConfig={"thinkingLevel": "MINIMAL"}),
    ),
    Says(
        options={"reasoning_budget": 9_000, "reasoning_effort": "low"},
        model=BUDGETS,
        expected=config(thinkingConfig={"thinkingBudget": 9_000}),
    ),
    Says(
        options={"reasoning_budget": 0},
        model=BUDGETS,
        expected=config(thinkingConfig={"thinkingBudget": 0}),
    ),
    Says(
        options={"reasoning_effort": "none"},
        model=BUDGETS,
        expected=config(thinkingConfig={"thinkingBudget": 0}),
    ),
    Says(options={"tool_choice": "auto"}, tools=TOOLS, expected=choice(mode="AUTO")),
    Says(options={"tool_choice": "none"}, tools=TOOLS, expected=choice(mode="NONE")),
    Says(options={"tool_choice": "required"}, tools=TOOLS, expected=choice(mode="ANY")),
    Says(
        options={"tool_choice": "look"},
        tools=TOOLS,
        expected=choice(mode="ANY", allowedFunctionNames=["look"]),
    ),
    Says(
        options={"output_schema": LOOSE},
        expected=config(responseMimeType="application/json", responseJsonSchema=LOOSE),
    ),
    # Kept there without being asked.
    Says(options={"cache": "long"}, expected={}),
    Says(
        options={
            "temperature": 0.5,
            "provider_options": {"generationConfig": {"seed": 7}, "safetySettings": []},
        },
        expected={**config(temperature=0.5, seed=7), "safetySettings": []},
    ),
    Says(
        options={"provider_options": {"tools": [{"googleSearch": {}}]}},
        tools=TOOLS,
        expected={
            "tools": [
                {"functionDeclarations": [{"name": "look", "parametersJsonSchema": LOOK.parameters}]},
                {"googleSearch": {}},
            ]
        },
    ),
]


@pytest.mark.parametrize("case", SAYS, ids=lambda case: f"{case.model} {case.options}")
def test_it_says_each_option_in_its_own_words(case: Says) -> None:
    assert added(WIRE, case) == case.expected


@pytest.mark.parametrize("case", SAYS, ids=lambda case: f"{case.model} {case.options}")
def test_it_uses_the_fields_that_the_sdk_has(case: Says) -> None:
    # These types refuse what they do not know.
    GenerationConfig.model_validate(case.expected.get("generationConfig", {}))
    ToolConfig.model_validate(case.expected.get("toolConfig", {}))


REFUSES = [
    Refuses(options={"tool_choice": "required"}, about="tool_choice"),
    *(
        Refuses(options={"provider_options": {name: 1}}, about=name)
        for name in ("model", "contents", "systemInstruction")
    ),
]


@pytest.mark.parametrize("case", REFUSES, ids=lambda case: str(case.options))
def test_it_refuses_what_it_has_no_words_for(case: Refuses) -> None:
    assert case.about in refused(WIRE, case)


@pytest.mark.parametrize(
    ("part", "expected"),
    [
        (PNG, {"inlineData": {"mimeType": "image/png", "data": "iVBORw0K"}}),
        (PDF, {"inlineData": {"mimeType": "application/pdf", "data": "JVBERi0x"}}),
        (WAV, {"inlineData": {"mimeType": "audio/x-wav", "data": "UklGRg=="}}),
        (FILM, {"inlineData": {"mimeType": "video/mp4", "data": "AAAA"}}),
        (PDF_URL, {"fileData": {"mimeType": "application/pdf", "fileUri": "https://example.org/a.pdf"}}),
        (FILM_URL, {"fileData": {"fileUri": "https://example.org/a.mp4"}}),
    ],
    ids=["image", "document", "audio", "video", "document by address", "video by address"],
)
def test_it_shows_files(part: MediaPart, expected: Json) -> None:
    assert shown(WIRE, part) == expected


def test_it_refuses_bytes_of_which_nobody_says_what_they_are() -> None:
    assert "image" in note_of(WIRE, replace(PNG, mime_type=""))
