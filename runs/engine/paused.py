"""Paused runs, which exist in the database only: reading, continuing and ending them.

A paused run has no task, no lease and no connection. Each change appends to the log at the seq that was read.
Of two concurrent changes, the second finds a longer log, fails and changes nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import takewhile
from uuid import UUID

from django.db.models import BooleanField, ExpressionWrapper, Q
from django.db.models.functions import Now

from providers.types import Json, Origin
from providers.usage.spending import ModelUsage
from runs.calls import offers, planning, records, standing
from runs.calls.human_decisions import Decided
from runs.calls.offers import OfferedTools
from runs.calls.outcomes import CallOutcome, NotExecuted
from runs.calls.planning import PlannedCall
from runs.engine import endings
from runs.engine.endings import SegmentUsage
from runs.engine.spec import ResumePoint, WorkerSettings
from runs.log import agui
from runs.log.agui import Event, Segment
from runs.models import AuditEntry, Run, ToolCall
from runs.models.audit import Actor, AuditAction
from runs.models.tool_call import OPEN, Decision, ToolCallStatus
from runs.states import UNDRIVEN, RunStatus
from runs.store import transitions
from runs.store.transitions import Ending
from runs.usage.run_usage import UsageTotals

#: How the audit log names a person's decisions.
_AUDITED = {
    Decision.APPROVED: AuditAction.APPROVED,
    Decision.EDITED: AuditAction.APPROVED,
    Decision.DENIED: AuditAction.DENIED,
}


_OVERDUE = Q(awaiting_until__lte=Now())


@dataclass(frozen=True, kw_only=True, slots=True)
class PausedRun:
    """A paused run, with all that is needed to continue it."""

    row: Run
    offer: OfferedTools
    #: Open calls of the newest step, in call order.
    calls: tuple[PlannedCall, ...]
    #: Number of steps made so far.
    steps: int
    #: The usage of each of these steps.
    usages: tuple[ModelUsage, ...]
    #: The model that made the calls.
    origin: Origin
    #: How many of the last steps in a row had a call with unreadable arguments.
    unreadable_steps: int
    #: Whether the approval deadline has passed, by the database's clock.
    is_over: bool

    @property
    def pending(self) -> list[PlannedCall]:
        """The pending calls. The other calls are held."""
        return [call for call in self.calls if call.status is ToolCallStatus.PENDING]

    @property
    def following(self) -> Segment:
        """The next segment."""
        row = self.row
        return Segment(conversation_id=row.conversation_id, run_id=row.id, number=row.segment + 1)

    def resume_point(self, decided: Sequence[Decided]) -> ResumePoint:
        """Return where the run continues after these decisions."""
        about = {item.call.id: item for item in decided}
        calls = []
        for call in self.calls:
            item = about.get(call.id)
            if item is None:
                calls.append(replace(call, status=ToolCallStatus.RUNNING))
            elif item.outcome is None:
                calls.append(item.executable)
        return ResumePoint(
            calls=tuple(calls),
            steps=self.steps,
            usages=self.usages,
            active_seconds=self.row.active_seconds,
            unreadable_steps=self.unreadable_steps,
        )


def read(run_id: UUID) -> PausedRun | None:
    """Return a paused run, ``None`` if the run is not paused."""
    paused = Run.objects.filter(pk=run_id, status=RunStatus.AWAITING_APPROVAL).select_related("log")
    # NULL, without a deadline, is not true either.
    judged = paused.annotate(is_over=ExpressionWrapper(_OVERDUE, BooleanField()))
    while (run := judged.first()) is not None:
        found = _read(run, is_over=bool(run.is_over))
        # ``_read`` makes several queries. Read again if a decision was stored between two of them.
        if paused.filter(log__fence=run.fence, log__last_seq=run.last_seq).exists():
            return found
    return None


def going_on_of(run: Run) -> tuple[OfferedTools, ResumePoint, Origin]:
    """Return of a run that was paused, is decided and waits for a worker: its tools, where it goes on, its model."""
    found = _read(run, is_over=False)
    return found.offer, found.resume_point(()), found.origin


def _read(run: Run, *, is_over: bool) -> PausedRun:
    steps = list(run.steps.order_by("index"))
    offer = offers.stored(run)
    last = steps[-1]
    rows = ToolCall.objects.filter(step=last, status__in=OPEN).order_by("position")
    return PausedRun(
        row=run,
        offer=offer,
        calls=tuple(planned(row, offer) for row in rows),
        steps=len(steps),
        usages=tuple(
            ModelUsage(
                provider=step.provider,
                model=step.model_served or step.model,
                usage=step.usage,
                cost=step.known_cost,
            )
            for step in steps
        ),
        origin=Origin(wire=last.wire, provider=last.provider, model=last.model),
        unreadable_steps=_unreadable_steps(run, last.index),
        is_over=is_over,
    )


def _unreadable_steps(run: Run, last: int) -> int:
    calls = ToolCall.objects.filter(step__run=run).exclude(status=ToolCallStatus.INCOMPLETE)
    arguments: dict[int, list[str]] = {}
    for index, text in calls.values_list("step__index", "arguments"):
        arguments.setdefault(index, []).append(text)
    newest = (arguments.get(index, []) for index in range(last, 0, -1))
    return sum(1 for _ in takewhile(planning.has_unreadable, newest))


def planned(row: ToolCall, offer: OfferedTools) -> PlannedCall:
    """Return the open call in ``row`` of a paused run, to which ``offer`` is offered."""
    call = PlannedCall(
        id=row.id,
        call_id=row.call_id,
        name=row.name,
        arguments=row.arguments,
        position=row.position,
        source=row.source,
        requires_approval=row.requires_approval,
        status=ToolCallStatus(row.status),
        asked_digest=row.shown_digest,
        tool=offer.tools.get(row.name),
    )
    if row.standing_decision is None and row.decision and call.status is ToolCallStatus.RUNNING:
        # A person has approved it. If the tool is another one since, that was not approved.
        is_edited = bool(row.edited_arguments)
        return replace(call, arguments=row.executable, is_edited=is_edited, is_approved=not call.has_changed)
    if row.standing_decision is None or call.status is ToolCallStatus.PENDING:
        return call
    # A standing approval that was revoked meanwhile, or that was for another tool, allows nothing any more.
    rule = standing.in_force(row.standing_decision)
    is_allowed = rule is not None and row.decision == Decision.APPROVED and standing.may_allow(rule.owner_id)
    is_approved = is_allowed and row.decided_digest == call.digest
    return replace(call, standing=rule, is_approved=is_approved)


def going_on(run: PausedRun, decided: Sequence[Decided], resume: list[Json]) -> list[Event]:
    """Return the first events of the next segment: its start, and the answers that the decisions give."""
    outcomes = [item.outcome for item in decided if item.outcome is not None]
    return [
        agui.run_started(run.following, messages=[], resume=resume),
        *map(agui.tool_result, outcomes),
    ]


def go_on(run: PausedRun, decided: Sequence[Decided], *, by: Actor, driver: WorkerSettings | None) -> None:
    """Store the decisions of ``by``, also in the audit log, and that ``driver`` continues the run, or some worker.

    Raises:
        LostRace: a cancel was stored first, or the run is not paused.
    """
    if driver is None:
        transitions.resume(run.row.id)
    else:
        transitions.resume(run.row.id, worker=driver.worker, lease=driver.lease_time)
    for item in decided:
        records.decide(item, by=by.user_id)
        if (action := _AUDITED.get(item.decision)) is not None:
            summary = f"{item.call.name} in run {run.row.id}{' (edited)' if item.edited else ''}"
            AuditEntry.note(by, action, "runs.toolcall", item.call.id, summary)
    records.begin_held(run.row.id)


def ending(run: PausedRun) -> tuple[list[Event], Ending, list[CallOutcome]]:
    """Return the end of a paused run: cancelled if a cancel was requested, otherwise expired.

    The three values are the last events, the columns of the run's row, and the answers to the open calls.
    """
    row, segment = run.row, run.following
    is_cancelled = row.cancel_requested_at is not None
    why = NotExecuted.CANCELLED if is_cancelled else NotExecuted.EXPIRED
    outcomes = [call.unanswered(why) for call in run.calls]
    usage = SegmentUsage(totals=UsageTotals(usage=row.usage, cost=row.known_cost))
    if is_cancelled:
        event, end = endings.cancelled(
            segment,
            usage,
            by=row.cancelled_by,
            by_name=row.cancelled_by_name,
            reason=row.cancel_reason,
            upstream_closed_ms=None,
        )
    else:
        event, end = endings.expired(usage)
    started = agui.run_started(segment, messages=[], resume=[])
    return [started, *map(agui.tool_result, outcomes), event], end, outcomes


def end(run: PausedRun, ended: Ending, outcomes: Sequence[CallOutcome]) -> None:
    """Store the end of a paused run.

    Raises:
        LostRace: the run has ended already, or it was cancelled and ``ended`` is not a cancel.
    """
    Run.objects.filter(pk=run.row.id).update(segment=run.following.number)
    transitions.end(run.row.id, ended, [], outcomes=outcomes, has_input=bool(run.row.input))


def overdue() -> list[UUID]:
    """Return the runs that nobody drives and whose cancel was stored, and the paused ones whose deadline has passed."""
    paused = Run.objects.filter(status=RunStatus.AWAITING_APPROVAL).order_by().values_list("pk", flat=True)
    undriven = Run.objects.filter(status__in=UNDRIVEN).order_by()
    cancelled = undriven.filter(cancel_requested_at__isnull=False, finished_at=None).values_list(
        "pk", flat=True
    )
    # A union, because each half has an index of its own.
    return list(cancelled.union(paused.filter(_OVERDUE)).order_by())


def last_decision(run_id: UUID) -> ToolCall | None:
    """Return the call with the newest decision, with the user who decided."""
    decided = ToolCall.objects.filter(run_id=run_id, decided_at__isnull=False).select_related("decided_by")
    return decided.order_by("-decided_at").first()
