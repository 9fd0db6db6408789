"""Ends runs whose worker died, as ``failed``/``worker_lost``. Their partial answers are kept.

No call is repeated. The takeover raises the fence first, so that a worker that was only slow can no longer
write. A stored cancel wins over ``worker_lost``. The partial answer is read from the log: viewers saw exactly
that text.
"""

import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from uuid import UUID

import orjson
from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.db.models.functions import Now
from django.utils import timezone

from providers.models import trace_store
from providers.types import Origin, Part
from providers.types.trace import TraceRecord, TraceStatus
from runs import bus
from runs.bus import Kind
from runs.calls.outcomes import CallOutcome, NotExecuted, after_edit, unanswered
from runs.engine import lost_usage, reaping
from runs.engine.reaping import Continuity
from runs.log import agui, replay
from runs.log.agui import Segment
from runs.log.writer import Append, AtomicChange, Group, is_outage, write_group
from runs.models import Run, Step, ToolCall
from runs.models.tool_call import OPEN, ToolCallStatus
from runs.states import DRIVEN, RunStatus, StopReason
from runs.store import claims, transitions
from runs.store.step_endings import StepEnding
from runs.store.transitions import Ending
from runs.telemetry import notes
from runs.usage.run_usage import UsageTotals

logger = logging.getLogger("runnel.recovery")

WORKER_LOST = "The server stopped while this answer was being written. What was said until then is kept."


def nowhere(run_id: UUID) -> bool:
    """Return that a run is not live here: for a process that drives none yet."""
    return False


def reap(
    *,
    everything: bool,
    is_live_here: Callable[[UUID], bool] = nowhere,
    continuity: Continuity | None = None,
) -> int:
    """End the runs that no process drives any more. Return how many there were.

    Those that a worker has claimed and not begun wait again, unless that has happened too often.

    Args:
        everything: end all runs that are active and not paused. Only for the process that holds the data
            folder's lock. Without it, only runs whose lease has expired are ended.
        is_live_here: whether this process drives or prepares a run. It is alive then, whatever the lease says:
            a renewal may have failed.
        continuity: notes that the database has answered, and that leases could be renewed. Until it has done so for a
            while, no lease is believed. ``None`` on SQLite.
    """
    orphans = Run.objects.filter(status__in=DRIVEN, finished_at=None).order_by()
    if not everything:
        orphans = orphans.filter(lease_until__lt=Now()).exclude(claims.may_go_on())
    found = [*orphans.select_related("log")]
    if not everything:
        if continuity is not None and not _is_believable(continuity):
            return 0
        claims.free_expired()
    return sum(_try_to_end(run, orphans, continuity) for run in found if not is_live_here(run.id))


def _is_believable(continuity: Continuity) -> bool:
    """Return whether a lease that is over is that of a dead process: a living one could have renewed it."""
    if reaping.is_table_locked():
        continuity.note_failure()
        return False
    return continuity.note_answer()


def _try_to_end(run: Run, orphans: QuerySet[Run], continuity: Continuity | None) -> bool:
    """End one orphan. Log a failure, so that it blocks neither other orphans nor the server's start."""
    try:
        return _end_orphan(run, orphans)
    except Exception as error:
        if continuity is not None and is_outage(error):
            continuity.note_failure()
        logger.exception("run %s was left active by a dead worker and could not be ended", run.id)
        return False


