"""Reduces JSON Schemas of tools to the keywords that every provider accepts. Pure.

Removed rules still apply when the tool is called: a model then gets an error message.
Sources: https://platform.openai.com/docs/guides/function-calling (arrays need ``items``, no ``anyOf`` at
the top), https://docs.claude.com/en/docs/agents-and-tools/tool-use/implement-tool-use (no ``anyOf`` at the
top), https://ai.google.dev/gemini-api/docs/structured-output#json_schema_support (keywords).
"""

from collections.abc import Mapping
from typing import Any

from providers.types import Json

#: Keywords that are copied unchanged.
_KEPT = frozenset(
    {
        *("type", "description", "enum", "default", "required", "pattern", "minLength", "maxLength"),
        *("minimum", "maximum", "minItems", "maxItems", "minProperties", "maxProperties"),
    }
)
#: String formats that all providers accept; others are added to the description.
_FORMATS = frozenset({"date", "date-time", "time"})
#: Subschemas of one tool after references are resolved. A schema with two references to itself doubles at
#: each level.
_MOST_PARTS = 2_000
#: Levels of nested subschemas.
_DEEPEST = 30

_NOTHING_ELSE: Json = {"type": "object", "properties": {}}


class UnusableSchema(ValueError):  # noqa: N818 - it names what the schema is
    """The schema cannot be offered to a model; the message gives the reason."""


def plain(schema: Mapping[str, Any]) -> Json:
    """Return the schema of a tool's arguments without references, titles and unsupported keywords.

    Raises:
        UnusableSchema: the schema is not of an object, has a broken reference, or is too large.
    """
    if schema.get("type", "object") != "object":
        raise UnusableSchema("its arguments are no object")
    result = _Simplifier(schema).part(schema, ())
    result.pop("anyOf", None)
    return _NOTHING_ELSE | result


class _Simplifier:
    """Simplifies one schema with all its subschemas."""

    def __init__(self, root: Mapping[str, Any]) -> None:
        self._root = root
        self._count = 0

    def part(self, schema: Any, seen: tuple[str, ...], depth: int = 0) -> Json:
        """Return one simplified subschema; ``seen`` holds the references on the path to it."""
        self._count += 1
        if self._count > _MOST_PARTS or depth > _DEEPEST:
            raise UnusableSchema("it is too large")
        if not isinstance(schema, Mapping):
            # JSON Schema allows True (any value) and False (no value).
            return {}
        schema, seen = self._resolved(schema, seen)
        result = {name: value for name, value in schema.items() if name in _KEPT}
        if "const" in schema:
            result["enum"] = [schema["const"]]
        self._add_bounds(schema, result)
        _add_format(schema, result)
        self._add_subschemas(schema, result, seen, depth)
        return result

    def _resolved(
        self, schema: Mapping[str, Any], seen: tuple[str, ...]
    ) -> tuple[Mapping[str, Any], tuple[str, ...]]:
        """Return ``schema`` with its reference resolved, and ``seen`` with that reference."""
        while True:
            all_of = schema.get("allOf")
            if isinstance(reference := schema.get("$ref"), str):
                target = self._find(reference)
                if reference in seen:
                    # A recursive schema is expanded once.
                    target = {name: target[name] for name in ("type", "description") if name in target}
                seen = (*seen, reference)
            elif isinstance(all_of, list) and len(all_of) == 1 and isinstance(all_of[0], Mapping):
                target = all_of[0]
            else:
                return schema, seen
            siblings = {name: value for name, value in schema.items() if name not in {"$ref", "allOf"}}
            schema = {**target, **siblings}

    def _find(self, reference: str) -> Mapping[str, Any]:
        node: Any = self._root
        path = reference.removeprefix("#").split("/")[1:]
        if not reference.startswith("#"):
            raise UnusableSchema(f"it refers to {reference}, which is somewhere else")
        for step in path:
            name = step.replace("~1", "/").replace("~0", "~")
            node = node.get(name) if isinstance(node, Mapping) else None
        if not isinstance(node, Mapping):
            raise UnusableSchema(f"it refers to {reference}, which is not there")
        return node

    @staticmethod
    def _add_bounds(schema: Mapping[str, Any], result: Json) -> None:
        """Add exclusive bounds as inclusive ones: exact for integers, slightly too wide for other numbers."""
        step = 1 if schema.get("type") == "integer" else 0
        for name, exclusive, offset in (
            ("minimum", "exclusiveMinimum", step),
            ("maximum", "exclusiveMaximum", -step),
        ):
            limit = schema.get(exclusive)
            if isinstance(limit, (int, float)) and not isinstance(limit, bool):
                result.setdefault(name, limit + offset)

    def _add_subschemas(
        self, schema: Mapping[str, Any], result: Json, seen: tuple[str, ...], depth: int
    ) -> None:
        """Add the subschemas of ``schema``, simplified, to ``result``."""
        if isinstance(properties := schema.get("properties"), Mapping):
            result["properties"] = {
                name: self.part(part, seen, depth + 1) for name, part in properties.items()
            }
        additional = schema.get("additionalProperties")
        if isinstance(additional, bool) and "patternProperties" not in schema:
            result["additionalProperties"] = additional
        elif isinstance(additional, Mapping):
            result["additionalProperties"] = self.part(additional, seen, depth + 1)
        if isinstance(options := schema.get("anyOf", schema.get("oneOf")), list) and options:
            result["anyOf"] = [self.part(option, seen, depth + 1) for option in options]
        items = schema.get("items")
        if isinstance(prefix := schema.get("prefixItems"), list) and prefix:
            items = prefix[0] if len(prefix) == 1 else {"anyOf": prefix}
        if isinstance(items, Mapping) or result.get("type") == "array":
            result["items"] = self.part(items, seen, depth + 1)


def _add_format(schema: Mapping[str, Any], result: Json) -> None:
    name = schema.get("format")
    if name in _FORMATS:
        result["format"] = name
    elif isinstance(name, str):
        result["description"] = f"{result.get('description', '')} Format: {name}.".strip()
