"""Values of an upstream event, whatever type a server gave them: of the right type, or empty. Pure.

Compatible servers send ``null``, a list or an object where the API has something else. One odd value must not cost
the rest of an answer.
"""

from typing import Any

from providers.types import Json

#: Characters of an index.
_LONGEST_INDEX = 10


def text_in(value: Any) -> str:
    """Return ``value`` if it is text, else empty text."""
    return value if isinstance(value, str) else ""


def first_text(value: Json, *names: str) -> str:
    """Return the first of the fields ``names`` that is text and not empty; empty text if there is none."""
    return next((text for name in names if (text := text_in(value.get(name)))), "")


def object_in(value: Any) -> Json:
    """Return ``value`` if it is an object, else an empty one."""
    return value if isinstance(value, dict) else {}


def objects_in(value: Any) -> list[Json]:
    """Return the objects in a list, in order; ``value`` alone if it is an object itself; else nothing."""
    if isinstance(value, dict):
        return [value]
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def index_in(value: Any) -> int | None:
    """Return the number of a choice, a call or an item; ``None`` for what is none. Servers send it as text or a float too."""
    if isinstance(value, str):
        return int(value) if value.strip().isdecimal() and len(value) < _LONGEST_INDEX else None
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return value if type(value) is int and value >= 0 else None
