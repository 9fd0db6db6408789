"""The order for a fault in what a user says: ``[[fault=<name> key=value …]]``. Pure.

It says what is wished, in words that a person can type; ``faults`` says what happens then.
"""

import math
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from emulator.actions import Fault, Hint


class Trouble(StrEnum):
    """The faults by the names that a directive has for them."""

    #: The headers come late, and then everything goes well.
    DELAY = "delay"
    #: Nothing more for ever.
    SILENCE = "silence"
    #: The body ends early, as if that were its end.
    TRUNCATE = "truncate"
    #: The connection ends in the middle of the body.
    ABRUPT = "abrupt"
    #: The connection is reset.
    RESET = "reset"
    #: The body is empty.
    EMPTY = "empty"
    #: The provider's error with a status, instead of a stream.
    ERROR = "error"
    #: The same, and its body does not end.
    ENDLESS_ERROR = "endless_error"
    #: The provider's error inside the stream.
    ERROR_EVENT = "error_event"
    #: A web page instead of a stream.
    HTML = "html"
    #: A whole answer as JSON instead of a stream.
    JSON = "json"
    #: A redirect to somewhere else.
    REDIRECT = "redirect"
    #: One event whose JSON is cut.
    BAD_JSON = "bad_json"
    #: One event in a very long line.
    LONG_LINE = "long_line"
    #: Pieces that end inside characters.
    SPLIT_UTF8 = "split_utf8"
    #: Pieces of one byte.
    BYTES = "bytes"
    #: Line ends of Windows; Gemini's are always so.
    CRLF = "crlf"
    #: A comment before every token.
    COMMENTS = "comments"
    #: The provider's own sign of life before every token.
    PINGS = "pings"
    #: Comments and nothing else for ever.
    ONLY_COMMENTS = "only_comments"
    #: The provider's own signs of life and nothing else for ever.
    ONLY_PINGS = "only_pings"
    #: Everything is said, and the body goes on.
    ENDLESS = "endless"
    #: The terminal event comes twice.
    TWICE = "twice"
    #: No usage is reported.
    NO_USAGE = "no_usage"


class Point(StrEnum):
    """Where in an answer something happens, where that is not after so many tokens."""

    #: After the request, before the headers.
    REQUEST = "request"
    #: After the headers.
    HEADERS = "headers"
    #: After the terminal event.
    END = "end"


type After = Point | int


@dataclass(frozen=True, kw_only=True, slots=True)
class Directive:
    """One fault, as it was ordered. What a fault does not know is left at what it is here."""

    trouble: Trouble
    #: Seconds before the headers.
    delay: float = 0.0
    #: How often it happens before the same request goes well; ``None`` is always.
    attempts: int | None = None
    #: In which step of a turn it happens, from 1; ``None`` is in every one.
    step: int | None = None
    after: After = 3
    status: int | None = None
    kind: Fault | None = None
    #: ``None`` leaves what the provider itself would say.
    hint: Hint | None = None
    #: Seconds between signs of life.
    every: float = 0.5
    #: Bytes of a long line.
    size: int = 10_000_000


class DirectiveError(ValueError):
    """What was ordered does not exist; the message names it and what there is."""


_OPENING = "[[fault="
_DIRECTIVE = re.compile(r"\[\[fault=([^\[\]]*)\]\]")

#: Seconds; more than a day is for ever.
_LONGEST = 86_400.0

_STARTS: dict[Trouble, dict[str, Any]] = {
    Trouble.DELAY: {"delay": 1.0},
    Trouble.SILENCE: {"after": Point.REQUEST},
    Trouble.ONLY_COMMENTS: {"after": 0},
    Trouble.ONLY_PINGS: {"after": 0},
    Trouble.ERROR: {"status": 500},
    Trouble.ENDLESS_ERROR: {"status": 500},
    Trouble.ERROR_EVENT: {"kind": Fault.SERVER_ERROR},
    Trouble.HTML: {"status": 200},
    Trouble.REDIRECT: {"status": 307},
}

_ERROR_KEYS = ("status", "kind", "retry_after", "retry_after_ms", "retry_date")

#: What each fault knows beside ``_ALWAYS``.
_KEYS: dict[Trouble, tuple[str, ...]] = {
    **dict.fromkeys((Trouble.SILENCE, Trouble.TRUNCATE, Trouble.ABRUPT, Trouble.RESET), ("after",)),
    Trouble.BAD_JSON: ("after",),
    Trouble.LONG_LINE: ("after", "size"),
    Trouble.ERROR: _ERROR_KEYS,
    Trouble.ENDLESS_ERROR: (*_ERROR_KEYS, "every"),
    Trouble.ERROR_EVENT: ("after", "kind"),
    Trouble.HTML: ("status",),
    Trouble.REDIRECT: ("status",),
    Trouble.ONLY_COMMENTS: ("after", "every"),
    Trouble.ONLY_PINGS: ("after", "every"),
    Trouble.ENDLESS: ("every",),
}
_ALWAYS = ("delay", "attempts", "step")


