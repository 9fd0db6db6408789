"""Queued runs that are cancelled before they begin: their log has a beginning and an end, and nothing else."""

from uuid import UUID

from runs.engine import endings
from runs.engine.endings import SegmentUsage
from runs.log import agui
from runs.log.agui import Event, Segment
from runs.models import Run
from runs.states import RunStatus
from runs.store import transitions
from runs.store.transitions import Ending


def cancelled(run_id: UUID) -> Run | None:
    """Return a queued run whose cancel was stored; ``None`` if the run is none."""
    return Run.objects.filter(pk=run_id, status=RunStatus.QUEUED, cancel_requested_at__isnull=False).first()


def ending(run: Run) -> tuple[list[Event], Ending]:
    """Return the events of such a run, and the columns of its row."""
    segment = Segment(conversation_id=run.conversation_id, run_id=run.pk)
    event, end = endings.cancelled(
        segment,
        SegmentUsage(),
        by=run.cancelled_by,
        by_name=run.cancelled_by_name,
        reason=run.cancel_reason,
        upstream_closed_ms=None,
    )
    return [agui.run_started(segment, messages=run.input), event], end


def end(run: Run, ended: Ending) -> None:
    """Store the end of such a run.

    Raises:
        LostRace: the run has ended already.
    """
    transitions.end(run.pk, ended, [], has_results=False, keeps_input=True)
