"""Changes a run's status by conditional UPDATEs, and stores the rows that belong to each change.

Each function runs inside a transaction of its caller (the journal or a view). If a run does not have the
expected status, the UPDATE changes nothing and the function reports that the caller lost the race.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import F, QuerySet
from django.db.models.functions import Coalesce, Now
from django.utils import timezone

from runs.calls import records
from runs.calls.outcomes import CallOutcome
from runs.models import EventLog, Run, Step
from runs.models import Message as MessageRow
from runs.models.fields import uuid7
from runs.models.run import CancelMode
from runs.states import ACTIVE, DRIVEN, RunStatus, StopReason, sources
from runs.store import clock, left_out, messages, statements, step_endings
from runs.store.step_endings import StepEnding
from runs.usage.run_usage import UsageTotals


class LostRace(Exception):  # noqa: N818 - it names what happened
    """A cancel was stored first, or the run has ended already."""

    def __init__(self, by: str = "", reason: str = "") -> None:
        """Keep the stored ``cancelled_by`` and ``cancel_reason``; both are empty if the run has ended."""
        super().__init__(by)
        self.by = by
        self.reason = reason


@dataclass(frozen=True, kw_only=True, slots=True)
class Ending:
    """The final state of a run."""

    status: RunStatus
    stop_reason: StopReason
    error_code: str = ""
    error_message: str = ""
    cancelled_by: str = ""
    cancel_reason: str = ""
    stream_was_cancelled: bool = False
    #: Milliseconds from the cancel to the closed connection to the provider.
    upstream_closed_ms: float | None = None


def next_step(run_id: UUID, step: Step, *, before: Callable[[], None] | None = None) -> None:
    """Store the answers to the previous step's calls, then what ``before`` stores, then the next step.

    Raises:
        LostRace: a cancel was stored first, or the run is not running.
    """
    _update_running(run_id)
    _add_call_results(run_id)
    if before is not None:
        before()
    statements.insert([step]).execute()


def end_step(run_id: UUID, ending: StepEnding, used: UsageTotals) -> None:
    """End a step of a run that continues; ``used`` is the usage of the whole run so far.

    Raises:
        LostRace: a cancel was stored first, or the run is not running.
    """
    _update_running(run_id, **used.columns)
    step_endings.store(run_id, ending, timezone.now())


def pause(
    run_id: UUID, ending: StepEnding, used: UsageTotals, *, until: datetime | None, active_seconds: float
) -> None:
    """End a step and pause the run until its pending calls are decided; no process drives it then.

    Args:
        run_id: the run.
        ending: the final state of the step.
        used: the usage of the whole run so far.
        until: the approval deadline; ``None`` for no deadline.
        active_seconds: seconds that the run was driven so far, pauses excluded.

    Raises:
        LostRace: a cancel was stored first, or the run is not running.
    """
    _update_running(
        run_id,
        status=RunStatus.AWAITING_APPROVAL,
        stop_reason=StopReason.REQUIRES_APPROVAL,
        awaiting_until=until,
        active_seconds=active_seconds,
        lease_until=None,
        **used.columns,
    )
    step_endings.store(run_id, ending, timezone.now())


def resume(run_id: UUID, *, worker: str = "", lease: timedelta | None = None) -> None:
    """Give a paused run its next segment and a new fence.

    The process ``worker`` drives the run and reserves it for ``lease`` from now; without them it waits for a worker.

    Raises:
        LostRace: a cancel was stored first, or the run is not paused.
    """
    changed = Run.objects.filter(
        pk=run_id, status=RunStatus.AWAITING_APPROVAL, cancel_requested_at=None
    ).update(
        status=RunStatus.RUNNING if worker else RunStatus.CREATED,
        stop_reason="",
        awaiting_until=None,
        segment=F("segment") + 1,
        worker=worker,
        claims=0,
        lease_until=clock.after(lease) if lease is not None else None,
    )
    _raise_fence(run_id, changed)


def begin(run_id: UUID, step: Step | None, *, worker: str, lease: timedelta) -> None:
    """Change a run that ``worker`` has claimed to running, with its first ``step`` if it has none yet.

    It is reserved for ``lease`` from now: nobody has renewed the lease of its claim.

    Raises:
        LostRace: a cancel was stored first, or the run belongs to another process by now.
    """
    claimed = Run.objects.filter(
        pk=run_id,
        status=RunStatus.CREATED,
        worker=worker,
        lease_until__isnull=False,
        cancel_requested_at=None,
    )
    begun = claimed.update(
        status=RunStatus.RUNNING,
        started_at=Coalesce("started_at", Now()),
        lease_until=clock.after(lease),
    )
    _raise_fence(run_id, begun)
    if step is not None:
        statements.insert([step]).execute()


def _raise_fence(run_id: UUID, changed: int) -> None:
    if not changed:
        raise _lost_race(run_id)
    EventLog.objects.filter(run_id=run_id).update(fence=F("fence") + 1)


def end(
    run_id: UUID,
    ending: Ending,
    steps: Iterable[StepEnding],
    *,
    outcomes: Iterable[CallOutcome] = (),
    used: UsageTotals | None = None,
    active_seconds: float | None = None,
    has_results: bool = True,
    has_input: bool = True,
    keeps_input: bool = False,
) -> None:
    """End an active run and store its last rows. A stored cancel wins over any other ending.

    Args:
        run_id: the run.
        ending: the final state of the run.
        steps: the final states of the steps that have not ended.
        outcomes: the answers to the calls that are still open.
        used: the usage of the whole run; ``None`` keeps the stored one.
        active_seconds: seconds that the run was driven, pauses excluded; ``None`` keeps the stored ones.
        has_results: whether calls of the newest step may have answers that are not in the conversation yet.
        has_input: whether the run has a message of its own already.
        keeps_input: whether what was asked is in no message, so that the run's row keeps it.

    Raises:
        LostRace: the run has ended already, or it was cancelled and ``ending`` is not a cancel.
    """
    now = timezone.now()
    columns: dict[str, Any] = used.columns if used is not None else {}
    if active_seconds is not None:
        columns["active_seconds"] = active_seconds
    if ending.status is RunStatus.CANCELLED:
        columns |= {"cancelled_by": ending.cancelled_by, "cancel_reason": ending.cancel_reason}
    if not keeps_input:
        # Its messages have it, and so has its log.
        columns["input"] = []
    columns |= {
        "status": ending.status,
        "stop_reason": ending.stop_reason,
        "error_code": ending.error_code,
        "error_message": ending.error_message,
        "stream_was_cancelled": ending.stream_was_cancelled,
        "upstream_closed_ms": ending.upstream_closed_ms,
        # By the clock by which others judge whether the user has seen it.
        "finished_at": Now(),
        "lease_until": None,
        "awaiting_until": None,
    }
    _update_run(run_id, sources(ending.status), columns, is_cancel=ending.status is RunStatus.CANCELLED)
    for step in steps:
        step_endings.store(run_id, step, now)
    for outcome in outcomes:
        records.answer(outcome)
    if has_results:
        _add_call_results(run_id)
    if not has_input:
        messages.hold_place(run_id)
    left_out.mark(run_id, status=ending.status, stop_reason=ending.stop_reason, error_code=ending.error_code)
    messages.touch(run_id)


def _update_running(run_id: UUID, **columns: Any) -> None:
    """Update a running run's columns; raise ``LostRace`` if a cancel was stored or it is not running."""
    _update_run(run_id, {RunStatus.RUNNING}, {"status": RunStatus.RUNNING} | columns)


