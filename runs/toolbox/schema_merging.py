"""Merges JSON Schemas that apply together (``allOf``, references with siblings), and reads odd forms of their parts. Pure."""

from collections.abc import Mapping
from typing import Any

from providers.types import Json

#: Keywords whose schemas may apply, so that their arguments are optional ones.
_CONDITIONAL = ("then", "else")


def merged(one: Mapping[str, Any], other: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a schema with the rules of both; where only one can stay, it is ``other``'s."""
    result: Json = {**one, **other}
    ours, theirs = fields_in(one.get("properties")), fields_in(other.get("properties"))
    if ours or theirs:
        both = {name: merged(ours[name], theirs[name]) for name in ours.keys() & theirs.keys()}
        result["properties"] = ours | theirs | both
    if names := list(dict.fromkeys([*names_in(one.get("required")), *names_in(other.get("required"))])):
        result["required"] = names
    for name in ("anyOf", "oneOf"):
        if options := [*schemas_in(one.get(name)), *schemas_in(other.get(name))]:
            result[name] = options
    conditions = [*conditional(one), *conditional(other)]
    if conditions:
        result |= {"then": conditions[0], "else": {"allOf": conditions[1:]}}
    if one.get("additionalProperties") is False and (theirs or "additionalProperties" not in other):
        # Closed against its own fields only: the other's would be forbidden.
        result.pop("additionalProperties", None)
    return result


def conditional(schema: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the schemas that apply under a condition."""
    found = [schema.get(name) for name in _CONDITIONAL]
    dependent = schema.get("dependentSchemas", schema.get("dependencies"))
    found += dependent.values() if isinstance(dependent, Mapping) else ()
    return [each for each in found if isinstance(each, Mapping)]


def fields_in(given: Any) -> Json:
    """Return the properties of an object. PHP writes an empty object as a list; others list objects with names."""
    if isinstance(given, Mapping):
        return {str(name): part if isinstance(part, Mapping) else {} for name, part in given.items()}
    named = [each for each in given if isinstance(each, Mapping)] if isinstance(given, list) else []
    return {each["name"]: each for each in named if isinstance(each.get("name"), str)}


def names_in(given: Any) -> list[str]:
    """Return the names in ``required``, which some write as one text."""
    listed = given if isinstance(given, list) else [given]
    return [each for each in listed if isinstance(each, str)]


def schemas_in(given: Any) -> list[Any]:
    """Return the alternatives in ``given``, the value of ``anyOf`` or ``oneOf``."""
    return [each for each in given if isinstance(each, (Mapping, bool))] if isinstance(given, list) else []
