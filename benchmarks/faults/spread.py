"""How measured times are printed."""

import statistics
from collections.abc import Sequence


def seconds(values: Sequence[float]) -> str:
    return _spread(values, "{:.2f}") + " s"


def milliseconds(values: Sequence[float]) -> str:
    return _spread(values, "{:.1f}") + " ms"


def _spread(values: Sequence[float], form: str) -> str:
    if not values:
        return "nothing measured"
    ordered = sorted(values)
    p99 = ordered[min(len(ordered) - 1, round(len(ordered) * 0.99))]
    return " ".join(
        f"{name} {form.format(value)}"
        for name, value in (("p50", statistics.median(ordered)), ("p99", p99), ("max", ordered[-1]))
    )
