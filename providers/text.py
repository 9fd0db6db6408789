"""The one boundary for text: what a database refuses does not get past it. Pure.

PostgreSQL stores neither NUL nor half a surrogate pair, and JSON escapes can carry both. Either
becomes U+FFFD here, once, on the way from a provider to everything else. Two halves that arrive
in two pieces of a stream are joined, so that a piece never ends inside a character.
"""

import re
from collections.abc import Mapping
from typing import Any

REPLACEMENT = "\N{REPLACEMENT CHARACTER}"

_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
_FIRST_HALF = ("\ud800", "\udbff")


def clean(text: str) -> str:
    """Return ``text`` with pairs joined and NUL and lone halves replaced; usually ``text`` itself."""
    if _UNSTORABLE.search(text) is None:
        return text
    joined = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return joined.replace("\x00", REPLACEMENT)


def clean_json(value: Any) -> Any:
    """Return the JSON value with every string in it clean, keys included; tuples become lists."""
    match value:
        case str():
            return clean(value)
        case Mapping():
            return {clean(str(key)): clean_json(item) for key, item in value.items()}
        case list() | tuple():
            return [clean_json(item) for item in value]
        case _:
            return value


class Seam:
    """Joins the pieces of one stream of text: holds a first half back until its second half comes."""

    __slots__ = ("_held",)

    def __init__(self) -> None:
        self._held = ""

    def feed(self, piece: str) -> str:
        """Return what of ``piece`` can be passed on now; it may be nothing."""
        if not self._held and piece.isascii() and "\x00" not in piece:
            return piece
        whole = self._held + piece
        self._held = ""
        if whole and _FIRST_HALF[0] <= whole[-1] <= _FIRST_HALF[1]:
            self._held = whole[-1]
            whole = whole[:-1]
        return clean(whole)

    def close(self) -> str:
        """Return what was held back and will never be completed."""
        held, self._held = self._held, ""
        return clean(held)
