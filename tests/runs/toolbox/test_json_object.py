"""A model's argument text: what is executed is what people are shown, or nothing is."""

from typing import Any

import pytest

from runs.toolbox.binding import json_object
from runs.toolbox.tool import InvalidArguments


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", {}),
        ("null", {}),
        ('{"a": 123456789012345678901234567890}', {"a": 123456789012345678901234567890}),
        ('{"a": 0.1, "b": 1e300, "c": -0.0}', {"a": 0.1, "b": 1e300, "c": -0.0}),
        ('{"a": 1.50, "b": 1E2, "c": 0.30000000000000004}', {"a": 1.5, "b": 100.0, "c": 0.1 + 0.2}),
        ('{"a": 0e-999999999999, "b": 5e-324}', {"a": 0.0, "b": 5e-324}),
        ('{"a": "\\ud83d\\ude00", "b": "1e400"}', {"a": "\U0001f600", "b": "1e400"}),
        ('{"a": {"b": 1}, "c": {"b": 1}}', {"a": {"b": 1}, "c": {"b": 1}}),
        ('{"a": 1}{"a": 1}', {"a": 1}),
        ('"{\\"a\\": 1}"', {"a": 1}),
    ],
)
def test_it_reads_what_stands_for_one_object(text: str, expected: Any) -> None:
    assert json_object(text) == expected


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"a": ', "not valid JSON"),
        ("Rhine", "not valid JSON"),
        ("[1]", "must be one JSON object"),
        ('{"to": "ann", "to": "bob"}', "The field 'to' is named twice."),
        ('{"a": [{"b": 1, "c": 2, "b": 1}]}', "The field 'b' is named twice."),
        ('"{\\"a\\": 1, \\"a\\": 2}"', "The field 'a' is named twice."),
        ('{"a": 1e400}', "The number 1e400 is too large."),
        ('{"a": [-1.5e999]}', "The number -1.5e999 is too large."),
        ('{"a": 0.1234567890123456789}', "The number 0.1234567890123456789 has too many digits"),
        ('{"a": [12345678901234567890.5]}', "has too many digits to be kept exactly."),
        ('{"a": 1e-400}', "The number 1e-400 is too small to be kept exactly."),
        ('{"a": 1e-99999999999999999999}', "is too small to be kept exactly."),
        ('{"a": "cut \\ud83d"}', "half of a character"),
        ('{"a": {"\\udc00": 1}}', "half of a character"),
        ('{"a": ["\\u0000"]}', "the character NUL"),
    ],
)
def test_it_refuses_what_parsing_would_change(text: str, words: str) -> None:
    with pytest.raises(InvalidArguments) as caught:
        json_object(text)
    assert words in str(caught.value)
    assert str(caught.value).endswith("Nothing was executed.")
