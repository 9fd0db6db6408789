"""Pictures among the words of an answer, however the words are cut."""

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
    cuts = [[text], list(text), *([text[:at], text[at:]] for at in range(len(text)))]
    for pieces in cuts:
        inline = InlinePictures()
        parts = [part for piece in pieces for part in inline.split(piece)]
        said = "".join(piece for is_picture, piece in parts if not is_picture) + inline.flush()
        assert (said, [piece for is_picture, piece in parts if is_picture]) == (words, found), pieces
