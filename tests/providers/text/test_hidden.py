"""Hidden characters are shown in the admin, by the same table as on the page."""

import json
import re
import unicodedata
from pathlib import Path

import pytest

from providers.text.hidden import visible

#: The page's tests name every kind of hidden character.
PAGE = (Path(__file__).resolve().parents[2] / "js" / "hidden.test.js").read_text()
NAMED = re.search(r"const HIDDEN = \[(.*?)\];", PAGE, re.DOTALL)


def named() -> list[str]:
    assert NAMED is not None
    found = re.findall(r"\\u(?:\{([0-9a-f]+)\}|([0-9a-f]{4}))", NAMED[1])
    return [chr(int(long or short, 16)) for long, short in found]


@pytest.mark.parametrize("character", named(), ids=lambda character: f"U+{ord(character):04X}")
def test_what_the_page_shows_the_admin_shows(character: str) -> None:
    text = visible(f"a{character}b")
    assert re.fullmatch(r"a(\\u[0-9a-f]{4}){1,2}b", text)
    assert json.loads(f'"{text}"') == f"a{character}b"


def test_every_character_without_a_glyph_of_its_own_is_shown() -> None:
    categories = {"Cc", "Cf", "Zl", "Zp", "Zs", "Cs"}
    missed = [
        f"U+{number:04X}"
        for number in range(0x110000)
        if unicodedata.category(chr(number)) in categories
        and chr(number) not in " \n\t"
        and visible(f"a{chr(number)}b") == f"a{chr(number)}b"
    ]
    assert missed == []


@pytest.mark.parametrize(
    "text",
    [
        "",
        "plain words",
        "two\nlines\r\nand a\ttab",
        "\U0001f469\u200d\U0001f4bb",
        "\u2764\ufe0f",
        "\U0001f44b\U0001f3fd",
        "1\ufe0f\u20e3",
        "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",
        "h\xe9 \u05d0\u05d1 \u4e2d\u6587 e\u0301",
    ],
)
def test_what_can_be_seen_stays(text: str) -> None:
    assert visible(text) == text


def test_joiners_and_selectors_that_carry_bits_are_shown() -> None:
    assert visible("a\u200d\u200cb\ufe0f") == "a\\u200d\\u200cb\\ufe0f"
    assert visible("\u2764\ufe0f\ufe0f") == "\u2764\ufe0f\\ufe0f"
    assert visible("\U000e0041") == "\\udb40\\udc41"


def test_a_long_text_takes_linear_time() -> None:
    for hostile in ("\u2764\ufe0f\u200d", "\u200d", "\u0645\u200c", "1\ufe0f", "\r"):
        assert len(visible(hostile * 20_000)) >= 20_000
