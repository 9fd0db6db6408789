"""Read-only statistics over runs and steps: in all, by day, by model and by user.

Tokens and times to the first token come from steps and count on the day when the step started;
runs and their statuses come from runs and count on the day when the run was created. The database counts
everything, in a number of queries that does not grow with the rows.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any

from django.db.models import (
    Count,
    DurationField,
    Expression,
    ExpressionWrapper,
    F,
    Q,
    QuerySet,
    Sum,
    Value,
    Window,
)
from django.db.models.functions import RowNumber, TruncDate
from django.utils import timezone

from providers.types.cost import CostIs
from providers.types.usage import COUNTS, ESTIMATES, UsageSource
from runs.models import Run, Step
from runs.states import TERMINAL, RunStatus


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


def total(scope: Scope) -> Figures:
    """Return the statistics of all runs and steps in ``scope``."""
    return _collect(scope, on_runs=Value(0), on_steps=Value(0)).get(0, Figures())


def by_day(scope: Scope) -> dict[date, Figures]:
    """Return statistics for each day of ``scope``, in order. Days without runs have empty ones."""
    found = grouped(scope, GroupBy.DAY)
    return {day: found.get(day, Figures()) for day in scope.days}


def grouped(scope: Scope, by: GroupBy) -> dict[Any, Figures]:
    """Return statistics by key, in no particular order. Keys without runs and steps are left out."""
    on_runs, on_steps = _KEYS[by]()
    return _collect(scope, on_runs=on_runs, on_steps=on_steps)


#: The expressions that group runs and steps. Functions, because the time zone is that of the request.
_KEYS: Mapping[GroupBy, Callable[[], tuple[Expression | F, Expression | F]]] = {
    GroupBy.DAY: lambda: (TruncDate("created_at"), TruncDate("started_at")),
    GroupBy.MODEL: lambda: (F("model"), F("run__model")),
    GroupBy.USER: lambda: (F("owner__username"), F("run__owner__username")),
}


def _collect(scope: Scope, *, on_runs: Expression | F, on_steps: Expression | F) -> dict[Any, Figures]:
    parts: dict[Any, dict[str, Any]] = {}
    steps = _steps(scope)
    tallies = (
        _count_runs(_runs(scope), on_runs),
        _count_steps(steps, on_steps),
        _first_tokens(steps, on_steps),
    )
    for rows in tallies:
        for row in rows:
            parts.setdefault(row.pop("key"), {}).update(row)
    return {key: Figures(**row) for key, row in parts.items()}


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


def _count_runs(runs: QuerySet[Run], key: Expression | F) -> Iterable[Any]:
    return runs.values(key=key).annotate(
        runs=Count("pk"),
        ended_runs=Count("pk", filter=Q(status__in=TERMINAL)),
        cancelled_runs=Count("pk", filter=Q(status=RunStatus.CANCELLED)),
        failed_runs=Count("pk", filter=Q(status=RunStatus.FAILED)),
    )


def _count_steps(steps: QuerySet[Step], key: Expression | F) -> Iterable[Any]:
    return steps.values(key=key).annotate(
        steps=Count("pk"),
        reported_steps=Count("pk", filter=Q(usage_source=UsageSource.REPORTED.value)),
        estimated_steps=Count("pk", filter=Q(usage_source=UsageSource.ESTIMATED.value)),
        partial_steps=Count("pk", filter=Q(usage_source=UsageSource.PARTIAL.value)),
        about_steps=Count("pk", filter=Q(cost_is=CostIs.ABOUT.value)),
        at_least_steps=Count("pk", filter=Q(cost_is=CostIs.AT_LEAST.value)),
        unpriced_steps=Count("pk", filter=Q(cost=None) & ~Q(input_tokens=None, output_tokens=None)),
        # SUM skips NULL, and is NULL if every value is NULL: None in Figures.
        **{name: Sum(name) for name in (*COUNTS, *ESTIMATES, "cost")},
    )


def _first_tokens(steps: QuerySet[Step], key: Expression | F) -> Iterable[dict[str, Any]]:
    """Yield the median and the 95th percentile by key. The database returns at most two rows for each key.

    Window functions find the nearest rank, because SQLite has no percentile function.
    """
    ranked = (
        steps.filter(first_token_at__isnull=False)
        .annotate(
            key=key,
            wait=ExpressionWrapper(F("first_token_at") - F("started_at"), output_field=DurationField()),
        )
        .annotate(
            rank=Window(RowNumber(), partition_by=[F("key")], order_by=F("wait").asc()),
            size=Window(Count("pk"), partition_by=[F("key")]),
        )
    )
    at_median, at_p95 = Q(rank=(F("size") * 50 + 99) / 100), Q(rank=(F("size") * 95 + 99) / 100)
    by_group: dict[Any, list[timedelta]] = {}
    for group, wait in ranked.filter(at_median | at_p95).values_list("key", "wait"):
        by_group.setdefault(group, []).append(wait)
    # If both ranks are the same row, that row gives both values.
    for group, waits in by_group.items():
        yield {"key": group, "first_token_median": min(waits), "first_token_p95": max(waits)}
