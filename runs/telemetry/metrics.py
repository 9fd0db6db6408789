"""What this process counts for ``/metrics``. No label has a value that users choose.

Several processes on one port share their counts through files, if ``PROMETHEUS_MULTIPROC_DIR`` names a folder.
"""

import os
from collections.abc import Iterable
from pathlib import Path

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead
from prometheus_client.registry import Collector

from providers.types.trace import TraceRecord
from providers.usage.spending import ModelUsage
from runs.states import RunStatus, StopReason

disable_created_metrics()

#: The folder of the shared counts; empty for a process alone. The library reads the variable when it is imported.
_FOLDER = os.environ.get("PROMETHEUS_MULTIPROC_DIR", "")
if _FOLDER:
    Path(_FOLDER).mkdir(parents=True, exist_ok=True)

_own = CollectorRegistry()
ProcessCollector(registry=_own)

#: Seconds, from a fast first token to the longest time of a run.
_LONG = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0)
_SHORT = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)

STARTED = Counter("runnel_runs_started", "Runs that began here.", registry=_own)
ENDED = Counter("runnel_runs_ended", "Runs that ended.", ("status", "stop_reason"), registry=_own)
# Told as 0 from the start: Prometheus sees no increase in a number that it had not seen before.
for _reason in (StopReason.WORKER_LOST, StopReason.LOG_UNAVAILABLE):
    ENDED.labels(RunStatus.FAILED.value, _reason.value)
WAITED = Histogram(
    "runnel_queue_seconds",
    "From the storing of a run to its beginning in a worker, by the clocks of both machines.",
    buckets=_LONG,
    registry=_own,
)
FIRST_TOKEN = Histogram(
    "runnel_first_token_seconds",
    "From the start of a provider call to its first token.",
    ("provider",),
    buckets=_LONG,
    registry=_own,
)
CANCEL = Histogram(
    "runnel_cancel_to_closed_seconds",
    "From a cancel to the closed connection to the provider.",
    buckets=_SHORT,
    registry=_own,
)
COMMIT = Histogram(
    "runnel_commit_seconds", "Time of a commit of the event log.", buckets=_SHORT, registry=_own
)
COMMIT_EVENTS = Histogram(
    "runnel_commit_events",
    "Events in a commit of the event log.",
    buckets=(1, 2, 5, 10, 20, 50, 100, 200, 500, 1000),
    registry=_own,
)
CALLS = Counter(
    "runnel_provider_calls",
    "Provider calls that ended; error is a code of the protocol, empty for none.",
    ("provider", "status", "error"),
    registry=_own,
)
TOKENS = Counter("runnel_tokens", "Tokens, as far as they are known.", ("provider", "kind"), registry=_own)
COST = Counter("runnel_cost_dollars", "US dollars, as far as they are known.", ("provider",), registry=_own)

LIVE = Gauge("runnel_live_runs", "Runs that are live here.", registry=_own, multiprocess_mode="livesum")
SOCKETS = Gauge("runnel_sockets", "Open WebSockets.", registry=_own, multiprocess_mode="livesum")
VIEWERS = Gauge("runnel_viewers", "Viewers of runs.", registry=_own, multiprocess_mode="livesum")
LAG = Gauge(
    "runnel_feed_lag_events",
    "Events by which the viewer that is furthest behind is behind.",
    registry=_own,
    multiprocess_mode="livemax",
)
CIRCUITS = Gauge(
    "runnel_circuits",
    "Circuits of a provider's models, by their state.",
    ("state",),
    registry=_own,
    multiprocess_mode="livesum",
)

_KINDS = {
    "input": "input_tokens",
    "cached_input": "cached_input_tokens",
    "cache_write_input": "cache_write_input_tokens",
    "output": "output_tokens",
    "reasoning": "reasoning_tokens",
}


def note_end(status: RunStatus, stop_reason: StopReason, upstream_closed_ms: float | None) -> None:
    """Count a run that ended; ``upstream_closed_ms`` is known if a cancel cut its stream."""
    ENDED.labels(status.value, stop_reason.value).inc()
    if upstream_closed_ms is not None:
        CANCEL.observe(upstream_closed_ms / 1000)


def note_call(trace: TraceRecord) -> None:
    """Count a provider call that ended."""
    CALLS.labels(trace.origin.provider, trace.status.value, trace.error_code or "").inc()
    if trace.first_token_at is not None:
        seconds = (trace.first_token_at - trace.started_at).total_seconds()
        FIRST_TOKEN.labels(trace.origin.provider).observe(seconds)


def note_usage(usages: Iterable[ModelUsage]) -> None:
    """Count what a step has used."""
    for each in usages:
        for kind, name in _KINDS.items():
            if count := getattr(each.usage, name):
                TOKENS.labels(each.provider, kind).inc(count)
        if each.cost is not None:
            COST.labels(each.provider).inc(float(each.cost.amount))


def note_commit(seconds: float, events: int) -> None:
    """Count a commit of the event log."""
    COMMIT.observe(seconds)
    COMMIT_EVENTS.observe(events)


def is_shared() -> bool:
    """Return whether other processes on this port count into the same files."""
    return bool(_FOLDER)


def text(further: Collector) -> bytes:
    """Return everything in the text format of Prometheus, with what ``further`` collects."""
    counted = _own
    if is_shared():
        _forget_dead_processes()
        counted = CollectorRegistry()
        MultiProcessCollector(counted, path=_FOLDER)
    asked = CollectorRegistry()
    asked.register(further)
    return bytes(generate_latest(counted)) + bytes(generate_latest(asked))


def leave() -> None:
    """Take back what this process says of its state, because it ends."""
    if is_shared():
        mark_process_dead(os.getpid(), _FOLDER)


def _forget_dead_processes() -> None:
    """Take back what processes said of their state that could not do so themselves."""
    for path in Path(_FOLDER).glob("gauge_live*_*.db"):
        pid = int(path.stem.rpartition("_")[2])
        if not Path(f"/proc/{pid}").exists() and Path("/proc/self").exists():
            mark_process_dead(pid, _FOLDER)
