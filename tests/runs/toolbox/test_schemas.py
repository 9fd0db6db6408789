"""What providers are told of a tool's arguments."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from emulator.wires._tool_schemas import refused_by_anthropic, refused_by_google, refused_by_openai
from runs.toolbox.schemas import UnusableSchema, plain, restored, simplified

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
        (of(TEXT, title="b"), of(TEXT)),
        ({"type": "string", "x-own": 1, "if": {}}, {"type": "string"}),
    ],
)
def test_it_leaves_what_every_provider_takes(argument: Any, expected: Any) -> None:
    assert plain(of(argument))["properties"]["a"] == expected


@pytest.mark.parametrize(
    ("argument", "expected"),
    [
        # Values that providers refuse, and whose meaning is clear.
        ({"type": "STRING"}, TEXT),
        ({"type": "str"}, TEXT),
        ({"type": ["string"]}, TEXT),
        ({"type": ["string", "any", "null", "null"]}, {"type": ["string", "null"]}),
        ({"type": "string", "nullable": True}, {"type": ["string", "null"]}),
        ({"anyOf": [TEXT], "nullable": True}, {"anyOf": [TEXT, {"type": "null"}]}),
        ({"type": ["array", "null"]}, {"type": ["array", "null"], "items": {}}),
        (
            {"type": "integer", "minimum": "3", "maximum": "9.0"},
            {"type": "integer", "minimum": 3, "maximum": 9},
        ),
        (
            {
                "type": "integer",
                "minimum": 3,
                "exclusiveMinimum": True,
                "maximum": 9,
                "exclusiveMaximum": False,
            },
            {"type": "integer", "minimum": 4, "maximum": 9},
        ),
        (
            {"type": "string", "minLength": 2.0, "maxLength": "5"},
            {"type": "string", "minLength": 2, "maxLength": 5},
        ),
        ({"type": "array", "items": [TEXT, TEXT]}, {"type": "array", "items": TEXT}),
        (
            {"type": "array", "items": [TEXT, {"type": "null"}]},
            {"type": "array", "items": {"anyOf": [TEXT, {"type": "null"}]}},
        ),
        ({"items": TEXT}, {"type": "array", "items": TEXT}),
        ({"properties": {"b": TEXT}}, {"type": "object", "properties": {"b": TEXT}}),
        ({"type": "object", "properties": []}, {"type": "object", "properties": {}}),
        (
            {"type": "object", "properties": [{"name": "b", "type": "string"}]},
            {"type": "object", "properties": {"b": TEXT}},
        ),
        (of(TEXT, required="a"), of(TEXT, required=["a"])),
        (of(TEXT, required=["a", "a", 7]), of(TEXT, required=["a"])),
        (of({"type": "string", "required": True}), of(TEXT, required=["a"])),
        (of(TEXT, required=["b"]), {"type": "object", "properties": {"a": TEXT, "b": {}}, "required": ["b"]}),
        (of(TEXT, required=["b"], additionalProperties=False), of(TEXT, additionalProperties=False)),
        ({"type": "string", "enum": ["b", "", "b", "c"]}, {"type": "string", "enum": ["b", "c"]}),
        ({"enum": [1, True, 1]}, {"enum": [1, True]}),
        ({"type": "string", "enum": {"b": "one", "c": "two"}}, {"type": "string", "enum": ["b", "c"]}),
        # Values without a meaning that every provider shares.
        ({"type": "anything"}, {}),
        ({"type": None, "description": None}, {}),
        ({"type": "string", "enum": "b"}, TEXT),
        ({"type": "string", "enum": [], "const": ""}, TEXT),
        ({"type": "string", "minLength": -1, "maxLength": True, "minItems": 1.5}, TEXT),
        ({"type": "number", "minimum": "low", "maximum": float("inf")}, {"type": "number"}),
        ({"type": "string", "properties": {"b": TEXT}, "required": ["b"]}, TEXT),
        ({"type": "string", "items": TEXT, "description": ["b"]}, TEXT),
        ({"type": "string", "pattern": 7, "format": {}}, TEXT),
        ({"anyOf": []}, {}),
        ({"anyOf": "text", "oneOf": None, "allOf": 3}, {}),
        # Patterns that some engines refuse are said instead.
        ({"type": "string", "pattern": "^[a-z]+$"}, {"type": "string", "pattern": "^[a-z]+$"}),
        ({"type": "string", "pattern": "^(?:b|c)$"}, {"type": "string", "pattern": "^(?:b|c)$"}),
        *(
            ({"type": "string", "pattern": pattern}, {"type": "string", "description": f"Pattern: {pattern}"})
            for pattern in ("^(?!no)", "(?<=b)c", "(?<b>c)", "(?i)b", "(b)\\1", "\\p{L}", "[", "b++")
        ),
    ],
)
def test_it_mends_values_that_a_provider_refuses(argument: Any, expected: Any) -> None:
    assert plain(of(argument))["properties"]["a"] == expected


ONE, OTHER = ({"type": "object", "properties": {name: TEXT}, "required": [name]} for name in "bc")
NUMBER = {"type": "number"}


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        # Alternatives at the top: the arguments of all of them, required only where all say so.
        ({"anyOf": [ONE, OTHER]}, {"b": TEXT, "c": TEXT}),
        ({"type": "object", "oneOf": [ONE, OTHER]}, {"b": TEXT, "c": TEXT}),
        ({"anyOf": [ONE, {"type": "null"}]}, {"b": TEXT}),
        ({"anyOf": [{"anyOf": [ONE, OTHER]}, of(TEXT)]}, {"b": TEXT, "c": TEXT, "a": TEXT}),
        ({"anyOf": [of(TEXT), of(NUMBER)]}, {"a": {"anyOf": [TEXT, NUMBER]}}),
        (of(TEXT, anyOf=[{"required": ["a"]}, {"required": ["b"]}]), {"a": TEXT, "b": {}}),
        (of(TEXT, oneOf=[ONE], anyOf=[OTHER]), {"a": TEXT, "b": TEXT, "c": TEXT}),
        # All at once: the arguments of each.
        ({"allOf": [ONE, OTHER]}, {"b": TEXT, "c": TEXT}),
        (of(TEXT, allOf=[ONE, {"anyOf": [OTHER]}]), {"a": TEXT, "b": TEXT, "c": TEXT}),
        ({"allOf": [{"$ref": "#/$defs/One"}, OTHER], "$defs": {"One": ONE}}, {"b": TEXT, "c": TEXT}),
        (of({"allOf": [ONE, OTHER]}), {"a": {**ONE, "properties": {"b": TEXT, "c": TEXT}, "required": ["b", "c"]}}),
        (
            {"allOf": [of({"type": "string"}), of({"minLength": 2})]},
            {"a": {"type": "string", "minLength": 2}},
        ),
        # Under a condition: optional ones.
        (of(TEXT, **{"if": of({"const": "x"}), "then": ONE, "else": OTHER}), {"a": TEXT, "b": TEXT, "c": TEXT}),
        (of(TEXT, dependentSchemas={"a": ONE}), {"a": TEXT, "b": TEXT}),
        # References of every form.
        ({"$ref": "#/$defs/One", "$defs": {"One": ONE}}, {"b": TEXT}),
        (of({"anyOf": [TEXT, NUMBER]}, properties={"x": {"anyOf": [NUMBER]}, "y": {"$ref": "#/properties/x/anyOf/0"}}),
         {"x": {"anyOf": [NUMBER]}, "y": NUMBER}),
        (of({"$ref": "#word"}, **{"$defs": {"Word": {"$anchor": "word", "type": "string"}}}), {"a": TEXT}),
        (of({"$dynamicRef": "#word"}, **{"$defs": {"W": {"$dynamicAnchor": "word", **TEXT}}}), {"a": TEXT}),
        (of({"$ref": "https://x.org/a#/$defs/T"}, **{"$id": "https://x.org/a", "$defs": {"T": TEXT}}), {"a": TEXT}),
        (of({"$ref": "#/$defs/A%20word"}, **{"$defs": {"A word": TEXT}}), {"a": TEXT}),
        (of({"$ref": "#word"}, definitions={"Word": {"$id": "#word", "type": "string"}}), {"a": TEXT}),
        (of({"$ref": "word.json"}, **{"$defs": {"Word": {"$id": "word.json", "type": "string"}}}), {"a": TEXT}),
        (of({"$ref": "#/$defs/Any"}, **{"$defs": {"Any": True}}), {"a": {}}),
        (
            of({"$ref": "#/$defs/T", "allOf": [{"description": "b"}]}, **{"$defs": {"T": TEXT}}),
            {"a": {"type": "string", "description": "b"}},
        ),
    ],
)  # fmt: skip
def test_it_loses_no_argument(schema: Any, expected: Any) -> None:
    found = plain(schema)
    assert found["properties"] == expected
    assert found.keys() <= {"type", "properties", "required", "additionalProperties", "description"}


def test_what_all_alternatives_require_stays_required() -> None:
    both = {"type": "object", "properties": {"a": TEXT, "b": TEXT}, "required": ["a", "b"]}
    assert plain({"anyOf": [both, of(TEXT, required=["a"])]})["required"] == ["a"]
    assert plain(of(TEXT, required=["a"], anyOf=[ONE, OTHER]))["required"] == ["a"]
    assert plain({"allOf": [ONE, OTHER]})["required"] == ["b", "c"]


def test_names_that_a_provider_refuses_are_changed_and_given_back() -> None:
    long = "settings_" * 9
    names = {"$top": "_top", "@odata.type": "_odata.type", "größe": "gr__e", long: long[:64], "": "_"}
    fields = dict.fromkeys(names, TEXT)
    schema = of({"type": "array", "items": {"type": "object", "properties": fields, "required": ["$top"]}})
    found = simplified(schema)
    items = found.parameters["properties"]["a"]["items"]
    assert list(items["properties"]) == list(names.values())
    assert items["required"] == ["_top"]

    sent = {
        "a": [{"_top": "1", "gr__e": "2", "_": "3"}, {"free": {"_top": "untouched"}}],
        "_top": "nothing of ours",
    }
    given = {
        "a": [{"$top": "1", "größe": "2", "": "3"}, {"free": {"_top": "untouched"}}],
        "_top": "nothing of ours",
    }
    assert restored(sent, found.parameters, found.renamed) == given
    with pytest.raises(UnusableSchema, match="name that providers refuse"):
        plain(schema)


def test_a_changed_name_is_no_other_arguments() -> None:
    found = simplified({"properties": {"$top": TEXT, "_top": TEXT, "@top": TEXT}})
    assert list(found.parameters["properties"]) == ["_top_2", "_top", "_top_3"]
    assert found.renamed == {"_top_2": "$top", "_top_3": "@top"}


def test_names_within_alternatives_are_given_back() -> None:
    found = simplified(of({"anyOf": [{"properties": {"$b": TEXT}}, {"properties": {"$c": NUMBER}}]}))
    sent = {"a": {"_c": 1}}
    assert restored(sent, found.parameters, found.renamed) == {"a": {"$c": 1}}


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
    assert plain({"type": ["object", "null"]}) == {"type": "object", "properties": {}}


ODD = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 3),
    st.floats(),
    st.sampled_from(
        ["", "string", "object", "array", "STRING", "any", "a", "$b", "3", "(?=a)", "#/properties/a", "#"]
    ),
)
KEYWORDS = [
    *(
        "type",
        "description",
        "enum",
        "const",
        "default",
        "required",
        "pattern",
        "format",
        "nullable",
        "minLength",
    ),
    *(
        "maxItems",
        "minimum",
        "exclusiveMaximum",
        "properties",
        "additionalProperties",
        "items",
        "prefixItems",
    ),
    *("anyOf", "oneOf", "allOf", "$ref", "then", "dependentSchemas", "$anchor", "a", "$b", "not", "title"),
]
SCHEMAS = st.recursive(
    ODD,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(KEYWORDS), inner, max_size=5)
    ),
    max_leaves=20,
)


@given(st.dictionaries(st.sampled_from(KEYWORDS), SCHEMAS, max_size=6))
@settings(max_examples=500, suppress_health_check=[HealthCheck.too_slow])
def test_no_provider_refuses_what_is_left_of_any_schema(schema: dict[str, Any]) -> None:
    try:
        left = simplified(schema).parameters
    except UnusableSchema:
        return
    for refused in (refused_by_openai, refused_by_anthropic, refused_by_google):
        assert list(refused(left)) == []
    # What is left needs no mending.
    assert simplified(left).parameters == left


def bomb(levels: int) -> dict[str, Any]:
    twice = {
        str(level): of({"$ref": f"#/$defs/{level + 1}"})
        | {"properties": {"a": {"$ref": f"#/$defs/{level + 1}"}, "b": {"$ref": f"#/$defs/{level + 1}"}}}
        for level in range(levels)
    }
    return of({"$ref": "#/$defs/0"}, **{"$defs": {**twice, str(levels): TEXT}})


def deep(levels: int) -> dict[str, Any]:
    schema: dict[str, Any] = of(TEXT)
    for _ in range(levels):
        schema = {"allOf": [schema]}
    return schema


@pytest.mark.parametrize(
    ("schema", "why"),
    [
        ({"type": "array"}, "no object"),
        ({"type": ["array", "string"]}, "no object"),
        ({"items": {"type": "string"}}, "no object"),
        (of({"$ref": "#/$defs/Nobody"}), "not there"),
        (of({"$ref": "https://example.org/schema"}), "somewhere else"),
        (bomb(20), "too large"),
        (deep(5_000), "too large"),
        (of({"$ref": "#nobody"}), "not there"),
        (of({"$ref": f"#/anyOf/{'1' * 5_000}"}, anyOf=[TEXT]), "not there"),
    ],
)
def test_it_refuses_what_no_model_can_be_told(schema: Any, why: str) -> None:
    with pytest.raises(UnusableSchema, match=why):
        plain(schema)
