"""Read-only statistics over runs and steps: in all, by day, by model and by user.

Tokens and times to the first token come from steps and count on the day when the step started;
runs and how they ended come from runs and count on the day when the run was created. Everything is
counted by the database, in a number of queries that does not grow with the rows. Knows nothing of
pages and charts.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
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

from providers.types.usage import COUNTS, UsageSource
from runs.models import Run, Step
from runs.states import TERMINAL, RunStatus


class GroupBy(StrEnum):
    """What one row of statistics is about."""

    #: A calendar day of the current time zone; keys are dates.
    DAY = "day"
    #: A model as it was asked for, ``provider/name``.
    MODEL = "model"
    #: Who owns the runs; keys are user names.
    USER = "user"


@dataclass(frozen=True, kw_only=True, slots=True)
class Scope:
    """The counted period: from ``since`` to before ``until``, both aware."""

    since: datetime
    until: datetime
    #: Only runs that asked for this model.
    model: str = ""
    #: Only runs of the user with this name.
    user: str = ""

    @classmethod
    def last_days(cls, days: int, *, model: str = "", user: str = "") -> "Scope":
        """Return the scope of ``days`` whole days of the current time zone, today being the last."""
        today = timezone.localtime().replace(hour=0, minute=0, second=0, microsecond=0)
        return cls(
            since=today - timedelta(days=days - 1),
            until=today + timedelta(days=1),
            model=model,
            user=user,
        )

    @property
    def days(self) -> list[date]:
        """Every day of the scope, in order, whether or not anything happened on it."""
        first, last = timezone.localdate(self.since), timezone.localdate(self.until - timedelta.resolution)
        return [first + timedelta(days=offset) for offset in range((last - first).days + 1)]


@dataclass(frozen=True, kw_only=True, slots=True)
class Figures:
    """The statistics of a set of runs and steps.

    Token counts are sums over the steps that know them (``providers.types.usage`` says what is a part of
    what); ``None`` means that not one step knows. Estimates are part of the sums and are counted in
    ``estimated_steps``.
    """

    runs: int = 0
    #: Runs in a terminal status; the base of both shares.
    ended_runs: int = 0
    cancelled_runs: int = 0
    failed_runs: int = 0

    steps: int = 0
    #: Steps whose provider reported its usage to the end.
    reported_steps: int = 0
    estimated_steps: int = 0
    #: Steps that were cut, failed, said nothing, or are under way: a part of their usage is known, or none.
    partial_steps: int = 0
    input_tokens: int | None = None
    cached_input_tokens: int | None = None
    cache_write_input_tokens: int | None = None
    output_tokens: int | None = None
    reasoning_tokens: int | None = None

    #: Between a step's start and its first token, by nearest rank; ``None`` when none ever came.
    first_token_median: timedelta | None = None
    first_token_p95: timedelta | None = None

    @property
    def cancelled_share(self) -> float | None:
        """Cancelled runs among those that ended, 0 to 1."""
        return self.cancelled_runs / self.ended_runs if self.ended_runs else None

    @property
    def failed_share(self) -> float | None:
        """Failed runs among those that ended, 0 to 1."""
        return self.failed_runs / self.ended_runs if self.ended_runs else None


def total(scope: Scope) -> Figures:
    """Return the figures of everything in ``scope``."""
    return _collect(scope, on_runs=Value(0), on_steps=Value(0)).get(0, Figures())


def by_day(scope: Scope) -> dict[date, Figures]:
    """Return figures for each day of ``scope``, in order; quiet days are there too, with nothing in them."""
    found = grouped(scope, GroupBy.DAY)
    return {day: found.get(day, Figures()) for day in scope.days}


def grouped(scope: Scope, by: GroupBy) -> dict[Any, Figures]:
    """Return figures by key, for the keys that have any, in no particular order."""
    on_runs, on_steps = _KEYS[by]()
    return _collect(scope, on_runs=on_runs, on_steps=on_steps)


#: What a run and what a step is grouped by. Functions, because the time zone is the request's.
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
        # Sum passes over NULL and is NULL over nothing but NULL: exactly what Figures promises.
        **{name: Sum(name) for name in COUNTS},
    )


def _first_tokens(steps: QuerySet[Step], key: Expression | F) -> Iterable[dict[str, Any]]:
    """Yield the median and the 95th percentile by key, at most two rows each out of the database.

    Nearest rank by window functions, because SQLite has no percentile function.
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
    # One row serves as both where the ranks coincide.
    for group, waits in by_group.items():
        yield {"key": group, "first_token_median": min(waits), "first_token_p95": max(waits)}