def ordered_faults(text: str) -> list[str]:
    """Return the directives in ``text`` as they stand there, valid or not."""
    return [found[0] for found in _DIRECTIVE.finditer(text)]


def parse(text: str) -> Directive | None:
    """Return the directive in ``text``, if there is one. Raise ``DirectiveError``."""
    if _OPENING not in text:
        return None
    found = _DIRECTIVE.findall(text)
    if len(found) != 1 or text.count(_OPENING) != 1:
        raise DirectiveError("Write one directive, as [[fault=<name> key=value …]].")
    name, *pairs = found[0].split() or [""]
    trouble = _member(Trouble, "fault", name)
    given = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        known = (*_ALWAYS, *_KEYS.get(trouble, ()))
        if not equals or key not in known:
            raise DirectiveError(f"The fault '{trouble}' has no key '{key}'; it has: {', '.join(known)}.")
        if key in given:
            raise DirectiveError(f"The key '{key}' comes twice.")
        given[key] = value
    return _built(trouble, given)


def _built(trouble: Trouble, given: dict[str, str]) -> Directive:
    values = {**_STARTS.get(trouble, {}), **{key: _READERS[key](key, value) for key, value in given.items()}}
    if "kind" in given and "status" not in given:
        # The provider knows by which status it says that.
        values.pop("status", None)
    hints = {name: values.pop(key) for key, name in _HINTS.items() if key in values}
    directive = Directive(trouble=trouble, **values)
    bounds = _STATUSES.get(trouble)
    if bounds and directive.status is not None and directive.status not in bounds:
        raise DirectiveError(
            f"The fault '{trouble}' takes a status of {bounds.start} to {bounds.stop - 1}, not {directive.status}."
        )
    if directive.after is Point.END and trouble in _NOT_AT_THE_END:
        raise DirectiveError(f"The fault '{trouble}' cannot happen after the end.")
    return replace(directive, hint=Hint(**hints)) if hints else directive


_NOT_AT_THE_END = {Trouble.TRUNCATE, Trouble.BAD_JSON, Trouble.LONG_LINE}

_HINTS = {"retry_after": "seconds", "retry_after_ms": "milliseconds", "retry_date": "date"}

_STATUSES = {
    Trouble.ERROR: range(400, 600),
    Trouble.ENDLESS_ERROR: range(400, 600),
    Trouble.HTML: range(200, 600),
    Trouble.REDIRECT: range(300, 400),
}


def _member[Member: StrEnum](members: type[Member], key: str, value: str) -> Member:
    try:
        return members(value)
    except ValueError:
        raise DirectiveError(f"There is no {key} '{value}'; there is: {', '.join(members)}.") from None


def _seconds(key: str, value: str) -> float:
    try:
        seconds = float(value)
    except ValueError:
        seconds = math.nan
    if not 0 <= seconds <= _LONGEST:
        raise DirectiveError(f"The key '{key}' is a number of seconds, not '{value}'.")
    return seconds


def _pause(key: str, value: str) -> float:
    seconds = _seconds(key, value)
    if seconds < 0.001:
        raise DirectiveError(f"The key '{key}' is a number of seconds from 0.001, not '{value}'.")
    return seconds


def _count(least: int, most: int) -> Callable[[str, str], int]:
    def read(key: str, value: str) -> int:
        if not (value.isascii() and value.isdigit() and least <= int(value[:18]) <= most):
            raise DirectiveError(f"The key '{key}' is a number from {least} to {most}, not '{value}'.")
        return int(value)

    return read


def _point(key: str, value: str) -> After:
    if value.isascii() and value.isdigit():
        return int(value[:18])
    return _member(Point, f"place or number of tokens for '{key}'", value)


_READERS: dict[str, Callable[[str, str], object]] = {
    "delay": _seconds,
    "attempts": _count(1, 1_000),
    "step": _count(1, 1_000),
    "after": _point,
    "status": _count(100, 999),
    "kind": lambda key, value: _member(Fault, key, value),
    "retry_after": lambda _, value: value,
    "retry_after_ms": lambda _, value: value,
    "retry_date": _seconds,
    "every": _pause,
    "size": _count(1, 64_000_000),
}
