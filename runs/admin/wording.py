"""How numbers and names read in the admin. What is unknown is a dash, never a zero."""

import re
from datetime import datetime, timedelta
from decimal import Decimal

from django.utils import timezone
from django.utils.html import format_html_join
from django.utils.safestring import SafeString, mark_safe

from providers.types.usage import UsageSource

UNKNOWN = "–"


def count(value: int | None) -> str:
    """Return ``value`` with thousands apart."""
    return UNKNOWN if value is None else f"{value:,}"


def tokens(value: int | None, source: str) -> str:
    """Return a run's or a step's token count; a guess is marked as one."""
    return f"≈ {count(value)}" if value is not None and source == UsageSource.ESTIMATED else count(value)


def dollars(value: Decimal | None, source: str) -> str:
    """Return what a run or a step has cost; what follows from a guess is marked as one."""
    if value is None:
        return UNKNOWN
    # Whole cents say nothing of most calls; what is smaller than a millionth does not count.
    amount = f"${value:,.6f}".rstrip("0").rstrip(".")
    return f"≈ {amount}" if source == UsageSource.ESTIMATED else amount


def usage_source(source: str, *, is_over: bool) -> str:
    """Return how far token counts can be trusted; before the end nothing is known of that."""
    return source if is_over else "still running"


def compact(value: int) -> str:
    """Return ``value`` in three or four characters, for the axis of a chart: 950, 1.5k, 20M."""
    for size, unit in ((1_000_000_000, "G"), (1_000_000, "M"), (1_000, "k")):
        if value >= size:
            return f"{value / size:.3g}{unit}"
    return str(value)


def breakable(model: str) -> SafeString:
    """Return a model's name, which can be long, with places where a line may end."""
    return format_html_join(mark_safe("<wbr>"), "{}", ((piece,) for piece in re.split("(?<=[/@])", model)))


def share(value: float | None) -> str:
    """Return a share of 0 to 1 in percent; a small one is not rounded away."""
    if value is None:
        return UNKNOWN
    return "< 1 %" if 0 < value < 0.01 else f"{value:.0%}".replace("%", " %")


def duration(value: timedelta | None) -> str:
    """Return a length of time in the unit that fits it."""
    if value is None:
        return UNKNOWN
    seconds = value.total_seconds()
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def milliseconds(value: float | None) -> str:
    """Return a time that is measured in milliseconds, to the tenth."""
    return UNKNOWN if value is None else f"{value:,.1f} ms"


def moment(value: datetime | None) -> str:
    """Return a moment to the second, in the current time zone; sorts and compares as it reads."""
    return UNKNOWN if value is None else f"{timezone.localtime(value):%Y-%m-%d %H:%M:%S}"
