"""Pictures among the words of an answer, however the words are cut."""

from itertools import pairwise

import pytest

from providers.wires._inline_pictures import InlinePictures
from tests.compatibility import understood

PICTURE = "data:image/png;base64,AAAA/+8="

#: The whole text, the words and the pictures in it.
TEXTS = [
    understood(
        f"See: ![a cat]({PICTURE}) Nice?",
        "See:  Nice?",
        [PICTURE],
        server="New API",
        oddity="A Markdown image in the words whose address holds the picture is a picture.",
        id="a picture",
    ),
    pytest.param(f"![]({PICTURE})![b]({PICTURE})", "", [PICTURE, PICTURE], id="two pictures"),
    pytest.param(
        "Wow! ![x](https://example.org/a.png)!", "Wow! ![x](https://example.org/a.png)!", [], id="links"
    ),
    pytest.param(
        "!![d](data:text/plain;base64,AAAA)", "!![d](data:text/plain;base64,AAAA)", [], id="another type"
    ),
    pytest.param("if (!a[0](data)) return !", "if (!a[0](data)) return !", [], id="code"),
    pytest.param("a ![b](data:image/pn", "a ![b](data:image/pn", [], id="half a beginning"),
    pytest.param(f"a ![b]({PICTURE}", "a ", [], id="half a picture"),
]


@pytest.mark.parametrize(("text", "words", "found"), TEXTS)
def test_it_takes_pictures_out_wherever_the_text_is_cut(text: str, words: str, found: list[str]) -> None:
    # Not between the two characters that begin a picture: one alone is passed on at once.
    places = [at for at in range(1, len(text)) if text[at - 1 : at + 1] != "!["]
    whole, single = [0, len(text)], [0, *places, len(text)]
    for ends in (whole, single, *([0, at, len(text)] for at in places)):
        pieces = [text[start:end] for start, end in pairwise(ends)]
        inline = InlinePictures()
        parts = [part for piece in pieces for part in inline.split(piece)]
        said = "".join(piece for is_picture, piece in parts if not is_picture) + inline.flush()
        assert (said, [piece for is_picture, piece in parts if is_picture]) == (words, found), pieces


def test_it_holds_no_exclamation_mark_back() -> None:
    assert InlinePictures().split("Done!") == [(False, "Done!")]
