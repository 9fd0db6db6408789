"""Read-only statistics over runs and steps: in all, by day, by model and by user.

Tokens and times to the first token come from steps and count on the day when the step started;
runs and their statuses come from runs and count on the day when the run was created. ``runs.usage.cells`` counts
them once, in a number of queries that does not grow with the rows.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any

from django.db.models import (
    QuerySet,
)
from django.utils import timezone

from providers.types.cost import CostIs
from runs.models import Run, Step
from runs.usage import cells
from runs.usage.cells import Cell


class GroupBy(StrEnum):
    """The key of one row of statistics."""

    #: A calendar day of the current time zone; keys are dates.
    DAY = "day"
    #: The requested model, ``provider/name``.
    MODEL = "model"
    #: The owner of the runs; keys are user names.
    USER = "user"


@dataclass(frozen=True, kw_only=True, slots=True)
class Scope:
    """The counted period: from ``since`` to before ``until``, both aware."""

    since: datetime
    until: datetime
    #: Only runs that requested this model; empty for all.
    model: str = ""
    #: Only runs of the user with this name; empty for all.
    user: str = ""

    @classmethod
    def last_days(cls, days: int, *, model: str = "", user: str = "") -> "Scope":
        """Return the scope of ``days`` whole days of the current time zone; the last is today."""
        today = timezone.localtime().replace(hour=0, minute=0, second=0, microsecond=0)
        return cls(
            since=today - timedelta(days=days - 1),
            until=today + timedelta(days=1),
            model=model,
            user=user,
        )

    @property
    def days(self) -> list[date]:
        """Every day of the scope, in order, days without runs included."""
        first, last = timezone.localdate(self.since), timezone.localdate(self.until - timedelta.resolution)
        return [first + timedelta(days=offset) for offset in range((last - first).days + 1)]


@dataclass(frozen=True, kw_only=True, slots=True)
class Figures:
    """The statistics of a set of runs and steps.

    Token counts are sums over the steps with a known count; ``None`` means that no step has one. The sums
    include estimates, whose steps are counted in ``estimated_steps``. ``providers.types.usage`` says which
    count includes which.
    """

    runs: int = 0
    #: Runs in a terminal status; the base of both shares.
    ended_runs: int = 0
    cancelled_runs: int = 0
    failed_runs: int = 0

    steps: int = 0
    #: Steps with complete usage from the provider.
    reported_steps: int = 0
    estimated_steps: int = 0
    #: Steps with incomplete or no usage: cut, failed, silent or not finished.
    partial_steps: int = 0
    input_tokens: int | None = None
    cached_input_tokens: int | None = None
    cache_write_input_tokens: int | None = None
    output_tokens: int | None = None
    reasoning_tokens: int | None = None
    #: The parts of the two totals that are estimates; ``None`` if no step has an estimate.
    estimated_input_tokens: int | None = None
    estimated_output_tokens: int | None = None

    #: US dollars, summed over the steps with a known cost; ``None`` if no step has one.
    cost: Decimal | None = None
    #: Steps with an estimated cost, with a cost that is a lower bound, and with counts but no known cost.
    about_steps: int = 0
    at_least_steps: int = 0
    unpriced_steps: int = 0

    #: Time from a step's start to its first token, by nearest rank; ``None`` if no step has a first token.
    first_token_median: timedelta | None = None
    first_token_p95: timedelta | None = None

    @property
    def cost_is(self) -> CostIs:
        """How exact ``cost`` is: as exact as its worst part."""
        if self.at_least_steps or self.unpriced_steps:
            return CostIs.AT_LEAST
        return CostIs.ABOUT if self.about_steps else CostIs.EXACT

    @property
    def cancelled_share(self) -> float | None:
        """Cancelled runs divided by ended runs, 0 to 1; ``None`` if no run has ended."""
        return self.cancelled_runs / self.ended_runs if self.ended_runs else None

    @property
    def failed_share(self) -> float | None:
        """Failed runs divided by ended runs, 0 to 1; ``None`` if no run has ended."""
        return self.failed_runs / self.ended_runs if self.ended_runs else None


class Statistics:
    """The statistics of one scope, read once and grouped in any way."""

    def __init__(self, scope: Scope) -> None:
        """Read the database."""
        self._scope = scope
        self._cells = cells.read(_runs(scope), _steps(scope))

    def total(self) -> Figures:
        """Return the statistics of all runs and steps."""
        whole = Cell()
        for cell in self._cells.values():
            whole.add(cell)
        return _figures(whole)

    def by_day(self) -> dict[date, Figures]:
        """Return statistics for each day of the scope, in order. Days without runs have empty ones."""
        found = self.grouped(GroupBy.DAY)
        return {day: found.get(day, Figures()) for day in self._scope.days}

    def grouped(self, by: GroupBy) -> dict[Any, Figures]:
        """Return statistics by key, in no particular order. Keys without runs and steps are left out."""
        groups: dict[Any, Cell] = {}
        for key, cell in self._cells.items():
            groups.setdefault(getattr(key, by.value), Cell()).add(cell)
        return {name: _figures(cell) for name, cell in groups.items()}


def _figures(cell: Cell) -> Figures:
    waits = sorted(cell.waits)
    return Figures(
        **cell.sums,
        first_token_median=_at_rank(waits, 50),
        first_token_p95=_at_rank(waits, 95),
    )


def _at_rank(waits: list[int], percent: int) -> timedelta | None:
    """Return a percentile of sorted microseconds by nearest rank."""
    return timedelta(microseconds=waits[(len(waits) * percent + 99) // 100 - 1]) if waits else None


def _runs(scope: Scope) -> QuerySet[Run]:
    chosen = Run.objects.filter(created_at__gte=scope.since, created_at__lt=scope.until)
    if scope.model:
        chosen = chosen.filter(model=scope.model)
    if scope.user:
        chosen = chosen.filter(owner__username=scope.user)
    return chosen.order_by()


def _steps(scope: Scope) -> QuerySet[Step]:
    chosen = Step.objects.filter(started_at__gte=scope.since, started_at__lt=scope.until)
    if scope.model:
        chosen = chosen.filter(run__model=scope.model)
    if scope.user:
        chosen = chosen.filter(run__owner__username=scope.user)
    return chosen.order_by()
