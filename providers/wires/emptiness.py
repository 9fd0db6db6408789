"""Whether an answer has content: thoughts and blanks alone are none. Pure."""

import unicodedata
from collections.abc import Iterable

from providers.types import Part, ReasoningPart, TextPart

#: Categories of characters that show nothing and that Python does not take for blanks: controls and marks of format.
_INVISIBLE = frozenset({"Cc", "Cf"})
#: Characters of other categories that show nothing: fillers, an empty Braille cell, and what only alters others.
_FILLERS = frozenset("\u115f\u1160\u2800\u3164\uffa0\u034f") | {chr(code) for code in range(0xFE00, 0xFE10)}


def is_blank(text: str) -> bool:
    """Return whether a reader would see nothing of ``text``."""
    return all(map(_shows_nothing, text))


def _shows_nothing(character: str) -> bool:
    return character.isspace() or unicodedata.category(character) in _INVISIBLE or character in _FILLERS


def has_content(parts: Iterable[Part]) -> bool:
    """Return whether ``parts`` hold words that are not blank, a function call, or a provider's item."""
    return any(_is_content(part) for part in parts)


def _is_content(part: Part) -> bool:
    match part:
        case ReasoningPart():
            return False
        case TextPart(text=text):
            return not is_blank(text)
        case _:
            return True
