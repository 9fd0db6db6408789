"""Counts runs and steps once, by day, model and user; ``runs.usage.statistics`` adds the cells up in any way.

Three queries, whatever is asked. On SQLite, none of them calls a Python function for each row, which would take most of
the time; only the times to the first token are read row by row afterwards.
"""

from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any, NamedTuple

from django.db.models import Count, F, Func, Q, QuerySet, Sum, TextField
from django.db.models.functions import TruncDate
from django.utils import timezone

from providers.types.cost import CostIs
from providers.types.usage import COUNTS, ESTIMATES, UsageSource
from runs.models import Run, Step
from runs.states import TERMINAL, RunStatus

_MICROSECOND = timedelta(microseconds=1)


class Key(NamedTuple):
    """What the runs and steps of one cell have in common."""

    day: date
    #: The requested model.
    model: str
    #: The owner's name.
    user: str


@dataclass(slots=True)
class Cell:
    """The sums of some runs and steps. A sum is missing if no step has a value."""

    sums: dict[str, Any] = field(default_factory=dict)
    #: Microseconds from the start of each step to its first token.
    waits: array[int] = field(default_factory=lambda: array("q"))

    def add(self, other: "Cell") -> None:
        """Add the sums and the waits of ``other``."""
        for name, value in other.sums.items():
            self.sums[name] = self.sums.get(name, 0) + value
        self.waits.extend(other.waits)


def read(runs: QuerySet[Run], steps: QuerySet[Step]) -> dict[Key, Cell]:
    """Return the cells of ``runs``, counted on the day of their creation, and of ``steps``, on that of their start."""
    cells: dict[Key, Cell] = {}
    for rows in (_count_runs(runs), _count_steps(steps)):
        for row in rows:
            key = Key(row.pop("day"), row.pop("asked"), row.pop("user"))
            known = {name: value for name, value in row.items() if value is not None}
            cells.setdefault(key, Cell()).add(Cell(known))
    for key, wait in _waits(steps):
        # A step may have begun since they were counted.
        cells.setdefault(key, Cell()).waits.append(wait)
    return cells


class _Day(TruncDate):
    """The calendar day in the current time zone."""

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> Any:
        """Cut the day from the stored text, which is in UTC, if that is the current time zone."""
        if timezone.get_current_timezone_name() != "UTC":
            return super().as_sql(compiler, connection, **context)
        sql, parameters = compiler.compile(self.get_source_expressions()[0])
        return f"substr({sql}, 1, 10)", parameters


class _AsStored(Func):
    """A time as the database returns it: text on SQLite."""

    template = "%(expressions)s"
    output_field = TextField()


def _count_runs(runs: QuerySet[Run]) -> Iterable[Any]:
    return runs.values(day=_Day("created_at"), asked=F("model"), user=F("owner__username")).annotate(
        runs=Count("pk"),
        ended_runs=Count("pk", filter=Q(status__in=TERMINAL)),
        cancelled_runs=Count("pk", filter=Q(status=RunStatus.CANCELLED)),
        failed_runs=Count("pk", filter=Q(status=RunStatus.FAILED)),
    )


def _count_steps(steps: QuerySet[Step]) -> Iterable[Any]:
    return steps.values(
        day=_Day("started_at"), asked=F("run__model"), user=F("run__owner__username")
    ).annotate(**step_sums())


def step_sums() -> dict[str, Any]:
    """Return what is counted and summed up of steps, by the names of ``runs.usage.statistics.Figures``."""
    return dict(
        steps=Count("pk"),
        reported_steps=Count("pk", filter=Q(usage_source=UsageSource.REPORTED.value)),
        estimated_steps=Count("pk", filter=Q(usage_source=UsageSource.ESTIMATED.value)),
        partial_steps=Count("pk", filter=Q(usage_source=UsageSource.PARTIAL.value)),
        about_steps=Count("pk", filter=Q(cost_is=CostIs.ABOUT.value)),
        at_least_steps=Count("pk", filter=Q(cost_is=CostIs.AT_LEAST.value)),
        unpriced_steps=Count("pk", filter=Q(cost=None) & ~Q(input_tokens=None, output_tokens=None)),
        # SUM skips NULL, and is NULL if every value is NULL.
        **{name: Sum(name) for name in (*COUNTS, *ESTIMATES, "cost")},
    )


def _waits(steps: QuerySet[Step]) -> Iterator[tuple[Key, int]]:
    rows = steps.filter(first_token_at__isnull=False).values_list(
        _AsStored("started_at"), _AsStored("first_token_at"), "run__model", "run__owner__username"
    )
    zone = timezone.get_current_timezone()
    days: dict[Any, date] = {}
    for started, first_token, model, user in rows.iterator(chunk_size=2_000):
        begin, end = _time(started), _time(first_token)
        quarter = begin.replace(minute=begin.minute // 15 * 15, second=0, microsecond=0)
        if (day := days.get(quarter)) is None:
            # Every zone's days begin at a quarter of an hour.
            day = days[quarter] = timezone.localdate(quarter.replace(tzinfo=quarter.tzinfo or UTC), zone)
        yield Key(day, model, user), (end - begin) // _MICROSECOND


def _time(stored: Any) -> datetime:
    return datetime.fromisoformat(stored) if isinstance(stored, str) else stored
