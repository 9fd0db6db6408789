"""Server-sent events as bytes, and the error response: common to all four wires. Pure."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

import orjson

from providers.types import Json


@dataclass(frozen=True, kw_only=True, slots=True)
class ErrorReply:
    """A provider's error response."""

    status: int
    body: Json
    headers: Mapping[str, str] = field(default_factory=dict)


def dump(value: object) -> bytes:
    """Return compact JSON in UTF-8, as the providers send it.

    If ``value`` holds a lone surrogate, which UTF-8 cannot encode, all non-ASCII characters are escaped, as
    some providers do.
    """
    try:
        return orjson.dumps(value)
    except orjson.JSONEncodeError:
        return json.dumps(value, separators=(",", ":")).encode()


def data_frame(value: object, *, newline: bytes = b"\n") -> bytes:
    """Return an event that has data but no name."""
    return b"data: %b%b%b" % (dump(value), newline, newline)


def named_frame(value: Json) -> bytes:
    """Return an event whose name is the ``type`` of its data."""
    return b"event: %b\ndata: %b\n\n" % (value["type"].encode(), dump(value))
