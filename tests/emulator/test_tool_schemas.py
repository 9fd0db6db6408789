"""Which schemas of a function's arguments each provider refuses."""

from typing import Any

import pytest

from emulator.wires._tool_schemas import refused_by_anthropic, refused_by_google, refused_by_openai

TEXT = {"type": "string"}
PROVIDERS = {"openai": refused_by_openai, "anthropic": refused_by_anthropic, "google": refused_by_google}
ALL = set(PROVIDERS)


def of(argument: Any, **beside: Any) -> dict[str, Any]:
    return {"type": "object", "properties": {"a": argument}, **beside}


#: Of an argument.
INVALID: list[dict[str, Any]] = [
    {"type": "text"},
    {"type": []},
    {"type": ["string", "string"]},
    {"type": "string", "description": None},
    {"type": "string", "pattern": 7},
    {"type": "string", "minLength": -1},
    {"type": "string", "maxLength": "5"},
    {"type": "number", "minimum": "0"},
    {"type": "number", "exclusiveMinimum": True},
    {"enum": "b"},
    {"anyOf": []},
    {"type": "object", "properties": []},
    {"type": "object", "properties": {}, "required": True},
    {"type": "object", "properties": {"b": TEXT}, "required": ["b", "b"]},
    {"type": "array", "items": [TEXT]},
]


@pytest.mark.parametrize(
    ("schema", "refused_by"),
    [
        ({"type": "object", "properties": {}}, set()),
        (of(TEXT, required=["a"], additionalProperties=False), set()),
        (of({"anyOf": [TEXT, {"type": "null"}], "default": None}), set()),
        (of({"type": ["array", "null"], "items": {}}), set()),
        (of({"type": "string", "pattern": "^[a-z]+$", "minLength": 1}), set()),
        (of(TEXT, anyOf=[of(TEXT)]), {"openai", "anthropic"}),
        (of(TEXT, enum=[{}]), {"openai"}),
        (of({"type": "array"}), {"openai", "google"}),
        (of({"type": ["null", "array"]}), {"openai", "google"}),
        (of({"type": "string", "pattern": "(?!b)"}), {"openai"}),
        (of({"type": "string", "pattern": "(?<=b)"}), {"openai"}),
        ({"type": "object", "properties": {"$top": TEXT}}, {"anthropic"}),
        ({"type": "object", "properties": {"a" * 65: TEXT}}, {"anthropic"}),
        (of(of(TEXT, required=["b"])), {"google"}),
        (of({"type": "string", "properties": {}}), {"google"}),
        (of({"anyOf": [{"required": ["a"]}]}), {"google"}),
        (of({"type": "string", "enum": ["b", ""]}), {"google"}),
        (of({"$ref": "#/$defs/B", "title": "b"}, **{"$defs": {"B": TEXT}}), {"google"}),
        *((of(invalid), ALL) for invalid in INVALID),
    ],
)
def test_each_provider_refuses_what_it_does_not_take(schema: Any, refused_by: set[str]) -> None:
    assert {name for name, refused in PROVIDERS.items() if any(refused(schema))} == refused_by
