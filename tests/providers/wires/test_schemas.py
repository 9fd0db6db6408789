"""Which schemas can be made strict, and what closing one leaves alone."""

import pytest

from providers.types import Json
from providers.wires._schemas import closed, is_strict

TEXT: Json = {"type": "string"}
CLOSED: Json = {
    "type": "object",
    "properties": {"a": TEXT},
    "required": ["a"],
    "additionalProperties": False,
}


@pytest.mark.parametrize(
    ("schema", "strict"),
    [
        (CLOSED, True),
        ({**CLOSED, "properties": {"a": {"type": "array", "items": CLOSED}}}, True),
        ({**CLOSED, "properties": {"a": {"anyOf": [CLOSED, {"type": "null"}]}}}, True),
        ({**CLOSED, "$defs": {"b": CLOSED}}, True),
        ({**CLOSED, "required": []}, False),
        ({**CLOSED, "additionalProperties": True}, False),
        ({"type": "object", "properties": {"a": TEXT}, "required": ["a"]}, False),
        ({**CLOSED, "properties": {"a": {"type": "array", "items": {"type": "object"}}}}, False),
        ({**CLOSED, "$defs": {"b": {"type": "object", "properties": {"c": TEXT}}}}, False),
        ({**CLOSED, "oneOf": [CLOSED]}, False),
        ({"type": "array", "items": CLOSED}, False),
        ({"type": "object", "properties": [[]], "additionalProperties": False}, False),
        ({"type": "object", "properties": {"a": TEXT}, "required": 5, "additionalProperties": False}, False),
        ({}, False),
    ],
)
def test_it_knows_what_may_be_strict(schema: Json, strict: bool) -> None:
    assert is_strict(schema) is strict


OPEN: Json = {"type": "object", "properties": {"a": TEXT}}
SHUT: Json = {"type": "object", "properties": {"a": TEXT}, "additionalProperties": False}


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        (OPEN, SHUT),
        (CLOSED, CLOSED),
        ({**OPEN, "additionalProperties": True}, {**OPEN, "additionalProperties": True}),
        ({"type": "array", "items": OPEN}, {"type": "array", "items": SHUT}),
        ({"anyOf": [OPEN, TEXT]}, {"anyOf": [SHUT, TEXT]}),
        ({"$defs": {"b": OPEN}, "type": "string"}, {"$defs": {"b": SHUT}, "type": "string"}),
        # A field that is called like a keyword is none.
        (
            {"type": "object", "properties": {"properties": OPEN}},
            {"type": "object", "properties": {"properties": SHUT}, "additionalProperties": False},
        ),
        # Closed, one half would shut out the other.
        ({**OPEN, "anyOf": [{"properties": {"b": TEXT}}]}, {**OPEN, "anyOf": [{"properties": {"b": TEXT}}]}),
        ({"allOf": [OPEN, {"properties": {"b": TEXT}}]}, {"allOf": [OPEN, {"properties": {"b": TEXT}}]}),
        ({"type": "object"}, {"type": "object"}),
        ({"properties": 5, "items": [5]}, {"properties": 5, "items": [5], "additionalProperties": False}),
    ],
)
def test_it_closes_only_what_stays_the_same_demand(schema: Json, expected: Json) -> None:
    assert closed(schema) == expected
