"""Chunks of Gemini's API in the names of its JSON form. Pure.

Gateways that dump Google's objects from Python send the names with underscores, and end reasons as numbers.
Source: ``Candidate.FinishReason`` of https://github.com/googleapis/googleapis
"""

import re
from collections.abc import Iterator
from typing import Any

from providers.types import Json
from providers.wires.shapes import object_in, objects_in, text_in

#: The numbers of the two plain ends. Google's APIs number the others differently.
_REASONS = {1: "STOP", 2: "MAX_TOKENS"}

#: What holds names that are the model's or the user's own.
_FREE = frozenset({"args", "response", "structValue"})

_UNDERSCORE = re.compile(r"_([a-z0-9])")


def plain(chunk: Json) -> Json:
    """Return ``chunk`` itself if its names have no underscores, else a copy with the documented names."""
    if not any("_" in name for level in _levels(chunk) for name in level):
        return chunk
    copy: Json = _renamed(chunk)
    return copy


def reason_of(value: Any) -> str:
    """Return an end reason as text; empty if there is none."""
    if isinstance(value, int) and not isinstance(value, bool):
        return _REASONS.get(value, "")
    return text_in(value)


def _levels(chunk: Json) -> Iterator[Json]:
    yield chunk
    yield object_in(chunk.get("usageMetadata"))
    for candidate in objects_in(chunk.get("candidates")):
        yield candidate
        yield from objects_in(object_in(candidate.get("content")).get("parts"))


def _renamed(value: Any) -> Any:
    if isinstance(value, list):
        return [_renamed(item) for item in value]
    if not isinstance(value, dict):
        return value
    names = {name: _UNDERSCORE.sub(lambda found: found[1].upper(), name) for name in value}
    return {names[name]: item if name in _FREE else _renamed(item) for name, item in value.items()}
