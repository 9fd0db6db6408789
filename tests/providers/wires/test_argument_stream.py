"""What is shown of a call's arguments while they stream, and what they come to."""

import random

import pytest

from providers.wires.argument_stream import ArgumentStream
from tests.compatibility import understood

TOKYO = '{"city": "Tokyo", "near": {"km": [1, 2]}}'

#: The whole text, and the arguments that it comes to.
TEXTS = [
    pytest.param(TOKYO, TOKYO, id="an object"),
    pytest.param(' {"a": 1}\n', ' {"a": 1}', id="blanks around it"),
    pytest.param('{"a": "}{"}', '{"a": "}{"}', id="braces in a string"),
    pytest.param('{"a": "\\\\"}', '{"a": "\\\\"}', id="a backslash before the quotation mark"),
    pytest.param('{"a": "\\"}{\\""}', '{"a": "\\"}{\\""}', id="quotation marks in a string"),
    pytest.param("{}", "{}", id="an empty object"),
    pytest.param("", "{}", id="nothing"),
    pytest.param("  ", "{}", id="blanks"),
    understood(
        "null", "{}", server="Any server", oddity="Arguments of `null` or `[]` are no arguments.", id="null"
    ),
    pytest.param("[]", "{}", id="an empty list"),
    pytest.param('""', "{}", id="an empty string"),
    understood(
        '"{\\"a\\": 1}"',
        '{"a": 1}',
        server="Any server",
        oddity="Arguments that were encoded twice are decoded once more.",
        id="encoded twice",
    ),
    understood(
        TOKYO + TOKYO,
        TOKYO,
        server="vLLM",
        oddity="Arguments that are complete and come once more are not said twice.",
        id="said twice",
    ),
    pytest.param(TOKYO + "\n" + TOKYO + TOKYO, TOKYO, id="said three times"),
    pytest.param(TOKYO + TOKYO[:9], TOKYO, id="said once and a half"),
    pytest.param('{"a": 1}{"a":1}', '{"a": 1}', id="said twice in other spacing"),
    pytest.param('{"a": 1}{}', '{"a": 1}', id="an empty object behind it"),
    understood(
        "{}" + TOKYO,
        TOKYO,
        server="LiteLLM",
        oddity="An empty object before the arguments themselves is a placeholder.",
        id="an empty object before it",
    ),
    pytest.param("null" + TOKYO, TOKYO, id="null before it"),
    pytest.param('{"a": 1}{"a": 2}', '{"a": 1}{"a": 2}', id="two different objects"),
    pytest.param('{"a": 1} and more', '{"a": 1} and more', id="words behind it"),
    pytest.param("city = Tokyo", "city = Tokyo", id="words"),
    pytest.param('{"a": 1', '{"a": 1', id="not closed"),
    pytest.param("{}}", "{}}", id="a brace too many"),
    pytest.param("[1]", "[1]", id="a list"),
]


def cuts(text: str) -> list[list[str]]:
    """Return ``text`` whole, by character, in two at every place, and in random pieces."""
    found = [[text], list(text), *([text[:at], text[at:]] for at in range(1, len(text)))]
    dice = random.Random(len(text))
    for _ in range(20):
        places = sorted(dice.randrange(len(text) + 1) for _ in range(4))
        found.append([text[a:b] for a, b in zip([0, *places], [*places, len(text)], strict=True)])
    return found


@pytest.mark.parametrize(("text", "expected"), TEXTS)
def test_it_shows_the_same_arguments_however_the_text_is_cut(text: str, expected: str) -> None:
    for pieces in cuts(text):
        stream = ArgumentStream()
        shown = [stream.take(piece) for piece in pieces]
        shown.append(stream.end())
        assert "".join(shown) == stream.shown == expected, pieces


def test_it_shows_an_object_as_it_comes() -> None:
    stream = ArgumentStream()
    assert [stream.take(piece) for piece in ("", " ", "{", '"a"', ": 1", "}")] == [
        "",
        "",
        "",
        ' {"a"',
        ": 1",
        "}",
    ]
    assert not stream.end()


@pytest.mark.parametrize(
    ("text", "is_object"),
    [
        (TOKYO, True),
        (TOKYO + TOKYO[:5], True),
        ("{}", True),
        (TOKYO[:-1], False),
        ("nul", False),
        ("", False),
    ],
)
def test_an_answer_that_was_cut_leaves_the_arguments_as_they_are(text: str, is_object: bool) -> None:
    stream = ArgumentStream()
    shown = stream.take(text)
    assert stream.is_object is is_object
    shown += stream.cut()
    assert shown == stream.shown == (TOKYO if text.startswith(TOKYO) else text)


@pytest.mark.parametrize(
    ("pieces", "whole", "expected"),
    [
        ([], TOKYO, TOKYO),
        ([TOKYO[:7]], TOKYO, TOKYO),
        ([TOKYO], TOKYO, TOKYO),
        ([], "null", "{}"),
        (["nu"], "null", "{}"),
        (['{"a": 1'], TOKYO, '{"a": 1'),
    ],
)
def test_the_whole_text_adds_what_its_pieces_lacked(pieces: list[str], whole: str, expected: str) -> None:
    stream = ArgumentStream()
    for piece in pieces:
        stream.take(piece)
    stream.complete(whole)
    stream.end()
    assert stream.shown == expected
