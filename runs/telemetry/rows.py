"""What ``/metrics`` tells of all processes together, read from the tables when somebody asks."""

from collections.abc import Iterator

from django.db.models import Count
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from runs.models import Run
from runs.states import ACTIVE


class UnfinishedRuns(Collector):
    """How many runs have not ended, by status."""

    def __init__(self) -> None:
        """Read the rows, which are as many as there are runs under way.

        Raises:
            DatabaseError: the database did not answer.
        """
        unfinished = Run.objects.filter(finished_at=None).order_by().values_list("status")
        self._counts: dict[str, int] = dict(unfinished.annotate(Count("id")))

    def collect(self) -> Iterator[Metric]:
        """Return one number for each status, also where it is 0."""
        family = GaugeMetricFamily(
            "runnel_unfinished_runs", "Runs of all processes that have not ended.", labels=["status"]
        )
        for status in sorted(ACTIVE):
            family.add_metric([status.value], self._counts.get(status, 0))
        yield family


class Nothing(Collector):
    """What is collected while the database does not answer."""

    def collect(self) -> Iterator[Metric]:
        """Return nothing: a number that is not known is not 0."""
        return iter(())
