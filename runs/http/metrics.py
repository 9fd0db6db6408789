"""What ``/metrics`` answers: what this process counts, its state now, and what the tables tell of all processes."""

import asyncio
from collections import Counter

from django.db import DatabaseError, InterfaceError
from prometheus_client import CONTENT_TYPE_LATEST
from prometheus_client.registry import Collector

from concurrency.per_loop import PerLoop
from concurrency.tasks import spawn
from concurrency.threads import readers
from providers.retry import circuit
from runs.access import open_sockets
from runs.engine import stop_signals, supervisor
from runs.telemetry import metrics
from runs.telemetry.rows import Nothing, UnfinishedRuns

#: Seconds to wait for the database. What does not come in time is left out.
_PATIENCE = 2.0
#: Seconds between two looks at the state, where another process may be asked for it.
_INTERVAL = 1.0


class _Rows:
    """Reads the tables for one who asks at a time: a database that hangs holds one thread."""

    def __init__(self) -> None:
        self._reading: asyncio.Task[UnfinishedRuns] | None = None

    async def read(self) -> Collector:
        if self._reading is None or self._reading.done():
            self._reading = spawn(readers.run(UnfinishedRuns), name="metrics", is_shared=True)
        try:
            return await asyncio.wait_for(asyncio.shield(self._reading), _PATIENCE)
        except (DatabaseError, InterfaceError, TimeoutError):
            return Nothing()


_rows = PerLoop(_Rows)


async def exposition() -> tuple[str, bytes]:
    """Return the content type and the text that Prometheus reads."""
    measure()
    return CONTENT_TYPE_LATEST, metrics.text(await _rows.get().read())


def measure() -> None:
    """Note the state of this process."""
    lags = supervisor.current().feed.lags()
    metrics.LIVE.set(len(stop_signals.live()))
    metrics.SOCKETS.set(open_sockets.total())
    metrics.VIEWERS.set(len(lags))
    metrics.LAG.set(max(lags, default=0))
    states = Counter(circuit.states())
    for state in circuit.State:
        metrics.CIRCUITS.labels(state.value).set(states[state])


async def keep_measuring() -> None:
    """Note the state of this process every second, if another one may be asked for it."""
    while metrics.is_shared():
        measure()
        await asyncio.sleep(_INTERVAL)
