"""Makes a conversation's title from its first message. Pure."""

import re
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


#: Characters of a message that its title may come from.
_READ = 1_000
#: What Markdown writes at the beginning of a line: headings, quotes, items of lists; and the fences of code.
_LINE_MARKS = re.compile(r"^[ \t]*(?:(?:#{1,6}|[-*+>]|\d{1,2}[.)])[ \t]+|[`~]{3,}\w*)+", re.MULTILINE)
#: Links and pictures, of which the text stays.
_LINKS = re.compile(r"!?\[([^\[\]]{0,200})\]\([^()\s]{0,500}\)")
#: Marks around words.
_MARKS = re.compile(r"(?<!\w)(\*{1,3}|_{1,3}|~~|`{1,2})(?=\S)([^\n]{1,200}?)(?<=\S)\1(?!\w)")


def without_marks(text: str) -> str:
    """Return a text without the signs of Markdown, which a title would show as they are."""
    text = _LINKS.sub(r"\1", _LINE_MARKS.sub("", text[:_READ]))
    # Twice, for what is marked inside of marks.
    return _MARKS.sub(r"\2", _MARKS.sub(r"\2", text))


def title_of(message: Iterable[Json]) -> str:
    """Return the title for a message's stored parts: one line of at most ``TITLE_LENGTH`` characters.

    A part without text counts by its file's name or its medium. The title is empty if the text has no
    visible character, because a link with such a title could not be seen. It has no signs of Markdown.
    """
    words = [part.get("text") or part.get("name") or part["medium"] for part in message]
    text = " ".join(words).strip()
    plain = without_marks(text)
    title = " ".join((plain if is_visible(plain) else text).split())
    if not is_visible(title):
        return ""
    return title if len(title) <= TITLE_LENGTH else f"{title[: TITLE_LENGTH - 1].rstrip()}…"
