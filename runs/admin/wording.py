"""Formats numbers, times and names for the admin. An unknown value is shown as a dash, never as 0."""

import re
from datetime import timedelta

from django.utils.html import format_html_join
from django.utils.safestring import SafeString, mark_safe

from providers.admin.formatting import moment
from runs.usage.wording import BLANK, UNKNOWN, count, dollars, tokens

__all__ = [
    "UNKNOWN",
    "breakable",
    "compact",
    "count",
    "dollars",
    "duration",
    "milliseconds",
    "moment",
    "reason",
    "share",
    "tokens",
    "usage_source",
]

#: What the reasons mean whose names are no words.
_REASONS = {
    "llm_api_error": "the provider failed",
    "invalid_llm_response": "unusable answer",
    "invalid_tool_call": "unusable tool call",
    "worker_lost": "the process died",
}


def reason(code: str) -> str:
    """Return a stop reason as the protocol names it, after words for it if it needs them; a dash if there is none."""
    return f"{_REASONS[code]} ({code})" if code in _REASONS else code or UNKNOWN


def usage_source(source: str, *, is_over: bool) -> str:
    """Return the usage source of a run or a step; "still running" before its end."""
    return source if is_over else "still running"


def compact(value: int) -> str:
    """Return ``value`` in three or four characters, for the axis of a chart: 950, 1.5k, 20M."""
    for size, unit in ((1_000_000_000, "G"), (1_000_000, "M"), (1_000, "k")):
        if value >= size:
            return f"{value / size:.3g}{unit}"
    return str(value)


def breakable(model: str) -> SafeString:
    """Return a model's name as HTML that may wrap after ``/`` and ``@``, because names can be long."""
    return format_html_join(mark_safe("<wbr>"), "{}", ((piece,) for piece in re.split("(?<=[/@])", model)))


def share(value: float | None) -> str:
    """Return a share from 0 to 1 in percent; a share below 1 % is not rounded to 0."""
    if value is None:
        return UNKNOWN
    return f"<{BLANK}1{BLANK}%" if 0 < value < 0.01 else f"{value:.0%}".replace("%", f"{BLANK}%")


def duration(value: timedelta | None) -> str:
    """Return a duration in milliseconds, seconds, minutes or hours, depending on its length."""
    if value is None:
        return UNKNOWN
    seconds = value.total_seconds()
    if seconds < 1:
        return f"{seconds * 1000:.0f}{BLANK}ms"
    if seconds < 60:
        return f"{seconds:.1f}{BLANK}s"
    minutes, rest = divmod(round(seconds), 60)
    return (
        f"{minutes}{BLANK}min {rest}{BLANK}s"
        if minutes < 60
        else f"{minutes // 60}{BLANK}h {minutes % 60}{BLANK}min"
    )


def milliseconds(value: float | None) -> str:
    """Return a duration, given in milliseconds, with one decimal."""
    return UNKNOWN if value is None else f"{value:,.1f}{BLANK}ms"
