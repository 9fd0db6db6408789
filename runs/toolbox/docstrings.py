"""Parses docstrings in Google's style into descriptions of the function and its arguments. Pure.

Source: https://google.github.io/styleguide/pyguide.html#383-functions-and-methods
"""

import inspect
import re
from dataclasses import dataclass, field
from itertools import pairwise

_SECTION = re.compile(r"(?:Args|Arguments|Attributes|Examples?|Notes?|Raises|Returns|Yields|Warns|See Also):")
_ARGUMENTS = ("Args:", "Arguments:")
#: ``name: description``, or ``name (type): description``.
_ARGUMENT = re.compile(r"(?<!\w)\*{0,2}(?P<name>\w++)\s*+(?:\([^)]*\))?:\s*(?P<text>.*)")


@dataclass(frozen=True, slots=True)
class ParsedDocstring:
    """The descriptions in a docstring."""

    #: The text before the first section, one line for each paragraph.
    description: str
    #: One line for each argument, by its name.
    arguments: dict[str, str] = field(default_factory=dict)


def parse(docstring: str) -> ParsedDocstring:
    """Return the descriptions in ``docstring``; wrapped lines are joined."""
    lines = inspect.cleandoc(docstring).splitlines()
    starts = [index for index, line in enumerate(lines) if _SECTION.fullmatch(line.rstrip())]
    description = lines[: starts[0]] if starts else lines
    arguments: dict[str, str] = {}
    for start, end in pairwise([*starts, len(lines)]):
        if lines[start].rstrip() in _ARGUMENTS:
            arguments |= _arguments(lines[start + 1 : end])
    paragraphs = re.split(r"\n\s*\n", "\n".join(description))
    joined = "\n".join(filter(None, (" ".join(each.split()) for each in paragraphs)))
    return ParsedDocstring(joined, arguments)


def _arguments(lines: list[str]) -> dict[str, str]:
    found: dict[str, list[str]] = {}
    name, margin = "", None
    for line in lines:
        if not line.strip():
            continue
        indent = len(line) - len(line.lstrip())
        margin = indent if margin is None else margin
        match = _ARGUMENT.fullmatch(line.strip()) if indent <= margin else None
        if match is not None:
            name = match["name"]
            found[name] = [match["text"]]
        elif name:
            found[name].append(line)
    return {name: " ".join(" ".join(pieces).split()) for name, pieces in found.items()}
