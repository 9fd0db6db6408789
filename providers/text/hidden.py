"""Shows characters that cannot be seen, for the admin; ``static/runnel/js/hidden.js`` does it for the page. Pure."""

import re

#: Unicode's ``Default_Ignorable_Code_Point``, controls, formats, line separators, spaces but the usual one, halves of
#: characters, and blank glyphs. Python knows no such property, so the ranges stand here (Unicode 16).
_HIDDEN = (
    r"\x00-\x1f\x7f-\xa0\xad\u034f\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u115f\u1160\u1680\u17b4\u17b5"
    r"\u180b-\u180f\u2000-\u200f\u2028-\u202f\u205f-\u206f\u2800\u3000\u3164\ud800-\udfff\ufe00-\ufe0f\ufeff\uffa0"
    r"\ufff0-\ufffb\U000110bd\U000110cd\U00013430-\U00013442\U00016fe4\U0001bca0-\U0001bca3\U0001d159\U0001d173-\U0001d17a"
    r"\U000e0000-\U000e0fff"
)
#: Pictures, whose joiners and selectors are part of how they look.
_PICTURE = (
    r"[\xa9\xae\u203c\u2049\u2122\u2139\u2190-\u21ff\u2300-\u27bf\u2900-\u297f\u2b00-\u2bff\u3030\u303d\u3297\u3299"
    r"\U0001f000-\U0001faff]"
)
_ONE = rf"{_PICTURE}[\ufe0e\ufe0f]?[\U0001f3fb-\U0001f3ff]?"
_EMOJI = rf"{_ONE}(?:\u200d{_ONE})*|[0-9#*]\ufe0f?\u20e3"
#: Letters of scripts whose words need joiners: Arabic, Syriac, those of India and Sri Lanka, Burmese, Khmer, Mongolian.
_JOINING = r"[\u0620-\u06ff\u0710-\u08ff\u0900-\u0dff\u1000-\u109f\u1780-\u17b3\u17b6-\u17ff\u1820-\u18af]"
_JOINER = rf"(?<={_JOINING})[\u200c\u200d](?={_JOINING})"
_PATTERN = re.compile(rf"({_EMOJI}|{_JOINER}|\r?\n|\t)|[{_HIDDEN}]")


def visible(text: str) -> str:
    """Return a text for reading: each hidden character by its number, but line breaks, emoji and needed joiners as they are."""
    return text if text.isascii() and text.isprintable() else _PATTERN.sub(_kept_or_escaped, text)


def _kept_or_escaped(found: re.Match[str]) -> str:
    return found[1] or "".join(f"\\u{unit:04x}" for unit in _units(found[0]))


def _units(character: str) -> tuple[int, ...]:
    """Return the UTF-16 units of a character, as JSON writes it."""
    number = ord(character)
    if number < 0x10000:
        return (number,)
    number -= 0x10000
    return 0xD800 + (number >> 10), 0xDC00 + (number & 0x3FF)
