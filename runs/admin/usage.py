"""The usage page: figures, a chart and three tables. It needs the permission to view runs."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.views.generic import TemplateView
from unfold.views import UnfoldSiteViewMixin

from runs.admin import chart
from runs.admin.wording import count, dollars, duration, share, tokens
from runs.usage.statistics import Figures, GroupBy, Scope, Statistics

#: The periods to choose from, in days.
PERIODS = (7, 30, 90)
#: Days.
DEFAULT_PERIOD = 30
#: Rows of one table. Users type model names freely, so there can be any number of names.
MOST_LINES = 50


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """A row of a table, with its values as text."""

    name: str
    #: The link of the name; empty for no link.
    address: str
    cells: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Table:
    """A table that splits the totals by one key: model, user or day."""

    title: str
    key: str
    lines: tuple[Line, ...]
    #: Rows that are not shown because of ``MOST_LINES``.
    left_out: int


COLUMNS = (
    "Runs",
    "Cancelled",
    "Failed",
    "Steps",
    "Input",
    "Cached",
    "Output",
    "Reasoning",
    "Cost",
    "First token",
    "p95",
    "Reported",
)


class UsageView(UnfoldSiteViewMixin, TemplateView):
    """``/admin/usage/?days=30&model=…&user=…``; an invalid number of days counts as absent."""

    title = "Usage"
    permission_required = "runs.view_run"
    template_name = "admin/usage.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Return the figures, the chart and the tables for the chosen period, model and user."""
        asked = {name: self.request.GET.get(name, "").replace("\0", "") for name in ("days", "model", "user")}
        days = next((period for period in PERIODS if str(period) == asked["days"]), DEFAULT_PERIOD)
        chosen = {"days": str(days), "model": asked["model"], "user": asked["user"]}
        scope = Scope.last_days(days, model=asked["model"], user=asked["user"])
        found = Statistics(scope)
        daily, whole = found.by_day(), found.total()
        return super().get_context_data(
            **kwargs,
            days=days,
            periods=[(period, _address(chosen | {"days": str(period)})) for period in PERIODS],
            narrowed=[
                (name, chosen[name], _address(chosen | {name: ""}))
                for name in ("model", "user")
                if chosen[name]
            ],
            whole=whole,
            headline=_headline(whole),
            chart=chart.draw(daily),
            columns=COLUMNS,
            tables=(
                _by_name("By model", "model", found.grouped(GroupBy.MODEL), chosen),
                _by_name("By user", "user", found.grouped(GroupBy.USER), chosen),
                _by_day(daily),
            ),
        )


def _address(query: dict[str, str]) -> str:
    return "?" + urlencode({name: value for name, value in query.items() if value})


def _headline(whole: Figures) -> list[tuple[str, str, str]]:
    """Return the name, value and remark of each figure at the top of the page."""
    return [
        ("Runs", count(whole.runs), f"{count(whole.steps)} provider calls"),
        ("Input tokens", _input(whole), f"{count(whole.cached_input_tokens)} of them cached"),
        ("Output tokens", _output(whole), f"{count(whole.reasoning_tokens)} of them reasoning"),
        ("Cost", dollars(whole.cost, whole.cost_is), _about_cost(whole)),
        ("First token", duration(whole.first_token_median), f"95 % within {duration(whole.first_token_p95)}"),
        (
            "Cancelled, failed",
            f"{share(whole.cancelled_share)}, {share(whole.failed_share)}",
            f"{count(whole.cancelled_runs)} and {count(whole.failed_runs)} of {count(whole.ended_runs)} runs",
        ),
    ]


def _input(figures: Figures) -> str:
    return tokens(figures.input_tokens, figures.estimated_input_tokens)


def _output(figures: Figures) -> str:
    return tokens(figures.output_tokens, figures.estimated_output_tokens)


def _about_cost(whole: Figures) -> str:
    """Return a remark on how exact the cost is."""
    remarks = [
        f"{count(steps)} {what}"
        for steps, what in (
            (whole.about_steps, "estimated"),
            (whole.at_least_steps, "known in part"),
            (whole.unpriced_steps, "without a price"),
        )
        if steps
    ]
    return f"calls: {', '.join(remarks)}" if remarks else "every call is priced"


def _cells(figures: Figures) -> tuple[str, ...]:
    return (
        count(figures.runs),
        share(figures.cancelled_share),
        share(figures.failed_share),
        count(figures.steps),
        _input(figures),
        count(figures.cached_input_tokens),
        _output(figures),
        count(figures.reasoning_tokens),
        dollars(figures.cost, figures.cost_is),
        duration(figures.first_token_median),
        duration(figures.first_token_p95),
        f"{count(figures.reported_steps)} of {count(figures.steps)}",
    )


def _by_day(daily: dict[Any, Figures]) -> Table:
    busy = [(day, figures) for day, figures in reversed(daily.items()) if figures.runs or figures.steps]
    lines = [Line(name=f"{day:%Y-%m-%d}", address="", cells=_cells(figures)) for day, figures in busy]
    return Table(title="By day", key="Day", lines=tuple(lines), left_out=0)


def _by_name(title: str, key: str, found: dict[str, Figures], chosen: dict[str, str]) -> Table:
    """Return the table of ``found``, sorted by most steps, then most runs, then name."""
    ranked = sorted(found.items(), key=lambda item: (-item[1].steps, -item[1].runs, item[0]))
    lines = [
        Line(name=name, address=_address(chosen | {key: name}), cells=_cells(figures))
        for name, figures in ranked[:MOST_LINES]
    ]
    return Table(
        title=title, key=key.capitalize(), lines=tuple(lines), left_out=max(len(ranked) - MOST_LINES, 0)
    )
