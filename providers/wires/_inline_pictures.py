"""Takes pictures out of the words of an answer, while it streams. Pure.

Some proxies put a picture that a model made into the words, as a Markdown image whose address is the picture itself.
"""

import re

_BEGINNING = re.compile(r"!\[[^\]\n]{0,200}\]\(\s?(?=data:image/[\w.+-]{1,30};base64,)")
#: The end of a text that may still become such a beginning. An exclamation mark alone is too common to be held.
_MAYBE = re.compile(
    r"!\[[^\]\n]{0,200}(?:\](?:\(\s?(?P<address>data:image/[\w.+-]{0,30}(?:;[base64]{0,6})?|[dat:image/]{0,11}))?)?\Z"
)
_SCHEME = "data:image/"


class InlinePictures:
    """The words of one answer."""

    def __init__(self) -> None:
        self._held = ""
        #: The pieces of a picture's address that has not ended; empty outside of one.
        self._address: list[str] = []

    def split(self, text: str) -> list[tuple[bool, str]]:
        """Return ``text`` in pieces, each with whether it is a picture's address. What may begin one is held."""
        if not self._address and not self._held and "![" not in text:
            return [(False, text)]
        text, self._held = self._held + text, ""
        found: list[tuple[bool, str]] = []
        while text:
            if self._address:
                address, end, text = text.partition(")")
                self._address.append(address)
                if end:
                    found.append((True, "".join(self._address).rstrip()))
                    self._address = []
            elif (beginning := _BEGINNING.search(text)) is not None:
                found.append((False, text[: beginning.start()]))
                self._address.append(_SCHEME)
                text = text[beginning.end() + len(_SCHEME) :]
            else:
                start = _start_of_maybe(text)
                found.append((False, text[:start]))
                self._held, text = text[start:], ""
        return [(is_picture, piece) for is_picture, piece in found if piece]

    def flush(self) -> str:
        """Return the words that are still held, now that no more will come. A picture that is cut is dropped."""
        held, self._held, self._address = self._held, "", []
        return held


def without_pictures(text: str) -> str:
    """Return the words of a whole text."""
    inline = InlinePictures()
    return "".join(piece for is_picture, piece in inline.split(text) if not is_picture) + inline.flush()


def _start_of_maybe(text: str) -> int:
    """Return where the end of ``text`` begins that may become a picture; the length of ``text`` if there is none."""
    maybe = _MAYBE.search(text)
    if maybe is None:
        return len(text)
    address = maybe["address"] or ""
    return maybe.start() if address.startswith(_SCHEME) or _SCHEME.startswith(address) else len(text)
