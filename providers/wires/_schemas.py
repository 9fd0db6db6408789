"""JSON Schemas in the form in which providers can enforce them. Pure."""

from collections.abc import Iterator
from typing import Any

from providers.types import Json

#: Keywords that contain schemas: by name, in a list, and a single one.
_NAMED = ("properties", "$defs", "definitions")
_LISTED = ("anyOf", "oneOf")
_SINGLE = ("items",)

#: Keywords with which several schemas define one object's fields. Closing one of them would forbid the others' fields.
_COMBINING = frozenset({"allOf", "anyOf", "oneOf", "$ref", "if", "dependentSchemas", "patternProperties"})

#: Keywords that a strict schema may not have.
_NEVER_STRICT = frozenset(
    {
        *("allOf", "oneOf", "not", "if", "then", "else", "dependentRequired", "dependentSchemas"),
        *("patternProperties", "propertyNames", "unevaluatedProperties", "prefixItems", "contains"),
        "uniqueItems",
    }
)


def closed(schema: Json) -> Json:
    """Return ``schema`` with ``additionalProperties: false`` in every object that does not set it.

    Anthropic requires it. A value that matches the result matches ``schema``, too.
    """
    has_fields = "properties" in schema
    if "allOf" in schema or (has_fields and schema.keys() & _COMBINING):
        return schema
    result = {name: _closed(name, value) for name, value in schema.items()}
    return {"additionalProperties": False, **result} if has_fields else result


def _closed(name: str, value: Any) -> Any:
    if name in _NAMED and isinstance(value, dict):
        return {key: _closed_part(part) for key, part in value.items()}
    if name in _LISTED and isinstance(value, list):
        return [_closed_part(part) for part in value]
    return _closed_part(value) if name in _SINGLE else value


def _closed_part(part: Any) -> Any:
    return closed(part) if isinstance(part, dict) else part


def is_strict(schema: Json) -> bool:
    """Return whether OpenAI accepts ``schema`` as ``strict``: all objects are closed, and all fields required.

    Source: https://platform.openai.com/docs/guides/structured-outputs#supported-schemas
    """
    return schema.get("type") == "object" and all(_may_be_strict(part) for part in _parts(schema))


def _may_be_strict(schema: Json) -> bool:
    if schema.keys() & _NEVER_STRICT:
        return False
    fields, required = schema.get("properties", {}), schema.get("required", [])
    if schema.get("type") != "object" and not fields:
        return True
    if not isinstance(fields, dict) or not isinstance(required, list):
        return False
    return schema.get("additionalProperties") is False and all(name in required for name in fields)


def _parts(schema: Json) -> Iterator[Json]:
    """Yield ``schema`` and every schema inside it."""
    yield schema
    inner: list[Any] = [schema.get(name) for name in _SINGLE]
    for name in _NAMED:
        named = schema.get(name)
        inner += named.values() if isinstance(named, dict) else ()
    for name in _LISTED:
        listed = schema.get(name)
        inner += listed if isinstance(listed, list) else ()
    for part in inner:
        if isinstance(part, dict):
            yield from _parts(part)
