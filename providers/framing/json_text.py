"""Reads JSON as providers send it: leniently, and out of text that holds several values. Pure."""

import json
import re
from typing import Any

import orjson

#: A string, or a bracket outside of strings. A string without an end goes on to the end, and is not tried again.
_TOKEN = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)|[{}\[\]]', re.DOTALL)
#: Makes a zero of each digit and a blank of all else: so a long number is found faster than by a pattern.
_DIGITS = bytes(0x30 if 0x30 <= byte <= 0x39 else 0x20 for byte in range(256))
#: The shortest number that orjson would make a float of.
_LONG_NUMBER = b"0" * 19
#: Bytes that are searched for one; longer data is a picture.
_SEARCHED = 2**20

_OPENING = frozenset(b"{[")
_LIST = ord("[")
_STRING = ord('"')


def parse(data: bytes) -> tuple[Any, bool]:
    """Return the value of ``data``, and whether only a lenient reader takes it for JSON.

    Integers of any length stay whole. ``NaN``, infinities, raw control characters in strings, halves of surrogate
    pairs and invalid UTF-8 (replaced) are accepted.

    Raises:
        ValueError: it is no JSON, or nested too deeply.
    """
    try:
        value = orjson.loads(data)
    except ValueError:
        try:
            return json.loads(data.decode("utf-8", "replace"), strict=False), True
        except RecursionError as exc:
            raise ValueError("nested too deeply") from exc
    if len(data) <= _SEARCHED and _LONG_NUMBER in data.translate(_DIGITS):
        return json.loads(data), False
    return value, False


def plain_object(data: bytes) -> dict[str, Any] | None:
    """Return the object in ``data`` if nothing about it needs ``parse``, else ``None``."""
    try:
        value = orjson.loads(data)
    except ValueError:
        return None
    is_plain = type(value) is dict and len(data) <= _SEARCHED and _LONG_NUMBER not in data.translate(_DIGITS)
    return value if is_plain else None


class JsonSplitter:
    """Splits JSON text that comes line by line into its values.

    Takes one value after the other (also without anything between them). A list on the top level is split into the
    objects and lists in it, each as soon as it is complete.
    """

    def __init__(self) -> None:
        self._depth = 0
        #: Depth at which values are split: 1 inside a list on the top level.
        self._base = 0
        self._pieces: list[bytes] = []
        #: Bytes of the value that is not complete yet.
        self.held = 0
        #: Whether a value has been returned.
        self.has_split = False
        #: Whether the brackets do not match.
        self.is_broken = False

    @property
    def is_open(self) -> bool:
        """Whether a value, or the list on the top level, is not complete yet."""
        return self._depth > 0

    @property
    def rest(self) -> bytes:
        """The text of the value that is not complete yet."""
        return b"".join(self._pieces)

    def feed(self, line: bytes) -> list[bytes]:
        """Return the text of each value that ``line`` completes."""
        values: list[bytes] = []
        start = 0 if self._depth > self._base else -1
        for match in _TOKEN.finditer(line):
            first = line[match.start()]
            if first == _STRING:
                continue
            if first in _OPENING:
                if self._depth == self._base:
                    if first == _LIST and self._depth == 0:
                        self._base = self._depth = 1
                        continue
                    start = match.start()
                self._depth += 1
                continue
            self._depth -= 1
            if self._depth < 0:
                self.is_broken, self._depth = True, 0
            elif self._depth < self._base:
                self._base = 0
            elif self._depth == self._base:
                values.append(b"".join((*self._pieces, line[start : match.end()])))
                self._pieces.clear()
                self.held, start, self.has_split = 0, -1, True
        if start >= 0:
            self._pieces.append(line[start:] + b"\n")
            self.held += len(line) - start + 1
        return values


def split(text: bytes) -> list[Any] | None:
    """Return the values in ``text``, which holds several; ``None`` if anything in it is no complete JSON value."""
    splitter = JsonSplitter()
    texts = splitter.feed(text)
    # Nothing but white space may stand between the values: what is left must be as long as what was found.
    left = len(b"".join(text.split())) - sum(len(b"".join(found.split())) for found in texts)
    if not texts or left or splitter.is_open or splitter.is_broken:
        return None
    try:
        return [parse(found)[0] for found in texts]
    except ValueError:
        return None
