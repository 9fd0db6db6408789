"""Which object a call's argument text stands for, and what of it goes back."""

import pytest

from providers.text.arguments import object_of, returnable
from providers.types import Json

UNDERSTOOD: list[tuple[str, Json, str]] = [
    ('{"river": "Rhine"}', {"river": "Rhine"}, '{"river": "Rhine"}'),
    # An object goes back to the character, numbers and doubled names included.
    ('{"a": 1.50, "a": 1e3}', {"a": 1000.0}, '{"a": 1.50, "a": 1e3}'),
    (' {"a":1}\n', {"a": 1}, '{"a":1}'),
    ("", {}, "{}"),
    (" \n ", {}, "{}"),
    ("null", {}, "{}"),
    ("[]", {}, "{}"),
    ('""', {}, "{}"),
    ('"null"', {}, "{}"),
    ('"{\\"river\\": \\"Elbe\\"}"', {"river": "Elbe"}, '{"river": "Elbe"}'),
    ('{"a":1}{"a":1}', {"a": 1}, '{"a": 1}'),
    ('{"a":1}\n{"a": 1} {"a":1}', {"a": 1}, '{"a": 1}'),
    ("{}{}", {}, "{}"),
]

UNREADABLE = [
    "{",
    '{"a": 1',
    "river",
    "[1]",
    "1",
    "true",
    '"river"',
    '"\\"{}\\""',
    '{"a":1}{"a":2}',
    '{"a":1}{}',
    '{"a":1} and more',
    '```json\n{"a":1}\n```',
    '{"a": NaN}',
    '{"a": Infinity}',
    "[" * 50_000,
    '{"a": ' + "1" * 5_000 + "}",
]


@pytest.mark.parametrize(("text", "value", "back"), UNDERSTOOD)
def test_it_understands_what_stands_for_an_object(text: str, value: Json, back: str) -> None:
    assert object_of(text) == value
    assert returnable(text) == back


@pytest.mark.parametrize("text", UNREADABLE, ids=lambda text: text[:20])
def test_what_is_no_object_goes_back_as_an_empty_one(text: str) -> None:
    assert object_of(text) is None
    assert returnable(text) == "{}"
