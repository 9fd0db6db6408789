"""The common base of all wires' rules: the refusal of a request, and checks of values. Pure.

A rule is a generator of ``Refusal``. Providers report only the first, so later ones are not computed.
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
    """The provider's answer to a request that breaks a rule; ``message`` is in the provider's own words."""

    message: str
    #: The path of the wrong field, if the provider reports it.
    param: str | None = None
    code: str | None = None
    status: int = 400


type Refusals = Iterator[Refusal]


@dataclass(frozen=True, kw_only=True, slots=True)
class RequestRules:
    """The rules for requests that depend on the model and on the path."""

    #: Whether the client must return calls with the seal of the thoughts that led to them.
    demands_seals: bool = False
    #: Whether unknown fields are refused. The providers refuse them; compatible servers ignore them.
    knows_its_fields: bool = True


#: A function's name at OpenAI and Anthropic; each has a length limit of its own.
NAME = re.compile(r"[a-zA-Z0-9_-]+")

_DATA_URL = re.compile(r"data:(?P<mime>[\w.+-]+/[\w.+-]+)?(?:;[\w.=-]+)*;base64,(?P<data>.*)", re.DOTALL)


def is_number(value: object, least: float, most: float) -> bool:
    """Return whether ``value`` is a number from ``least`` to ``most``."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and least <= value <= most


def is_integer(value: object, least: int, most: int = 2**53) -> bool:
    """Return whether ``value`` is a whole number from ``least`` to ``most``."""
    return isinstance(value, int) and not isinstance(value, bool) and least <= value <= most


def is_object_text(value: object) -> bool:
    """Return whether ``value`` is the JSON text of an object."""
    try:
        return isinstance(value, str) and isinstance(json.loads(value), dict)
    except (ValueError, RecursionError):
        return False


def is_base64(value: object) -> bool:
    """Return whether ``value`` is Base64 of at least one byte."""
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
    """Return the MIME type in ``data_url``, or ``None`` if it is not a data URL or not Base64."""
    found = _DATA_URL.fullmatch(data_url) if isinstance(data_url, str) else None
    return found["mime"] if found and is_base64(found["data"]) else None


def objects(value: object) -> Iterator[Json]:
    """Yield every subschema of a JSON Schema that describes an object."""
    if isinstance(value, dict):
        if value.get("type") == "object" or "properties" in value:
            yield value
        for inner in value.values():
            yield from objects(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from objects(inner)
