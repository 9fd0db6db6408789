"""How scripts speak: text as tokens, at a pace, in pieces that nobody expects. Pure."""

from collections.abc import Iterable, Iterator
from itertools import cycle

from emulator.actions import Action, Say, Wait
from emulator.prose import tokens

#: Deltas in characters: never the size of a word, a line or a buffer.
_ODD_SIZES = (1, 3, 7, 2, 13, 5)


def said(text: str) -> Iterator[Say]:
    """Yield the tokens of ``text``."""
    return map(Say, tokens(text))


def paced(actions: Iterable[Action], *, per_second: float) -> Iterator[Action]:
    """Yield ``actions`` with the waits between them that make so many a second."""
    for action in actions:
        yield action
        yield Wait(1 / per_second)


def odd_pieces(text: str) -> Iterator[str]:
    """Yield ``text`` in pieces of odd sizes."""
    start = 0
    for size in cycle(_ODD_SIZES):
        if start >= len(text):
            return
        yield text[start : start + size]
        start += size
