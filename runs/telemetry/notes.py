"""One line for each start, pause and end of a run, and the counts that follow from them.

A line names the run, its user and the request that started it: ``concurrency.log_context`` has bound them where a
run is driven.
"""

import asyncio
from collections.abc import Callable, Sequence
from contextvars import copy_context
from functools import partial
from typing import Protocol
from uuid import UUID

import structlog

from providers.types import ModelRequest, StepResult
from providers.types.trace import TraceRecord
from providers.usage.spending import StepUsage
from runs.states import RunStatus, StopReason
from runs.telemetry import metrics, spans

logger: structlog.stdlib.BoundLogger = structlog.get_logger("runnel.runs")

#: Seconds in which the line about a run's beginning is written: the request to the provider goes out first.
_BEGAN_WITHIN = 0.02
#: Writes the line about the beginning of a run.
_unwritten: dict[UUID, Callable[[], None]] = {}


def run_began(
    run_id: UUID, conversation_id: UUID, owner_id: int, *, provider: str, model: str, segment: int
) -> None:
    """Tell of a run that begins here, or goes on after a pause."""
    spans.begin_run(run_id, conversation_id, owner_id, model=model, segment=segment)
    if segment == 1:
        metrics.STARTED.inc()
    line = partial(
        logger.info, "run started" if segment == 1 else "run resumed", provider=provider, model=model
    )
    _unwritten[run_id] = partial(copy_context().run, line)
    asyncio.get_running_loop().call_later(_BEGAN_WITHIN, _write_beginning, run_id)


def _write_beginning(run_id: UUID) -> None:
    if (write := _unwritten.pop(run_id, None)) is not None:
        write()


def run_paused(run_id: UUID) -> None:
    """Tell of a run that waits for a person."""
    _write_beginning(run_id)
    spans.end_run(run_id, stop_reason=StopReason.REQUIRES_APPROVAL.value)
    logger.info("run paused")


class Ended(Protocol):
    """The end of a run, as it is stored."""

    @property
    def status(self) -> RunStatus: ...
    @property
    def stop_reason(self) -> StopReason: ...
    @property
    def error_code(self) -> str: ...
    @property
    def upstream_closed_ms(self) -> float | None: ...


def run_ended(run_id: UUID, owner_id: int, end: Ended, *, seconds: float | None = None) -> None:
    """Tell of a run of the user ``owner_id``, once its end is stored.

    It was driven for ``seconds``, pauses excluded; ``None`` if nobody knows.
    """
    _write_beginning(run_id)
    spans.end_run(run_id, stop_reason=end.stop_reason.value, error_code=end.error_code)
    metrics.note_end(end.status, end.stop_reason, end.upstream_closed_ms)
    told = {"error_code": end.error_code or None, "seconds": None if seconds is None else round(seconds, 3)}
    logger.info(
        "run ended",
        run_id=str(run_id),
        user_id=str(owner_id),
        status=end.status.value,
        stop_reason=end.stop_reason.value,
        **{name: value for name, value in told.items() if value is not None},
    )


def run_left(run_id: UUID) -> None:
    """Tell that a run is not driven here any more, however that came."""
    _write_beginning(run_id)
    spans.end_run(run_id)


def step_made(
    request: ModelRequest, result: StepResult | None, traces: Sequence[TraceRecord], spending: StepUsage
) -> None:
    """Tell of the provider calls of a step, of what the last one brought, and of what all of them used."""
    spans.add_calls(request, result, traces)
    for trace in traces:
        metrics.note_call(trace)
    metrics.note_usage(spending.by_model)
