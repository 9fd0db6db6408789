"""Parses a fault directive in the user's text: ``[[fault=<name> key=value …]]``. Pure.

A directive names the fault in words that a person can type; ``faults`` carries it out.
"""

import math
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from emulator.actions import Fault, Hint


class Trouble(StrEnum):
    """The faults, by their names in a directive."""

    #: The headers come late; the rest of the answer is normal.
    DELAY = "delay"
    #: The emulator sends nothing more and keeps the connection open.
    SILENCE = "silence"
    #: The body ends early, but cleanly.
    TRUNCATE = "truncate"
    #: The connection ends in the middle of the body.
    ABRUPT = "abrupt"
    #: The connection is reset.
    RESET = "reset"
    #: The body is empty.
    EMPTY = "empty"
    #: The provider's error with an HTTP status, instead of a stream.
    ERROR = "error"
    #: As ``ERROR``, but the body does not end.
    ENDLESS_ERROR = "endless_error"
    #: The provider's error inside the stream.
    ERROR_EVENT = "error_event"
    #: A web page instead of a stream.
    HTML = "html"
    #: A whole answer as JSON instead of a stream.
    JSON = "json"
    #: A redirect to another path.
    REDIRECT = "redirect"
    #: One event with half its JSON missing.
    BAD_JSON = "bad_json"
    #: One event in a very long line.
    LONG_LINE = "long_line"
    #: Pieces that end inside characters.
    SPLIT_UTF8 = "split_utf8"
    #: Pieces of one byte.
    BYTES = "bytes"
    #: Lines that end with CRLF; Gemini's always do.
    CRLF = "crlf"
    #: A comment before every token.
    COMMENTS = "comments"
    #: The provider's own keep-alive event before every token.
    PINGS = "pings"
    #: Comments without end, and nothing else.
    ONLY_COMMENTS = "only_comments"
    #: The provider's own keep-alive events without end, and nothing else.
    ONLY_PINGS = "only_pings"
    #: The answer is complete, but the body goes on with comments without end.
    ENDLESS = "endless"
    #: The terminal event comes twice.
    TWICE = "twice"
    #: No usage is reported.
    NO_USAGE = "no_usage"


class Point(StrEnum):
    """The point of an answer at which a fault happens, if not after a number of tokens."""

    #: After the request, before the headers.
    REQUEST = "request"
    #: After the headers.
    HEADERS = "headers"
    #: After the terminal event.
    END = "end"


type After = Point | int


@dataclass(frozen=True, kw_only=True, slots=True)
class Directive:
    """One fault with its settings. Settings that do not apply to the fault keep their defaults."""

    trouble: Trouble
    #: Seconds before the headers.
    delay: float = 0.0
    #: How often the fault happens before the same request succeeds; ``None`` is always.
    attempts: int | None = None
    #: The step of the turn in which the fault happens, from 1; ``None`` is every step.
    step: int | None = None
    #: Where the fault happens: a point, or the number of tokens before it.
    after: After = 3
    #: HTTP status.
    status: int | None = None
    kind: Fault | None = None
    #: When the client should try again; ``None`` leaves the provider's own hint.
    hint: Hint | None = None
    #: Seconds between comments, keep-alive events or filler bytes.
    every: float = 0.5
    #: Bytes that pad the long line.
    size: int = 10_000_000


class DirectiveError(ValueError):
    """The directive is invalid; the message says why and names the valid choices."""


_OPENING = "[[fault="
_DIRECTIVE = re.compile(r"\[\[fault=([^\[\]]*)\]\]")

#: Seconds: a day, the longest time that a directive accepts.
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

#: The keys of each fault beside ``_ALWAYS``.
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
    """Return the directive in ``text``, or ``None`` if it has none.

    Raises:
        DirectiveError: ``text`` has several directives, or an invalid one.
    """
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
        # The wire has a status for each kind of fault.
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
