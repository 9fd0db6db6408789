"""Helpers for scripts: cut text into tokens or odd pieces, and pace actions. Pure."""

from collections.abc import Iterable, Iterator
from itertools import cycle

from emulator.actions import Action, Say, Wait
from emulator.prose import tokens

#: Sizes of pieces in characters: unlike the sizes of words, lines and buffers.
_ODD_SIZES = (1, 3, 7, 2, 13, 5)


def said(text: str) -> Iterator[Say]:
    """Yield the tokens of ``text``."""
    return map(Say, tokens(text))


def paced(actions: Iterable[Action], *, per_second: float) -> Iterator[Action]:
    """Yield ``actions`` with waits after them, at a rate of ``per_second`` actions a second."""
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
