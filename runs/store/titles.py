"""Makes a conversation's title from its first message. Pure."""

import unicodedata
from collections.abc import Iterable

from providers.types import Json
from runs.models.conversation import TITLE_LENGTH

#: Invisible characters of visible categories (letters, marks, symbols): Unicode's
#: Default_Ignorable_Code_Point without ``_INVISIBLE_CATEGORIES``, and the blank Braille pattern.
_INVISIBLE_CHARACTERS = frozenset(
    map(
        chr,
        (
            *(0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x2800, 0x3164, 0xFFA0),
            *range(0x180B, 0x1810),
            *range(0xFE00, 0xFE10),
            *range(0xE0100, 0xE01F0),
        ),
    )
)
#: Controls, formats and spaces. Unassigned characters (Cn) are not included: they may be new emoji that
#: this Python version does not have yet.
_INVISIBLE_CATEGORIES = frozenset({"Cc", "Cf", "Zs", "Zl", "Zp"})


def is_visible(text: str) -> bool:
    """Return whether a person would see anything of ``text``."""
    return any(
        unicodedata.category(character) not in _INVISIBLE_CATEGORIES
        and character not in _INVISIBLE_CHARACTERS
        for character in text
    )


def title_of(message: Iterable[Json]) -> str:
    """Return the title for a message's stored parts: one line of at most ``TITLE_LENGTH`` characters.

    A part without text counts by its file's name or its medium. The title is empty if the text has no
    visible character, because a link with such a title could not be seen.
    """
    words = [part.get("text") or part.get("name") or part["medium"] for part in message]
    title = " ".join(" ".join(words).split())
    if not is_visible(title):
        return ""
    return title if len(title) <= TITLE_LENGTH else f"{title[: TITLE_LENGTH - 1].rstrip()}…"
