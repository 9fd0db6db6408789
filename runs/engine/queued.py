"""Runs that are cancelled before anybody drives them: those in a queue of messages, and those that wait for a worker.

The log of a queued run has a beginning and an end, and nothing else. A run that waits for a worker has begun its log
when it was stored, or was paused before.
"""

from collections.abc import Sequence
from dataclasses import replace
from uuid import UUID

from runs.calls import offers
from runs.calls.outcomes import CallOutcome, NotExecuted
from runs.engine import endings, paused
from runs.engine.endings import SegmentUsage
from runs.log import agui
from runs.log.agui import Event, Segment
from runs.models import Run
from runs.models.tool_call import OPEN, ToolCallStatus
from runs.states import RunStatus
from runs.store import transitions
from runs.store.transitions import Ending
from runs.usage.run_usage import UsageTotals


def cancelled(run_id: UUID) -> Run | None:
    """Return such a run whose cancel was stored; ``None`` if the run is none."""
    undriven = Run.objects.filter(pk=run_id, status__in=[RunStatus.QUEUED, RunStatus.CREATED])
    return undriven.filter(cancel_requested_at__isnull=False).select_related("log").first()


def unanswered(run: Run, why: NotExecuted = NotExecuted.CANCELLED) -> list[CallOutcome]:
    """Return answers to the calls that were decided and not executed, because no worker has begun the run since."""
    open_calls = run.tool_calls.filter(status__in=OPEN)
    if run.segment == 1 or not open_calls:
        return []
    offer = offers.stored(run)
    held = (replace(paused.planned(row, offer), status=ToolCallStatus.HELD) for row in open_calls)
    return [call.unanswered(why) for call in held]


def usage_of(run: Run) -> SegmentUsage:
    """Return the usage of a segment in which nothing was used, and of the segments before it."""
    used = UsageTotals(usage=run.usage, cost=run.known_cost) if run.segment > 1 else UsageTotals()
    return SegmentUsage(totals=used)


def ending(run: Run, outcomes: Sequence[CallOutcome]) -> tuple[list[Event], Ending]:
    """Return the last events of such a run, and the columns of its row. ``outcomes`` answer its open calls."""
    segment = Segment(conversation_id=run.conversation_id, run_id=run.pk, number=run.segment)
    event, end = endings.cancelled(
        segment,
        usage_of(run),
        by=run.cancelled_by,
        by_name=run.cancelled_by_name,
        reason=run.cancel_reason,
        upstream_closed_ms=None,
    )
    began = [] if run.last_seq else [agui.run_started(segment, messages=run.input)]
    return [*began, *map(agui.tool_result, outcomes), event], end


def end(run: Run, ended: Ending, outcomes: Sequence[CallOutcome]) -> None:
    """Store the end of such a run.

    Raises:
        LostRace: the run has ended already.
    """
    is_queued = run.status == RunStatus.QUEUED
    transitions.end(
        run.pk,
        ended,
        [],
        outcomes=outcomes,
        has_results=run.segment > 1,
        has_input=is_queued or bool(run.input),
        keeps_input=is_queued,
    )
