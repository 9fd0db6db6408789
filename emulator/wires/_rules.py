"""What the rules of all wires have in common: how one is broken, and how values are looked at. Pure.

A rule is a generator of ``Refusal``; providers tell the first, so nothing behind it is looked at.
"""

import base64
import binascii
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass

from providers.types import Json


@dataclass(frozen=True, slots=True)
class Refusal:
    """A rule that a request breaks, in the provider's own words."""

    message: str
    #: The place in the request, where the provider has a field for that.
    param: str | None = None
    code: str | None = None
    status: int = 400


type Refusals = Iterator[Refusal]


@dataclass(frozen=True, kw_only=True, slots=True)
class RequestRules:
    """What a model and an address ask of a request beyond its form."""

    #: Whether calls must come back with the seal of the thoughts that led to them.
    demands_seals: bool = False
    #: Whether fields that the provider itself does not know are refused: compatible servers ignore them.
    knows_its_fields: bool = True


#: A function's name at OpenAI and Anthropic, which allow different lengths of it.
NAME = re.compile(r"[a-zA-Z0-9_-]+")

_DATA_URL = re.compile(r"data:(?P<mime>[\w.+-]+/[\w.+-]+)?(?:;[\w.=-]+)*;base64,(?P<data>.*)", re.DOTALL)


def is_number(value: object, least: float, most: float) -> bool:
    """Return whether ``value`` is a number between both."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and least <= value <= most


def is_integer(value: object, least: int, most: int = 2**53) -> bool:
    """Return whether ``value`` is a whole number between both."""
    return isinstance(value, int) and not isinstance(value, bool) and least <= value <= most


def is_object_text(value: object) -> bool:
    """Return whether ``value`` is the JSON text of an object."""
    try:
        return isinstance(value, str) and isinstance(json.loads(value), dict)
    except (ValueError, RecursionError):
        return False


def is_base64(value: object) -> bool:
    """Return whether ``value`` is Base64 of at least a byte."""
    if not isinstance(value, str) or not value:
        return False
    try:
        return bool(base64.b64decode(value, validate=True))
    except (binascii.Error, ValueError):
        return False


def is_url(value: object) -> bool:
    """Return whether ``value`` is an address on the web."""
    return isinstance(value, str) and re.match(r"https?://[^\s/]", value) is not None


def mime_type(data_url: object) -> str | None:
    """Return the type of what ``data_url`` holds, or ``None`` when it is no data URL or not Base64."""
    found = _DATA_URL.fullmatch(data_url) if isinstance(data_url, str) else None
    return found["mime"] if found and is_base64(found["data"]) else None


def objects(value: object) -> Iterator[Json]:
    """Yield every object of a JSON Schema in which a model may write fields."""
    if isinstance(value, dict):
        if value.get("type") == "object" or "properties" in value:
            yield value
        for inner in value.values():
            yield from objects(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from objects(inner)
