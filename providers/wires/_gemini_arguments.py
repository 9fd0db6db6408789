"""Function arguments that Vertex streams piece by piece, put together. Pure.

Source: ``PartialArg`` of the Gemini API: a JSON path (RFC 9535) that names one place, and a value;
``willContinue`` says that more of a string follows for the same place.
"""

import re
from itertools import pairwise

from providers.types import Json
from providers.wires.shapes import text_in

type Place = tuple[str | int, ...]

_STEP = re.compile(
    r"""\.(?P<name>[^.\[\]]+)|\[(?P<index>\d{1,9})\]"""
    r"""|\['(?P<single>(?:[^'\\]|\\.)*)'\]|\["(?P<double>(?:[^"\\]|\\.)*)"\]"""
)
_ESCAPED = re.compile(r"\\(.)")

#: Deeper than any schema, and shallow enough for a JSON writer.
_DEEPEST = 100


class PartialArguments:
    """Collects the pieces of one call's arguments."""

    def __init__(self) -> None:
        self._root: Json = {}
        #: The string that may go on: where it lies, and its pieces.
        self._place: Place = ()
        self._text: list[str] = []

    def replace(self, arguments: Json) -> None:
        """Take arguments that came whole."""
        self._root = dict(arguments)

    def put(self, piece: Json) -> None:
        """Take one piece. Raises ``ValueError`` or ``TypeError`` when it cannot be used."""
        place = _parse(text_in(piece.get("jsonPath")))
        text = piece.get("stringValue", "")
        if not isinstance(text, str):
            raise TypeError("a string value is no string")
        if place == self._place:
            self._text.append(text)
            return
        self._end_text()
        if "stringValue" in piece:
            self._set(place, "")
            self._place, self._text = place, [text]
        elif "nullValue" in piece:
            self._set(place, None)
        for name in ("numberValue", "boolValue"):
            if name in piece:
                self._set(place, piece[name])

    def end(self) -> Json:
        """Return what has been put together."""
        self._end_text()
        return self._root

    def _end_text(self) -> None:
        if self._text:
            self._set(self._place, "".join(self._text))
        self._place, self._text = (), []

    def _set(self, place: Place, value: object) -> None:
        node: object = self._root
        for step, following in pairwise(place):
            node = _enter(node, step, [] if isinstance(following, int) else {})
        _enter(node, place[-1], value, overwrite=True)


def _enter(node: object, step: str | int, value: object, *, overwrite: bool = False) -> object:
    """Return what lies at ``step`` of ``node``, after writing ``value`` where nothing is yet."""
    match node, step:
        case dict(), str():
            if overwrite or step not in node:
                node[step] = value
            return node[step]
        case list(), int() if step <= len(node):
            if step == len(node):
                node.append(value)
            elif overwrite:
                node[step] = value
            return node[step]
        case _:
            # Also a list with a hole: filling it up would let one path ask for any amount of memory.
            raise ValueError(f"a piece of the arguments does not fit at {step!r}")


def _parse(path: str) -> Place:
    steps: list[str | int] = []
    position = 1
    while path.startswith("$") and position < len(path):
        step = _STEP.match(path, position)
        if step is None:
            break
        position = step.end()
        if (index := step["index"]) is not None:
            steps.append(int(index))
        elif (name := step["name"]) is not None:
            steps.append(name)
        else:
            steps.append(_ESCAPED.sub(r"\1", step["single"] or step["double"] or ""))
    if not steps or position != len(path) or len(steps) > _DEEPEST:
        raise ValueError("not the path of an argument")
    return tuple(steps)
