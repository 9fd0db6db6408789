"""Parses client frames, or refuses them with ``BadFrame``. Pure.

See docs/reference/protocol.md; ``runs.socket.client_frames`` defines the shapes. Parsing raises
``BadFrame`` for unknown fields, wrong types and text that a database cannot store.
"""

import json
import re
from collections import Counter
from typing import Annotated, Any

import orjson
from pydantic import Field, TypeAdapter, ValidationError

from providers.text.cleaning import clean
from runs.socket.client_frames import (
    Ack,
    Cancel,
    ClientFrame,
    Ping,
    QueueFrame,
    Resolve,
    Show,
    Start,
    Subscribe,
    Unsubscribe,
)

#: The largest client frame, in bytes.
FRAME_BYTES = 64 * 1024
#: The deepest nesting of objects and arrays in a client frame, in levels.
MAX_DEPTH = 64

_TYPES = frozenset(
    {"start", "subscribe", "unsubscribe", "cancel", "resolve", "show", "steer", "ack", "ping"}
) | {f"queue_{change}" for change in ("edit", "move", "remove", "send", "pause", "resume")}
#: Digits that a number of more than 64 bits has at least. A number of fewer is never rounded.
_LONG_NUMBER = re.compile("[0-9]{19}")
#: Characters of a whole number of 64 bits, its sign included.
_LONGEST_NUMBER = 20
_PARSER: TypeAdapter[ClientFrame] = TypeAdapter(
    Annotated[
        Start | Subscribe | Unsubscribe | Cancel | Resolve | Show | QueueFrame | Ack | Ping,
        Field(discriminator="type"),
    ]
)


class BadFrame(Exception):  # noqa: N818 - the protocol's name for it
    """The text is not a valid client frame."""

    def __init__(self, code: str, message: str, frame_id: str | None = None) -> None:
        """Set the error code, the sentence for the user, and the frame's id if it could be read."""
        super().__init__(message)
        self.code = code
        self.message = message
        self.frame_id = frame_id


def parse(text: str) -> ClientFrame:
    """Return the client frame in ``text``.

    Raises:
        BadFrame: ``text`` is too large, is not JSON, or does not match the shape of its type.
    """
    raw = text.encode(errors="surrogatepass")
    if len(raw) > FRAME_BYTES:
        raise BadFrame("bad_frame", f"A frame may have {FRAME_BYTES} bytes.")
    try:
        value = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        message = f"The frame is not valid JSON: {error}."
        raise BadFrame("bad_frame", message, _id_of_invalid_json(text)) from None
    if not isinstance(value, dict):
        raise BadFrame("bad_frame", "A frame is a JSON object.")
    frame_id = _id_of(value)
    if not _is_clean(text, value):
        message = f"A frame may not hold the character NUL, nor more than {MAX_DEPTH} levels of nesting."
        raise BadFrame("bad_frame", message, frame_id)
    duplicates, rounded = _lost_in_parsing(text)
    if duplicates:
        message = "A frame may not name a field twice."
        raise BadFrame("bad_frame", message, None if "id" in duplicates else frame_id)
    if rounded:
        message = "A frame may not hold a whole number of more than 64 bits: write it as a text."
        raise BadFrame("bad_frame", message, frame_id)
    kind = value.get("type")
    if not isinstance(kind, str):
        raise BadFrame("bad_frame", "The frame has no type.", frame_id)
    if kind not in _TYPES:
        raise BadFrame("unknown_type", f"There is no frame of the type {kind[:40]!r}.", frame_id)
    try:
        return _PARSER.validate_python(value)
    except ValidationError as error:
        raise BadFrame("bad_frame", _sentence(error), frame_id) from None


def _id_of(value: dict[str, Any]) -> str | None:
    frame_id = value.get("id")
    is_usable = isinstance(frame_id, str) and 0 < len(frame_id) <= 200 and clean(frame_id) == frame_id
    return frame_id if is_usable else None


def _id_of_invalid_json(text: str) -> str | None:
    """Return the id from text that orjson refuses but Python's ``json`` can read, such as lone surrogates."""
    try:
        # Numbers are not needed, and Python raises ValueError for very long ones.
        value = json.loads(text, parse_int=bool, parse_float=bool)
    except (ValueError, RecursionError):
        return None
    return _id_of(value) if isinstance(value, dict) else None


def _is_clean(text: str, value: Any) -> bool:
    """Return whether no string contains NUL and the nesting is at most ``MAX_DEPTH`` levels.

    The text is asked first, because walking through the value takes milliseconds for a large frame.
    """
    has_no_nul = "\\u0000" not in text
    is_flat = text.count("{") + text.count("[") <= MAX_DEPTH
    return (has_no_nul and is_flat) or _is_clean_value(value)


def _is_clean_value(value: Any, depth: int = 1) -> bool:
    if isinstance(value, str):
        return "\0" not in value
    if isinstance(value, dict):
        return depth <= MAX_DEPTH and all(
            "\0" not in key and _is_clean_value(item, depth + 1) for key, item in value.items()
        )
    if isinstance(value, list):
        return depth <= MAX_DEPTH and all(_is_clean_value(item, depth + 1) for item in value)
    return True


def _lost_in_parsing(text: str) -> tuple[set[str], bool]:
    """Return what orjson silently changes: the fields that occur twice in one object, and whether a number is rounded."""
    duplicates: set[str] = set()
    rounded: list[str] = []

    def collect(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) < len(pairs):
            duplicates.update(name for name, times in Counter(name for name, _ in pairs).items() if times > 1)
        return found

    def number(digits: str) -> str:
        # Python raises ValueError for very long ones.
        if len(digits) > _LONGEST_NUMBER or not -(2**63) <= int(digits) < 2**64:
            rounded.append(digits)
        return digits

    # Python calls the functions for each number, which takes milliseconds for a large frame without a long one.
    hooks: dict[str, Any] = {"parse_int": number, "parse_float": str} if _LONG_NUMBER.search(text) else {}
    json.loads(text, object_pairs_hook=collect, **hooks)
    return duplicates, bool(rounded)


def _sentence(error: ValidationError) -> str:
    """Return a sentence that names the wrong field and the mistake, without the value that was sent."""
    found = error.errors(include_url=False, include_input=False, include_context=False)
    for kind, word in (("missing", "Missing"), ("extra_forbidden", "Not a field that is known here")):
        if named := [_path_to(item["loc"]) for item in found if item["type"] == kind]:
            return f"{word}: {', '.join(named)}."
    # A field with several allowed forms has one error for each. The deepest one belongs to the intended form.
    deepest = max(found, key=lambda item: len(item["loc"]))
    mistake = deepest["msg"].removeprefix("Value error, ")
    return f"{_path_to(deepest['loc'])}: {mistake}."


def _path_to(location: tuple[int | str, ...]) -> str:
    """Return the path to a field in the sent JSON, without the names of our own types."""
    steps = [str(step) for step in location[1:] if isinstance(step, int) or step.isidentifier()]
    return ".".join(steps) or "The frame"
