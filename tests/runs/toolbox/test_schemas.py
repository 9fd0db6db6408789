"""What providers are told of a tool's arguments."""

from typing import Any

import pytest

from runs.toolbox.schemas import UnusableSchema, plain

TEXT = {"type": "string"}


def of(argument: Any, **beside: Any) -> dict[str, Any]:
    return {"type": "object", "properties": {"a": argument}, **beside}


@pytest.mark.parametrize(
    ("argument", "expected"),
    [
        ({"type": "string", "title": "A", "description": "b"}, {"type": "string", "description": "b"}),
        ({"const": "x", "type": "string"}, {"enum": ["x"], "type": "string"}),
        ({"type": "integer", "exclusiveMinimum": 0}, {"type": "integer", "minimum": 1}),
        ({"type": "integer", "exclusiveMaximum": 9}, {"type": "integer", "maximum": 8}),
        ({"type": "number", "exclusiveMinimum": 0}, {"type": "number", "minimum": 0}),
        ({"type": "string", "format": "date"}, {"type": "string", "format": "date"}),
        (
            {"type": "string", "format": "uuid", "description": "Whose."},
            {"type": "string", "description": "Whose. Format: uuid."},
        ),
        ({"oneOf": [TEXT, {"type": "null"}]}, {"anyOf": [TEXT, {"type": "null"}]}),
        (
            {"anyOf": [TEXT, {"type": "null"}], "default": None},
            {"anyOf": [TEXT, {"type": "null"}], "default": None},
        ),
        ({"allOf": [TEXT], "description": "b"}, {"type": "string", "description": "b"}),
        # OpenAI refuses an array without items.
        ({"type": "array"}, {"type": "array", "items": {}}),
        (
            {"type": "array", "prefixItems": [TEXT, {"type": "integer"}], "minItems": 2, "maxItems": 2},
            {"type": "array", "items": {"anyOf": [TEXT, {"type": "integer"}]}, "minItems": 2, "maxItems": 2},
        ),
        ({"type": "object", "additionalProperties": TEXT}, {"type": "object", "additionalProperties": TEXT}),
        (True, {}),
        # An argument that is called like a keyword is none.
        (of(TEXT, required=["title"]), of(TEXT, required=["title"])),
        ({"type": "string", "x-own": 1, "if": {}}, {"type": "string"}),
    ],
)
def test_it_leaves_what_every_provider_takes(argument: Any, expected: Any) -> None:
    assert plain(of(argument))["properties"]["a"] == expected


def test_it_puts_what_is_referred_to_in_its_place() -> None:
    schema = of(
        {"$ref": "#/$defs/Place", "description": "Where."},
        **{"$defs": {"Place": of({"$ref": "#/$defs/a~1b"}), "a/b": {"type": "string", "title": "B"}}},
    )
    assert plain(schema) == of({**of({"type": "string"}), "description": "Where."})


def test_what_contains_itself_is_described_once() -> None:
    tree = of(TEXT, description="A tree.") | {
        "properties": {"name": TEXT, "branches": {"type": "array", "items": {"$ref": "#/$defs/Tree"}}}
    }
    found = plain(of({"$ref": "#/$defs/Tree"}, **{"$defs": {"Tree": tree}}))
    branches = found["properties"]["a"]["properties"]["branches"]
    assert branches == {"type": "array", "items": {"type": "object", "description": "A tree."}}


def test_at_the_top_is_one_object() -> None:
    assert plain({}) == {"type": "object", "properties": {}}
    assert plain({"type": "object", "anyOf": [{"required": ["a"]}]}) == {"type": "object", "properties": {}}


def bomb(levels: int) -> dict[str, Any]:
    twice = {
        str(level): of({"$ref": f"#/$defs/{level + 1}"})
        | {"properties": {"a": {"$ref": f"#/$defs/{level + 1}"}, "b": {"$ref": f"#/$defs/{level + 1}"}}}
        for level in range(levels)
    }
    return of({"$ref": "#/$defs/0"}, **{"$defs": {**twice, str(levels): TEXT}})


@pytest.mark.parametrize(
    ("schema", "why"),
    [
        ({"type": "array"}, "no object"),
        ({"type": ["object", "null"]}, "no object"),
        (of({"$ref": "#/$defs/Nobody"}), "not there"),
        (of({"$ref": "https://example.org/schema"}), "somewhere else"),
        (bomb(20), "too large"),
    ],
)
def test_it_refuses_what_no_model_can_be_told(schema: Any, why: str) -> None:
    with pytest.raises(UnusableSchema, match=why):
        plain(schema)
