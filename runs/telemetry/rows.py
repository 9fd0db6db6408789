"""What ``/metrics`` tells of all processes together, read from the tables when somebody asks."""

from collections.abc import Iterator
from datetime import timedelta

from django.db.models import Count, DurationField, ExpressionWrapper, Min, Q
from django.db.models.functions import Now
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from runs.models import Run
from runs.states import ACTIVE, RunStatus


class UnfinishedRuns(Collector):
    """How many runs have not ended, by status, and for how long the oldest has waited for a worker."""

    def __init__(self) -> None:
        """Read the rows, which are as many as there are runs under way.

        Raises:
            DatabaseError: the database did not answer.
        """
        waits_since = Min("created_at", filter=Q(status=RunStatus.CREATED, lease_until=None))
        age = ExpressionWrapper(Now() - waits_since, output_field=DurationField())
        unfinished = Run.objects.filter(finished_at=None).order_by().values("status")
        found = list(unfinished.annotate(number=Count("id"), age=age))
        self._counts: dict[str, int] = {row["status"]: row["number"] for row in found}
        self._longest_wait: timedelta = max((row["age"] for row in found if row["age"]), default=timedelta())

    def collect(self) -> Iterator[Metric]:
        """Return one number for each status, also where it is 0, and the seconds."""
        family = GaugeMetricFamily(
            "runnel_unfinished_runs", "Runs of all processes that have not ended.", labels=["status"]
        )
        for status in sorted(ACTIVE):
            family.add_metric([status.value], self._counts.get(status, 0))
        yield family
        yield GaugeMetricFamily(
            "runnel_oldest_waiting_run_seconds",
            "For how long the oldest run of all that wait for a worker has waited; 0 if none does.",
            value=self._longest_wait.total_seconds(),
        )


class Nothing(Collector):
    """What is collected while the database does not answer."""

    def collect(self) -> Iterator[Metric]:
        """Return nothing: a number that is not known is not 0."""
        return iter(())
