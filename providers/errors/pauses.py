"""Reads how many seconds a provider wants a client to wait: from headers, members and sentences of its error. Pure.

The order is: ``retry-after-ms``, ``retry-after``, a member of the error (Google's ``RetryInfo``), a sentence
("try again in 2m59.56s"), then the headers that say when a used-up limit resets. A time without a zone is not read.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from math import isfinite

from providers.errors import members
from providers.errors.failure import Failure

_UNITS = (
    (r"(?:ms|milliseconds?|msecs?)", 0.001),
    (r"(?:s|secs?|seconds?)", 1.0),
    (r"(?:m|mins?|minutes?)", 60.0),
    (r"(?:h|hrs?|hours?)", 3600.0),
    (r"(?:d|days?)", 86400.0),
)
_UNIT = "|".join(unit for unit, _ in _UNITS)
_QUANTITY = re.compile(rf"(\d{{1,9}}(?:\.\d{{1,12}})?)\s?({_UNIT})(?![a-z])", re.IGNORECASE)
_DURATION = rf"(?:\d{{1,9}}(?:\.\d{{1,12}})?\s?(?:{_UNIT})(?![a-z])(?:,? and |,? )?){{1,5}}"
#: ``try again in 1.77s``, ``retry after 26 seconds``, ``expected available in 593 seconds``, ``resets in 2h14m``.
_IN_WORDS = re.compile(
    rf"\b(?:retry(?:ing)?|try(?:ing)?(?: your request| this)? again|wait(?:ing)?|back(?:ing)?[ -]?off|cool[ -]?down"
    rf"|available|resets?|renews?)\b"
    rf"[^.\d\n]{{0,40}}?(?<![\d.])({_DURATION})",
    re.IGNORECASE,
)
#: ``请在 6 秒后重试``: seconds, minutes or hours, then "after" or "again".
_IN_CHINESE = re.compile(r"(\d{1,9}(?:\.\d{1,6})?)\s?个?(秒|分|小时)钟?\s?[之以]?[后後再]")
_CHINESE_UNITS = {"秒": 1.0, "分": 60.0, "小时": 3600.0}
#: ``in 00:00:12``: hours, minutes and seconds.
_CLOCK = re.compile(r"\bin (\d{1,3}):(\d\d):(\d\d)(?![:\d])")
#: The header of the IETF's drafts: ``limit=100, remaining=0, reset=30``, later ``"default";r=0;t=30``.
_LIMIT_HEADER = re.compile(r"\b(?:remaining|r)=(\d{1,18})\b.*?\b(?:reset|t)=(\d{1,18})\b")
#: ``Retry-After: 30``: seconds without a unit.
_BARE = re.compile(r"\bretry[-_ ]?after\W{1,4}(?:about )?(\d{1,7}(?:\.\d{1,6})?)(?![\w.]*\w)", re.IGNORECASE)
#: ``in a minute``, ``in an hour``.
_ONE = re.compile(
    r"\b(?:try again|retry)[^.\d\n]{0,10} in (?:a|an|one) (second|minute|hour|day)\b", re.IGNORECASE
)
#: ``on 2031-12-01 at 00:00 UTC``, ``at 2031-01-01T00:00:00Z``.
_MOMENT = re.compile(
    r"\b(\d{4}-\d\d-\d\d)(?:T| at | )(\d\d:\d\d(?::\d\d)?)(?:\.\d+)?\s?(Z|UTC|GMT|[+-]\d\d:?\d\d)",
    re.IGNORECASE,
)
_RESET_HEADER = re.compile(r"(?:x-|anthropic-)?rate-?limit.*reset", re.IGNORECASE)
_MILLENNIUM = 1_000_000_000


def pause_asked_for(failure: Failure, headers: Mapping[str, str], *, is_limit: bool) -> float | None:
    """Return the seconds that the provider wants a client to wait; ``None`` if it does not say.

    Args:
        failure: The error.
        headers: The headers of the HTTP response.
        is_limit: Whether the error is about a rate limit. The headers that say when a limit resets come with every
            answer and count only then.
    """
    lowered = {name.lower(): value for name, value in headers.items()}
    readings = [
        _number(lowered.get("retry-after-ms", ""), scale=0.001),
        _number(lowered.get("x-retry-after-ms", ""), scale=0.001),
        _duration_or_moment(lowered.get("retry-after", "")),
        *_of_members(failure),
        pause_in_words(failure.text),
    ]
    if is_limit:
        readings.append(_until_reset(lowered))
        readings += (_until_reset(quoted) for quoted in _quoted_headers(failure))
    told = [seconds for seconds in readings if seconds is not None]
    # A pause of 0 is often a default of a gateway: what else is said counts before it.
    return next((seconds for seconds in told if seconds > 0), 0.0 if told else None)


def pause_in_words(text: str) -> float | None:
    """Return the seconds that the sentence ``text`` asks for; ``None`` if it asks for none."""
    if found := _IN_WORDS.search(text):
        return _duration(found[1])
    if found := _BARE.search(text):
        return _number(found[1])
    if found := _IN_CHINESE.search(text):
        return float(found[1]) * _CHINESE_UNITS[found[2]]
    if found := _CLOCK.search(text):
        hours, minutes, seconds = map(int, found.groups())
        return float(hours * 3600 + minutes * 60 + seconds)
    if found := _ONE.search(text):
        return _duration(f"1 {found[1]}")
    if found := _MOMENT.search(text):
        zone = found[3].upper().replace("UTC", "+00:00").replace("GMT", "+00:00")
        return _until(f"{found[1]}T{found[2]}{zone}")
    return None


def _of_members(failure: Failure) -> Iterator[float | None]:
    for node in failure.nodes:
        yield from (_number(node.get(key), scale=0.001) for key in members.MILLISECONDS)
        yield from (_duration_or_moment(node.get(key)) for key in (*members.SECONDS, *members.MOMENTS))


def _quoted_headers(failure: Failure) -> Iterator[dict[str, str]]:
    """Yield the headers that a gateway quotes in its error."""
    for node in failure.nodes:
        if isinstance(headers := node.get("headers"), Mapping):
            yield {name.lower(): str(value) for name, value in headers.items()}


def _until_reset(headers: Mapping[str, str]) -> float | None:
    """Return the seconds until the used-up limit resets, from headers whose names are in lower case.

    A limit is used up if its ``remaining`` is 0, or if the answer names no ``remaining`` at all.
    """
    resets = {
        name: value for name, value in headers.items() if _RESET_HEADER.fullmatch(name) or _is_reset(name)
    }
    remaining = {name: headers.get(name.replace("reset", "remaining")) for name in resets}
    used_up = [name for name, left in remaining.items() if left is not None and _number(left) == 0]
    if not used_up and all(left is None for left in remaining.values()):
        used_up = list(resets)
    used = [
        (left, reset) for left, reset in _LIMIT_HEADER.findall(headers.get("ratelimit", "")) if int(left) == 0
    ]
    waits = [float(reset) for _, reset in used]
    waits += [seconds for name in used_up if (seconds := _duration_or_moment(resets[name])) is not None]
    return max(waits, default=None)


def _is_reset(name: str) -> bool:
    return "reset" in name and "ratelimit" in name.replace("-", "")


def _duration_or_moment(value: object) -> float | None:
    """Return the seconds of ``30``, ``1m2.5s``, an HTTP date, ISO 8601, or seconds or milliseconds since 1970."""
    if isinstance(value, Mapping):
        # Google's duration, as a client in another language writes it.
        value = value.get("seconds")
    if isinstance(value, bool) or value is None:
        return None
    text = str(value).strip()
    seconds = _number(text)
    if seconds is None:
        return _duration(text) if re.fullmatch(_DURATION, text, re.IGNORECASE) else _until(text)
    if seconds < _MILLENNIUM:
        return seconds
    moment = seconds / 1000 if seconds > _MILLENNIUM * 1000 else seconds
    return max(0.0, moment - datetime.now(UTC).timestamp())


def _duration(text: str) -> float | None:
    total, is_empty = 0.0, True
    for number, unit in _QUANTITY.findall(text):
        scale = next(scale for pattern, scale in _UNITS if re.fullmatch(pattern, unit, re.IGNORECASE))
        total, is_empty = total + float(number) * scale, False
    return None if is_empty else round(total, 6)


def _number(value: object, *, scale: float = 1.0) -> float | None:
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        return None
    try:
        seconds = float(value) * scale
    except (ValueError, OverflowError):
        return None
    return seconds if isfinite(seconds) and seconds >= 0 else None


def _until(text: str) -> float | None:
    """Return the seconds until an HTTP date or an ISO 8601 time with a zone; 0 for one in the past."""
    for parse in (parsedate_to_datetime, datetime.fromisoformat):
        try:
            moment = parse(text)
        except (ValueError, TypeError, OverflowError):
            continue
        if moment.tzinfo is None:
            if parse is datetime.fromisoformat:
                continue
            moment = moment.replace(tzinfo=UTC)
        return max(0.0, (moment - datetime.now(UTC)).total_seconds())
    return None
