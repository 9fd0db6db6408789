"""What a conversation is called: the first words in it that can be seen. Pure."""

import unicodedata
from collections.abc import Iterable

from providers.types import Json
from runs.models.conversation import TITLE_LENGTH

#: Characters that show nothing although their category is that of a letter, a mark or a symbol:
#: Unicode's Default_Ignorable_Code_Point without what ``_NOTHING`` covers, and the blank Braille pattern.
_BLANK = frozenset(
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
#: Categories of controls, formats and spaces. What is unassigned here may be a new emoji there.
_NOTHING = frozenset({"Cc", "Cf", "Zs", "Zl", "Zp"})


def _is_visible(character: str) -> bool:
    return unicodedata.category(character) not in _NOTHING and character not in _BLANK


def title_of(message: Iterable[Json]) -> str:
    """Return the first words of a message's stored parts, on one line; of one without words what it shows.

    Words that nobody can see are none: such a link could be neither read nor found.
    """
    words = [part.get("text") or part.get("name") or part["medium"] for part in message]
    title = " ".join(" ".join(words).split())
    if not any(map(_is_visible, title)):
        return ""
    return title if len(title) <= TITLE_LENGTH else f"{title[: TITLE_LENGTH - 1].rstrip()}…"
