import pytest

from emulator import MODELS
from emulator.actions import Argue, CallAction, Finish, Say, Wait
from emulator.prompt import Function, Prompt
from emulator.prose import LONG, tokens
from emulator.scripts import SCRIPTS
from providers.types import FinishReason, Json


def prompt(text: str = "Hello?", *, functions: tuple[Function, ...] = ()) -> Prompt:
    return Prompt(model="any", streaming=True, user_text=text, functions=functions, body={})


def test_every_model_that_is_suggested_has_a_script():
    assert set(MODELS) <= set(SCRIPTS)


def test_the_long_story_takes_about_half_a_minute_and_ends():
    actions = list(SCRIPTS["long"](prompt()))

    said = [action.text for action in actions if isinstance(action, Say)]
    assert "".join(said) == LONG
    assert 25 < sum(action.seconds for action in actions if isinstance(action, Wait)) < 35
    assert actions[-1] == Finish(FinishReason.END_TURN)


def test_the_long_story_has_paragraphs_markdown_and_characters_of_every_width():
    assert LONG.count("\n\n") > 10
    assert all(mark in LONG for mark in ("# ", "- ", "1. ", "> ", "**", "`", "|"))
    assert {len(character.encode()) for character in LONG} == {1, 2, 3, 4}


@pytest.mark.parametrize(
    "text", ["", " ", "a", "two words", "\n\n  spaced \t out\n", "supercalifragilistic", LONG]
)
def test_tokens_lose_nothing(text: str):
    assert "".join(tokens(text)) == text


@pytest.mark.parametrize("text", ["", "   ", "Hi"])
def test_a_greeting_needs_no_words_to_quote(text: str):
    said = "".join(action.text for action in SCRIPTS["hello"](prompt(text)) if isinstance(action, Say))

    assert said.startswith("Hello!")
    assert ("“Hi”" in said) == (text == "Hi")


@pytest.mark.parametrize(
    ("schema", "arguments"),
    [
        ({}, "{}"),
        ({"type": "object", "properties": {}}, "{}"),
        ({"properties": {"unit": {"type": "string", "enum": ["kelvin"]}}}, '{"unit": "kelvin"}'),
        (
            {"properties": {"yes": {"type": "BOOLEAN"}, "some": {"type": "ARRAY"}}},
            '{"yes": true, "some": []}',
        ),
        (
            {"properties": {"at": {"type": "object", "properties": {"x": {"type": "number"}}}}},
            '{"at": {"x": 3}}',
        ),
    ],
)
def test_a_call_fits_the_schema_of_its_function(schema: Json, arguments: str):
    actions = SCRIPTS["tools"](prompt(functions=(Function(name="only", parameters=schema),)))

    calls: list[str] = []
    for action in actions:
        match action:
            case CallAction():
                calls.append("")
            case Argue(text):
                calls[-1] += text
    assert calls == [arguments, arguments]
