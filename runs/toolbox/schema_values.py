"""The values of single keywords of a JSON Schema, mended where their meaning is clear, else left out. Pure.

Providers refuse a whole request for one wrong value in one tool (a limit written as text, a pattern with lookaround).
Sources: https://json-schema.org/draft/2020-12/json-schema-validation and the providers' error messages.
"""

import re
from collections.abc import Mapping
from typing import Any

from providers.types import Json

_TYPES = ("string", "number", "integer", "boolean", "object", "array", "null")
#: What other languages and dialects call the types.
_OTHER_NAMES = {
    **dict.fromkeys(("str", "text", "char", "uuid", "date", "datetime"), "string"),
    **dict.fromkeys(("float", "double", "decimal"), "number"),
    **dict.fromkeys(("int", "long", "int32", "int64"), "integer"),
    "bool": "boolean",
    **dict.fromkeys(("dict", "map", "record"), "object"),
    **dict.fromkeys(("list", "tuple", "set"), "array"),
    **dict.fromkeys(("none", "nil"), "null"),
}
_COUNTS = ("minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties")
_LIMITS = ("minimum", "maximum")
#: String formats that all providers accept; others are added to the description.
_FORMATS = frozenset({"date", "date-time", "time"})

#: Lookaround, references back, and groups that only some engines know.
_UNCOMMON = re.compile(r"\(\?(?!:)|\\[1-9]|\\[pPkKGzZAhHRX]|[*+?}]\+")


def values_of(schema: Mapping[str, Any]) -> Json:
    """Return the keywords of ``schema`` that hold no schemas, with values that every provider accepts."""
    result: Json = {}
    if (kind := _type(schema)) is not None:
        result["type"] = kind
    if (choices := _choices(schema)) is not None:
        result["enum"] = choices
    if "default" in schema:
        result["default"] = schema["default"]
    for name in _COUNTS:
        count = _number(schema.get(name))
        if count is not None and count >= 0 and count == int(count):
            result[name] = int(count)
    for name in _LIMITS:
        if (limit := _number(schema.get(name))) is not None:
            result[name] = limit
    _add_exclusive_limits(schema, result)
    _add_words(schema, result)
    return result


def kinds_of(result: Json) -> tuple[str, ...]:
    """Return the types in a mended schema; empty if it names none."""
    kind = result.get("type", ())
    return (kind,) if isinstance(kind, str) else tuple(kind)


def _type(schema: Mapping[str, Any]) -> str | list[str] | None:
    given = schema.get("type")
    names = given if isinstance(given, list) else [given]
    known = dict.fromkeys(
        kind for name in names if isinstance(name, str) and (kind := _known_type(name.lower())) is not None
    )
    if not known:
        return None
    if schema.get("nullable") is True:
        known["null"] = None
    return next(iter(known)) if len(known) == 1 else list(known)


def _known_type(name: str) -> str | None:
    return name if name in _TYPES else _OTHER_NAMES.get(name)


def _choices(schema: Mapping[str, Any]) -> list[Any] | None:
    """Return the allowed values; ``None`` for any. Gemini refuses empty text among them."""
    given = [schema["const"]] if "const" in schema else schema.get("enum")
    if isinstance(given, Mapping):
        given = list(given)
    if not isinstance(given, list):
        return None
    choices: list[Any] = []
    for value in given:
        # 1 and True are equal, and different values.
        if value != "" and not any(value == each and type(value) is type(each) for each in choices):
            choices.append(value)
    return choices or None


def _number(value: Any) -> int | float | None:
    """Return ``value`` as a number, also where it is written as text; ``None`` for anything else."""
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            return None
        value = int(value) if value.is_integer() else value
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    is_finite = value == value and value not in (float("inf"), float("-inf"))
    return value if is_finite else None


def _add_exclusive_limits(schema: Mapping[str, Any], result: Json) -> None:
    """Add exclusive limits as inclusive ones: exact for integers, slightly too wide for other numbers."""
    step = 1 if result.get("type") == "integer" else 0
    for name, exclusive, offset in (
        ("minimum", "exclusiveMinimum", step),
        ("maximum", "exclusiveMaximum", -step),
    ):
        given = schema.get(exclusive)
        if given is True and name in result:
            # The fourth draft of JSON Schema had a flag beside the limit.
            result[name] += offset
        elif (limit := _number(given)) is not None:
            result.setdefault(name, limit + offset)


def _add_words(schema: Mapping[str, Any], result: Json) -> None:
    """Add the description, the pattern and the format; what providers would refuse is said in the description."""
    given, pattern, name = (schema.get(key) for key in ("description", "pattern", "format"))
    words = [given] if isinstance(given, str) and given else []
    if isinstance(pattern, str):
        if _is_common(pattern):
            result["pattern"] = pattern
        else:
            words.append(f"Pattern: {pattern}")
    if isinstance(name, str) and name in _FORMATS:
        result["format"] = name
    elif isinstance(name, str) and name:
        words.append(f"Format: {name}.")
    if words:
        result["description"] = " ".join(words)


def _is_common(pattern: str) -> bool:
    """Return whether every provider's engine reads the regular expression."""
    if _UNCOMMON.search(pattern):
        return False
    try:
        re.compile(pattern)
    except (re.error, OverflowError, RecursionError):
        return False
    return True
