"""What providers refuse in the JSON Schema of a function's arguments. Pure.

Sources: the error messages that people reported. A schema is judged keyword by keyword, as each provider does.
"""

import re
from collections.abc import Iterator
from typing import Any

from providers.types import Json

_TYPES = ("string", "number", "integer", "boolean", "object", "array", "null")
_COUNTS = ("minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties")
_LIMITS = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf")
_NAMED = ("properties", "$defs", "definitions", "patternProperties")
_LISTED = ("anyOf", "oneOf", "allOf", "prefixItems")
_SINGLE = ("items", "additionalProperties", "not")

_LOOKAROUND = re.compile(r"\(\?<?[=!]")
#: Names of arguments at Anthropic.
PROPERTY = re.compile(r"[a-zA-Z0-9_.-]{1,64}")


def parts(schema: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Json]]:
    """Yield ``schema`` and every schema within it, each with its path."""
    if not isinstance(schema, dict):
        return
    yield path, schema
    for key in _NAMED:
        named = schema.get(key)
        for name, part in named.items() if isinstance(named, dict) else ():
            yield from parts(part, (*path, key, name))
    for key in _LISTED:
        listed = schema.get(key)
        for index, part in enumerate(listed if isinstance(listed, list) else ()):
            yield from parts(part, (*path, key, str(index)))
    for key in _SINGLE:
        yield from parts(schema.get(key), (*path, key))


def kinds(schema: Json) -> tuple[Any, ...]:
    """Return the types that ``schema`` names."""
    kind = schema.get("type")
    return tuple(kind) if isinstance(kind, list) else (kind,)


def invalid(schema: Json) -> Iterator[str]:
    """Yield what in ``schema`` is no JSON Schema of draft 2020-12."""
    for path, part in parts(schema):
        for problem in _invalid_keywords(part):
            yield f"{'/'.join(path) or 'schema'}: {problem}"


def _invalid_keywords(part: Json) -> Iterator[str]:
    if "type" in part and (not kinds(part) or any(kind not in _TYPES for kind in kinds(part))):
        yield f"{part['type']!r} is not valid under any of the given schemas"
    if isinstance(part.get("type"), list) and len(set(kinds(part))) < len(kinds(part)):
        yield f"{part['type']!r} has non-unique elements"
    for name in ("description", "title", "pattern", "format"):
        if name in part and not isinstance(part[name], str):
            yield f"{part[name]!r} is not of type 'string'"
    for name in _COUNTS:
        value = part.get(name, 0)
        if isinstance(value, bool) or not isinstance(value, (int, float)) or value < 0 or value != int(value):
            yield f"{value!r} is not a non-negative integer"
    for name in _LIMITS:
        if name in part and (isinstance(part[name], bool) or not isinstance(part[name], (int, float))):
            yield f"{part[name]!r} is not of type 'number'"
    yield from _invalid_lists(part)
    yield from _invalid_places(part)


def _invalid_lists(part: Json) -> Iterator[str]:
    required = part.get("required", [])
    if not isinstance(required, list) or not all(isinstance(name, str) for name in required):
        yield f"{required!r} is not of type 'array'"
    elif len(set(required)) < len(required):
        yield f"{required!r} has non-unique elements"
    if not isinstance(part.get("enum", []), list):
        yield f"{part['enum']!r} is not of type 'array'"


def _invalid_places(part: Json) -> Iterator[str]:
    for key in _NAMED:
        if not isinstance(part.get(key, {}), dict):
            yield f"{part[key]!r} is not of type 'object'"
    for key in _LISTED:
        if key in part and not (isinstance(part[key], list) and part[key]):
            yield f"{part[key]!r} is not a non-empty array"
    for key in _SINGLE:
        if not isinstance(part.get(key, {}), (dict, bool)):
            yield f"{part[key]!r} is not of type 'object', 'boolean'"


def refused_by_openai(schema: Json) -> Iterator[str]:
    """Yield what OpenAI refuses in the arguments of a function, ``strict`` or not."""
    for name in ("oneOf", "anyOf", "allOf", "enum", "not"):
        if name in schema:
            yield (
                "schema must have type 'object' and not have 'oneOf'/'anyOf'/'allOf'/'enum'/'not' at the top level."
            )
    for path, part in parts(schema):
        context = f"In context=({', '.join(map(repr, path))}), "
        if "array" in kinds(part) and "items" not in part:
            yield f"{context}array schema missing items."
        if isinstance(part.get("pattern"), str) and _LOOKAROUND.search(part["pattern"]):
            yield f"{context}regex lookaround is not supported."
    yield from invalid(schema)


def refused_by_anthropic(schema: Json) -> Iterator[str]:
    """Yield what Anthropic refuses in the arguments of a tool."""
    if any(name in schema for name in ("oneOf", "anyOf", "allOf")):
        yield "input_schema does not support oneOf, allOf, or anyOf at the top level"
    properties = schema.get("properties")
    for name in properties if isinstance(properties, dict) else ():
        if not PROPERTY.fullmatch(name):
            yield f"Property keys should match pattern '^{PROPERTY.pattern}$'"
    for problem in invalid(schema):
        yield f"JSON schema is invalid. It must match JSON Schema draft 2020-12: {problem}"


def refused_by_google(schema: Json) -> Iterator[str]:
    """Yield what Google refuses in the arguments of a function."""
    for path, part in parts(schema):
        place = ".".join(("parameters", *path))
        properties, required = part.get("properties"), part.get("required")
        if "array" in kinds(part) and "items" not in part:
            yield f"{place}.items: missing field."
        for name in required if isinstance(required, list) else ():
            if not isinstance(properties, dict) or name not in properties:
                yield f"{place}.required: property is not defined: {name}"
        if (properties is not None or required is not None) and "object" not in kinds(part):
            yield f"{place}.properties: only allowed for OBJECT type"
        choices = part.get("enum")
        if isinstance(choices, list) and "" in choices:
            yield f"{place}.enum: cannot be empty."
        if "$ref" in part and part.keys() - {"$ref", "description", "default"}:
            yield f"{place}: `$ref` cannot be set alongside other fields."
    yield from invalid(schema)