def _update_run(
    run_id: UUID, before: Collection[RunStatus], columns: Mapping[str, Any], *, is_cancel: bool = False
) -> None:
    """Update a run that has one of the statuses ``before``, and no stored cancel unless this ``is_cancel``.

    Raises:
        LostRace: the run has another status, or a cancel was stored first.
    """
    condition = f'"status" IN ({", ".join(["%s"] * len(before))})'
    if not is_cancel:
        condition += ' AND "cancel_requested_at" IS NULL'
    changing = statements.update(Run, columns, key=run_id, condition=condition, values=sorted(before))
    if not changing.execute():
        raise _lost_race(run_id)


def _add_call_results(run_id: UUID) -> None:
    """Add the answers to the newest step's calls to the conversation, unless there are none."""
    answered = records.answers(run_id)
    newest = MessageRow.objects.filter(run_id=run_id).order_by("-position").values_list("role", flat=True)
    if answered is not None and newest.first() != answered[0].role.value:
        message, files = answered
        messages.add(run_id, message, message_id=uuid7(), result_files=files)


def request_cancel(
    run_id: UUID, *, by: str, reason: str, by_name: str = "", mode: str = CancelMode.IMMEDIATE
) -> bool:
    """Store a request to cancel a run, also a queued one. Return False if the run has ended or does not exist.

    The first request stays. A later request with the mode ``IMMEDIATE`` only changes the mode.

    Args:
        run_id: the run.
        by: a ``CancelledBy``.
        reason: the reason to store, as free text.
        by_name: the name of the person who asks for it.
        mode: a ``CancelMode``.
    """
    active = Run.objects.filter(pk=run_id, status__in=sources(RunStatus.CANCELLED))
    first = active.filter(cancel_requested_at=None).update(
        cancel_requested_at=Now(),
        cancelled_by=by,
        cancelled_by_name=by_name[:150],
        cancel_reason=reason,
        cancel_mode=mode,
    )
    if first:
        return True
    if mode == CancelMode.IMMEDIATE:
        return bool(active.update(cancel_mode=mode))
    return active.exists()


def _lost_race(run_id: UUID) -> LostRace:
    stored = (
        Run.objects.filter(pk=run_id, status__in=ACTIVE).values_list("cancelled_by", "cancel_reason").first()
    )
    return LostRace(*stored) if stored else LostRace()


@transaction.atomic
def take_over(run_id: UUID, *, fence: int, among: QuerySet[Run] | None = None) -> bool:
    """Increase a run's fence, so that the process that drove it cannot write any more.

    Args:
        run_id: the run.
        fence: the fence that the caller has read.
        among: the runs that may be taken over, by default all that a process drives. It is asked once more here: since
            the caller has read them, the process may have renewed its lease.

    Returns:
        Whether the fence was increased: False if it has changed, or if the run is not among those any more.
    """
    driven = (Run.objects.filter(status__in=DRIVEN) if among is None else among).filter(pk=run_id)
    if not driven.exists():
        return False
    EventLog.objects.get_or_create(run_id=run_id)
    log = EventLog.objects.filter(run_id=run_id)
    if not log.filter(fence=fence).update(fence=fence + 1):
        return False
    # The run may have ended, paused or been renewed before this transaction got the log's row. Now it stays as it is.
    if list(driven.select_for_update(no_key=True).values_list("pk")):
        return True
    log.update(fence=fence)
    return False
