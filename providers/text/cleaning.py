"""Cleans text and JSON of characters and numbers that a database or a viewer refuses. Pure.

PostgreSQL stores neither NUL nor half a surrogate pair, and JSON escapes can carry both. Either
becomes U+FFFD here, once, on the way from a provider to everything else. Two halves that arrive
in two pieces of a stream are joined, so that a piece never ends inside a character. Python also reads
JSON that is none (``NaN``) or that few others read: integers beyond 64 bits, hundreds of levels.
"""

import base64
import math
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import orjson

REPLACEMENT = "\N{REPLACEMENT CHARACTER}"

#: Levels of brackets that are kept: orjson writes 254, and an event adds a few around them.
MAX_DEPTH = 200

#: Groups of three bytes and four characters that are converted in one step of about 5 ms.
_STEP = 100_000
#: Where floats end.
_HUGE = 10**308
#: Characters of a text written as JSON that can still be read.
_HEAD = 1_024
_FIRST_HALF = ("\ud800", "\udbff")


class JsonText:
    """A text that is already written as JSON. It stands in a request's body where a string does."""

    __slots__ = ("_length", "head", "json")

    def __init__(self, text: str) -> None:
        """Write ``text`` as JSON. Characters that no database takes are replaced."""
        plain = clean(text)
        self._length = len(plain)
        #: How the text begins.
        self.head = plain[:_HEAD]
        self.json = orjson.dumps(plain)

    def __len__(self) -> int:
        """Return the number of characters."""
        return self._length

    @property
    def text(self) -> str:
        """The text itself."""
        text: str = orjson.loads(self.json)
        return text


def clean(text: str) -> str:
    """Return ``text`` with surrogate pairs joined, and NUL and lone surrogates replaced; usually ``text`` itself."""
    # Python knows which texts are ASCII, and only texts without surrogates can be encoded. A search with an expression
    # takes ten times as long: 10 ms for each megabyte of a file.
    if "\x00" not in text and (text.isascii() or _is_encodable(text)):
        return text
    joined = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return joined.replace("\x00", REPLACEMENT)


def _is_encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def clean_json(value: Any, depth: int = 1) -> Any:
    """Return the JSON value with every string in it clean, keys included; tuples become lists.

    Numbers become what any reader of JSON takes: integers beyond 64 bits lose digits, and what is
    no number is ``None``. What is nested too deeply is cut off.
    """
    match value:
        case str():
            return clean(value)
        case Mapping() | list() | tuple() if depth > MAX_DEPTH:
            return REPLACEMENT
        case Mapping():
            return {clean(str(key)): clean_json(item, depth + 1) for key, item in value.items()}
        case list() | tuple():
            return [clean_json(item, depth + 1) for item in value]
        case int() if not -(2**63) <= value < 2**63:
            return float(value) if abs(value) < _HUGE else None
        case float() if not math.isfinite(value):
            return None
        case _:
            return value


def joined(pieces: list[str]) -> str:
    """Return the text of ``pieces``. The list keeps it as its one piece, so that a long text is joined only once."""
    if len(pieces) > 1:
        pieces[:] = ["".join(pieces)]
    return pieces[0] if pieces else ""


def is_longer(value: Any, characters: int, *, per_value: int = 0) -> bool:
    """Return whether the strings of a JSON value have more than so many characters in all.

    Args:
        value: the JSON value.
        characters: the limit.
        per_value: characters that each value counts beside its own, because it takes as long to process.
    """
    length, rest = 0, [value]
    while rest and length <= characters:
        item = rest.pop()
        length += per_value
        match item:
            case str() | JsonText():
                length += len(item)
            case Mapping():
                rest += item.values()
            case list() | tuple():
                rest += item
    return length > characters


def to_base64(read: Callable[[int], bytes]) -> str:
    """Return as Base64 what ``read`` returns, called with a number of bytes until it returns none.

    It is written in steps, between which other threads run.
    """
    return "".join(base64.b64encode(piece).decode() for piece in iter(partial(read, 3 * _STEP), b""))


def from_base64(text: str) -> bytes:
    """Return the bytes that the Base64 ``text`` stands for, read in steps, between which other threads run.

    Raises:
        ValueError: ``text`` is no Base64.
    """
    steps = range(0, len(text), 4 * _STEP)
    return b"".join(base64.b64decode(text[start : start + 4 * _STEP], validate=True) for start in steps)


class SurrogateJoiner:
    """Joins the pieces of a text stream: holds back a first surrogate until the second one arrives."""

    __slots__ = ("_held",)

    def __init__(self) -> None:
        self._held = ""

    def feed(self, piece: str) -> str:
        """Return the part of ``piece`` that can be passed on now; it may be empty."""
        if not self._held and piece.isascii() and "\x00" not in piece:
            return piece
        whole = self._held + piece
        self._held = ""
        if whole and _FIRST_HALF[0] <= whole[-1] <= _FIRST_HALF[1]:
            self._held = whole[-1]
            whole = whole[:-1]
        return clean(whole)

    def close(self) -> str:
        """Return the surrogate that was held back, replaced."""
        held, self._held = self._held, ""
        return clean(held)
