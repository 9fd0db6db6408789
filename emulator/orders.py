"""Parses orders for function calls in the user's text: ``[[call <name> <arguments>]]``. Pure.

An order is written in words that a person can type; ``calling`` carries it out.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass

#: Seconds: the longest pause; longer orders are cut to it.
LONGEST_PAUSE = 600.0


@dataclass(frozen=True, slots=True)
class Ask:
    """Call the function ``name``; ``arguments`` is the text as typed, JSON or not."""

    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class Pause:
    """Send nothing for ``seconds`` seconds."""

    seconds: float


type Order = Ask | Pause

#: The orders of one step.
type Step = tuple[Order, ...]

_OPENING = re.compile(
    r"\[\[(?:(?P<next>next)\]\]|pause (?P<pause>\d+(?:\.\d+)?)\]\]|call (?P<name>[^\s\[\]]+)\s*)"
)
_CLOSING = re.compile(r"(?:(?<!\s)\s++)?\]\]")


def steps(text: str) -> tuple[Step, ...]:
    """Return the orders in ``text``, one tuple for each step; other text is ignored."""
    found: list[list[Order]] = [[]]
    for order in _orders(text):
        if order is None:
            found.append([])
        else:
            found[-1].append(order)
    return tuple(map(tuple, found))


def _orders(text: str) -> Iterator[Order | None]:
    """Yield the orders in ``text``, and ``None`` where the next step begins."""
    place = 0
    while opening := _OPENING.search(text, place):
        place = opening.end()
        if opening["next"]:
            yield None
        elif opening["pause"]:
            yield Pause(min(float(opening["pause"]), LONGEST_PAUSE))
        else:
            end = _end_of_arguments(text, place)
            closing = _CLOSING.match(text, end)
            if closing is None:
                return
            yield Ask(opening["name"], text[place:end] or "{}")
            place = closing.end()


def _end_of_arguments(text: str, start: int) -> int:
    """Return where the arguments end: after their JSON if it is valid, else before the first ``]]``."""
    try:
        _, end = json.JSONDecoder().raw_decode(text, start)
    except (ValueError, RecursionError):
        pass
    else:
        if _CLOSING.match(text, end):
            return end
    end = text.find("]]", start)
    return start + len(text[start : end if end >= 0 else len(text)].rstrip())
