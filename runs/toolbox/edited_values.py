"""Checks arguments that a person has edited with the JSON Schema that the tool's server has listed."""

from collections.abc import Mapping
from typing import Any

from jsonschema import Draft202012Validator  # type: ignore[import-untyped]  # it has no stubs
from jsonschema.exceptions import SchemaError, ValidationError  # type: ignore[import-untyped]  # nor here

from providers.types import Json

#: Not checked here: a server's regular expression may take for ever, and the server checks its own format.
_LEFT_OUT = frozenset({"pattern", "patternProperties", "format", "$ref", "$dynamicRef", "$schema", "$id"})
#: Keywords whose value is an object of schemas by names that are no keywords.
_NAMED_SCHEMAS = frozenset({"properties", "$defs", "definitions", "dependentSchemas"})
#: Keywords whose value is data and no schema.
_DATA = frozenset({"enum", "const", "default", "examples", "required"})
#: Characters of the sentence about a wrong value.
_LONGEST = 300


def refusal(edited: Json, parameters: Json, *, known: Mapping[str, Any]) -> str | None:
    """Return why ``edited`` does not fit the schema, or ``None`` if it fits.

    A schema that is itself wrong refuses nothing; the server checks its arguments in any case.

    Args:
        edited: the arguments as a person has changed them.
        parameters: the JSON Schema of the tool's arguments.
        known: the model's own arguments, whose fields may stay.
    """
    properties = parameters.get("properties", {})
    others = [name for name in edited if name not in properties and name not in known]
    if others and not parameters.get("additionalProperties"):
        return f"There is no argument {others[0][:80]}."
    try:
        schema = _checked(parameters)
        Draft202012Validator.check_schema(schema)
        problems = Draft202012Validator(schema).iter_errors(edited)
        problem = next(iter(sorted(problems, key=lambda problem: len(problem.absolute_path))), None)
    except (SchemaError, RecursionError):
        return None
    return None if problem is None else _sentence(problem)


def _checked(schema: Any, *, names: bool = False) -> Any:
    """Return the schema without what is not checked. ``names`` says that its keys are names of arguments."""
    if isinstance(schema, list):
        return [_checked(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        key: value
        if key in _DATA and not names
        else _checked(value, names=key in _NAMED_SCHEMAS and not names)
        for key, value in schema.items()
        if names or key not in _LEFT_OUT
    }


def _sentence(problem: ValidationError) -> str:
    place = ".".join(map(str, problem.absolute_path))
    sentence = problem.message if len(problem.message) <= _LONGEST else f"{problem.message[:_LONGEST]}…"
    return f"{place}: {sentence}" if place else sentence
