"""Computes the coordinates of a stacked bar chart of tokens per day. Pure.

The template writes the SVG and the stylesheet holds the colours, so the chart needs neither scripts nor
inline styles.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from runs.admin.wording import compact, count
from runs.usage.statistics import Figures

WIDTH, HEIGHT = 960, 280
LEFT, RIGHT, TOP, BOTTOM = 52, 24, 12, 28
#: The largest width of a bar, in units of the view box.
WIDEST_BAR = 44
#: Day names along the axis; with more of them they would overlap.
MOST_DAY_NAMES = 10


@dataclass(frozen=True, kw_only=True, slots=True)
class BarPart:
    """One coloured part of a bar; ``kind`` is ``input``, ``cached`` or ``output``."""

    kind: str
    y: float
    height: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Bar:
    """The bar of one day, the slot of the plot around it, and its tooltip."""

    slot_x: float
    slot_width: float
    x: float
    width: float
    middle: float
    segments: tuple[BarPart, ...]
    #: The day's name below the axis; empty if there is no room for it.
    name: str
    #: The tooltip.
    tip: str


@dataclass(frozen=True, kw_only=True, slots=True)
class GridLine:
    """A horizontal line of the grid with its label, in tokens."""

    y: float
    text_y: float
    label: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Chart:
    """The whole chart for the template, in units of the view box."""

    bars: tuple[Bar, ...]
    grid: tuple[GridLine, ...]
    height: int = HEIGHT
    #: Width of the axis. It is an image of its own, which stays in place while the plot scrolls.
    left: int = LEFT
    plot_width: int = WIDTH - LEFT
    right: int = WIDTH - RIGHT
    top: int = TOP
    plot_height: int = HEIGHT - TOP - BOTTOM
    name_y: int = HEIGHT - 8


def draw(days: Mapping[date, Figures]) -> Chart:
    """Return the chart of ``days``, which must be in order and not empty."""
    floor = HEIGHT - BOTTOM
    ticks = _ticks(max(sum(_stack(figures).values()) for figures in days.values()))
    scale = (floor - TOP) / ticks[-1]
    slot = (WIDTH - LEFT - RIGHT) / len(days)
    width = min(slot * 0.72, WIDEST_BAR)
    every = -(-len(days) // MOST_DAY_NAMES)
    bars = []
    for index, (day, figures) in enumerate(days.items()):
        slot_x = LEFT + index * slot
        # Counted from the end, so that today always has a name.
        named = (len(days) - 1 - index) % every == 0
        bars.append(
            Bar(
                slot_x=round(slot_x, 2),
                slot_width=round(slot, 2),
                x=round(slot_x + (slot - width) / 2, 2),
                width=round(width, 2),
                middle=round(slot_x + slot / 2, 2),
                segments=_segments(_stack(figures), floor=floor, scale=scale),
                name=f"{day.day} {day:%b}" if named else "",
                tip=_tip(day, figures),
            )
        )
    grid = [
        GridLine(
            y=round(floor - value * scale, 2),
            text_y=round(floor - value * scale + 4, 2),
            label=compact(value),
        )
        for value in ticks
    ]
    return Chart(bars=tuple(bars), grid=tuple(grid))


def _stack(figures: Figures) -> dict[str, int]:
    """Return the tokens of a bar's parts, from the bottom; ``input`` is without the cached input."""
    cached = figures.cached_input_tokens or 0
    return {
        "cached": cached,
        "input": max((figures.input_tokens or 0) - cached, 0),
        "output": figures.output_tokens or 0,
    }


def _segments(stack: Mapping[str, int], *, floor: float, scale: float) -> tuple[BarPart, ...]:
    segments = []
    below = 0
    for kind, value in stack.items():
        if value:
            y, height = floor - (below + value) * scale, value * scale
            segments.append(BarPart(kind=kind, y=round(y, 2), height=round(height, 2)))
        below += value
    return tuple(segments)


def _ticks(peak: int) -> list[int]:
    """Return five or six round values, from 0 to at least ``peak``."""
    step = 1
    while step * 5 < peak:
        # 1, 2, 5, 10, 20, 50, …
        step = step * 5 // 2 if str(step)[0] == "2" else step * 2
    return [step * index for index in range(max(-(-peak // step), 4) + 1)]


def _tip(day: date, figures: Figures) -> str:
    lines = [
        f"{day:%A}, {day.day} {day:%B}",
        f"Input: {count(figures.input_tokens)}, of which cached: {count(figures.cached_input_tokens)}",
        f"Output: {count(figures.output_tokens)}",
        f"Runs: {count(figures.runs)}, steps: {count(figures.steps)}",
    ]
    return "\n".join(lines)
