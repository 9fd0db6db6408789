"""Server-sent events as bytes, and an error answer: what all four providers have in common. Pure."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

import orjson

from providers.types import Json


@dataclass(frozen=True, kw_only=True, slots=True)
class ErrorReply:
    """A provider's own way of saying no."""

    status: int
    body: Json
    headers: Mapping[str, str] = field(default_factory=dict)


def dump(value: object) -> bytes:
    """Return compact JSON in UTF-8, as the providers send it.

    What UTF-8 cannot hold (a lone surrogate) is sent as an escape, as some of them do.
    """
    try:
        return orjson.dumps(value)
    except orjson.JSONEncodeError:
        return json.dumps(value, separators=(",", ":")).encode()


def data_frame(value: object, *, newline: bytes = b"\n") -> bytes:
    """Return an event that consists of its data."""
    return b"data: %b%b%b" % (dump(value), newline, newline)


def named_frame(value: Json) -> bytes:
    """Return an event that carries the ``type`` of its data as its name."""
    return b"event: %b\ndata: %b\n\n" % (value["type"].encode(), dump(value))
