"""JSON Schemas of tools in the form that every provider takes. Pure.

What is left out here is still checked when a tool is called; a model only learns it from the refusal.
Sources: https://platform.openai.com/docs/guides/function-calling ("array schema missing items", no
alternatives at the top), https://docs.claude.com/en/docs/agents-and-tools/tool-use/implement-tool-use (the
same at the top), https://ai.google.dev/gemini-api/docs/structured-output#json_schema_support (keywords).
"""

from collections.abc import Mapping
from typing import Any

from providers.types import Json

#: Keywords that are passed on as they are.
_KEPT = frozenset(
    {
        *("type", "description", "enum", "default", "required", "pattern", "minLength", "maxLength"),
        *("minimum", "maximum", "minItems", "maxItems", "minProperties", "maxProperties"),
    }
)
#: Formats of text that all of them know; others are said in words.
_FORMATS = frozenset({"date", "date-time", "time"})
#: Schemas in one tool, after all references are followed: one that refers to itself twice doubles at each level.
_MOST_PARTS = 2_000
_DEEPEST = 30

_NOTHING_ELSE: Json = {"type": "object", "properties": {}}


class UnusableSchema(ValueError):  # noqa: N818 - it names what the schema is
    """A schema that cannot be offered to a model; the message says why."""


def plain(schema: Mapping[str, Any]) -> Json:
    """Return the schema of a tool's arguments without references, titles and what some provider refuses.

    Raises:
        UnusableSchema: it is none of an object, refers to what is not there, or is too large.
    """
    if schema.get("type", "object") != "object":
        raise UnusableSchema("its arguments are no object")
    result = _Plain(schema).part(schema, ())
    result.pop("anyOf", None)
    return _NOTHING_ELSE | result


class _Plain:
    """Rewrites the parts of one schema."""

    def __init__(self, root: Mapping[str, Any]) -> None:
        self._root = root
        self._count = 0

    def part(self, schema: Any, seen: tuple[str, ...], depth: int = 0) -> Json:
        """Return one schema; ``seen`` are the references that led to it."""
        self._count += 1
        if self._count > _MOST_PARTS or depth > _DEEPEST:
            raise UnusableSchema("it is too large")
        if not isinstance(schema, Mapping):
            # True and False are schemas as well: anything, nothing.
            return {}
        schema, seen = self._resolved(schema, seen)
        result = {name: value for name, value in schema.items() if name in _KEPT}
        if "const" in schema:
            result["enum"] = [schema["const"]]
        self._bound(schema, result)
        _format(schema, result)
        self._inside(schema, result, seen, depth)
        return result

    def _resolved(
        self, schema: Mapping[str, Any], seen: tuple[str, ...]
    ) -> tuple[Mapping[str, Any], tuple[str, ...]]:
        """Return ``schema`` with what it refers to in it."""
        while True:
            whole = schema.get("allOf")
            if isinstance(reference := schema.get("$ref"), str):
                target = self._find(reference)
                if reference in seen:
                    # What contains itself is described once.
                    target = {name: target[name] for name in ("type", "description") if name in target}
                seen = (*seen, reference)
            elif isinstance(whole, list) and len(whole) == 1 and isinstance(whole[0], Mapping):
                target = whole[0]
            else:
                return schema, seen
            beside = {name: value for name, value in schema.items() if name not in {"$ref", "allOf"}}
            schema = {**target, **beside}

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
    def _bound(schema: Mapping[str, Any], result: Json) -> None:
        """Say exclusive limits of whole numbers as inclusive ones; those of others are as good as such."""
        step = 1 if schema.get("type") == "integer" else 0
        for name, exclusive, offset in (
            ("minimum", "exclusiveMinimum", step),
            ("maximum", "exclusiveMaximum", -step),
        ):
            limit = schema.get(exclusive)
            if isinstance(limit, (int, float)) and not isinstance(limit, bool):
                result.setdefault(name, limit + offset)

    def _inside(self, schema: Mapping[str, Any], result: Json, seen: tuple[str, ...], depth: int) -> None:
        """Add to ``result`` the schemas that stand inside ``schema``."""
        if isinstance(properties := schema.get("properties"), Mapping):
            result["properties"] = {
                name: self.part(part, seen, depth + 1) for name, part in properties.items()
            }
        others = schema.get("additionalProperties")
        if isinstance(others, bool) and "patternProperties" not in schema:
            result["additionalProperties"] = others
        elif isinstance(others, Mapping):
            result["additionalProperties"] = self.part(others, seen, depth + 1)
        if isinstance(options := schema.get("anyOf", schema.get("oneOf")), list) and options:
            result["anyOf"] = [self.part(option, seen, depth + 1) for option in options]
        items = schema.get("items")
        if isinstance(places := schema.get("prefixItems"), list) and places:
            items = places[0] if len(places) == 1 else {"anyOf": places}
        if isinstance(items, Mapping) or result.get("type") == "array":
            result["items"] = self.part(items, seen, depth + 1)


def _format(schema: Mapping[str, Any], result: Json) -> None:
    name = schema.get("format")
    if name in _FORMATS:
        result["format"] = name
    elif isinstance(name, str):
        result["description"] = f"{result.get('description', '')} Format: {name}.".strip()
