"""Whether an answer has content: thoughts and blanks alone are none. Pure."""

from collections.abc import Iterable

from providers.types import Part, ReasoningPart, TextPart

#: Characters that show nothing and that Python does not take for blanks.
_INVISIBLE = "\u200b\u200c\u200d\u2060\ufeff"


def is_blank(text: str) -> bool:
    """Return whether a reader would see nothing of ``text``."""
    return all(character.isspace() or character in _INVISIBLE for character in text)


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