def _end_orphan(run: Run, orphans: QuerySet[Run]) -> bool:
    last_alive = _last_alive(run)
    with transaction.atomic():
        if not transitions.take_over(run.id, fence=run.fence, among=orphans):
            return False
        run.refresh_from_db()
        events = list(replay.events(run.id))
        tail = [] if events else [agui.run_started(_segment(run), messages=run.input)]
        tail += agui.closing(events)
        ending = _ending(run)
        answers = [_unanswered(call, ending) for call in run.tool_calls.filter(status__in=OPEN)]
        tail += map(agui.tool_result, answers)
        step = run.steps.filter(finished_at=None).first()
        lost = lost_usage.of_step(run, step, _said(events)) if step is not None else None
        used = lost_usage.totals(run, lost)
        tail.append(_terminal(run, ending, used))
        steps = []
        if step is not None:
            steps = [
                StepEnding(
                    step_id=step.id,
                    error_code=ending.error_code,
                    traces=trace_store.without_payloads([_lost_call(step, last_alive)]),
                    lost=lost,
                )
            ]
        log = Append(run.id, run.fence, run.last_seq + 1, [orjson.dumps(event).decode() for event in tail])
        outcomes = write_group(
            Group(
                [],
                [
                    AtomicChange(
                        log,
                        lambda: transitions.end(
                            run.id,
                            ending,
                            steps,
                            outcomes=answers,
                            used=used,
                            has_input=bool(run.input),
                        ),
                    )
                ],
            )
        )
        if isinstance(failure := outcomes.decisions[0], BaseException):
            raise failure
    bus.send(Kind.REAPED, {"run_id": str(run.id), "segment": run.segment})
    logger.warning("run %s was left active by a dead worker: it is %s now", run.id, ending.status)
    notes.run_ended(run.id, run.owner_id, ending)
    return True


def _last_alive(run: Run) -> datetime:
    """Return when the process that drove a run last renewed its lease: all that is known of when it died."""
    if run.lease_until is None:
        return timezone.now()
    return run.lease_until - timedelta(seconds=settings.RUNNEL_LEASE_SECONDS)


def _lost_call(step: Step, last_alive: datetime) -> TraceRecord:
    """Return a trace of the call that a dead worker made. Most of its fields are unknown."""
    return TraceRecord(
        run_id=step.run_id,
        step_id=step.id,
        attempt=1,
        origin=Origin(wire=step.wire, provider=step.provider, model=step.model),
        status=TraceStatus.FAILED,
        error_code=StopReason.WORKER_LOST.value,
        error={"shown": WORKER_LOST},
        started_at=step.started_at,
        ended_at=max(step.started_at, last_alive),
        events=None,
        bytes=None,
    )


def _ending(run: Run) -> Ending:
    if run.cancel_requested_at is not None:
        return Ending(
            status=RunStatus.CANCELLED,
            stop_reason=StopReason.CANCELLED,
            cancelled_by=run.cancelled_by,
            cancel_reason=run.cancel_reason,
        )
    return Ending(
        status=RunStatus.FAILED,
        stop_reason=StopReason.WORKER_LOST,
        error_code="worker_lost",
        error_message=WORKER_LOST,
    )


def _said(events: list[agui.Event]) -> tuple[Part, ...]:
    replayed = replay.message_of(replay.last_step(events))
    return replayed.message.parts if replayed is not None else ()


def _terminal(run: Run, ending: Ending, used: UsageTotals) -> agui.Event:
    metadata = {
        "stop_reason": ending.stop_reason.value,
        **agui.usage_metadata(used.usage, used.cost, run.model.partition("/")[0]),
    }
    if ending.status is RunStatus.FAILED:
        return agui.run_error(
            code=ending.error_code,
            message=ending.error_message,
            usage=[],
            metadata={**metadata, "retryable": True, "retry_after": None},
        )
    return agui.run_finished(
        _segment(run),
        outcome={"type": "cancelled"},
        usage=[],
        metadata={
            **metadata,
            "stream_was_cancelled": False,
            "cancelled_by": ending.cancelled_by,
            "upstream_closed_ms": None,
        },
    )


def _segment(run: Run) -> Segment:
    return Segment(conversation_id=run.conversation_id, run_id=run.id, number=run.segment)


def _unanswered(call: ToolCall, ending: Ending) -> CallOutcome:
    why = NotExecuted.CANCELLED if ending.status is RunStatus.CANCELLED else NotExecuted.WORKER_LOST
    outcome = unanswered(
        id=call.id, call_id=call.call_id, name=call.name, status=ToolCallStatus(call.status), why=why
    )
    return after_edit(outcome, call.edited_arguments) if call.edited_arguments else outcome
