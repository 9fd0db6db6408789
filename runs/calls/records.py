"""Stores function calls: the model's request, the decision, the answer.

Each function runs inside a transaction that its caller opened.
"""

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from django.utils import timezone

from providers.types import ChatMessage, Json, StepResult
from runs.calls.human_decisions import Decided
from runs.calls.outcomes import CallOutcome, message_of
from runs.calls.planning import PlannedCall
from runs.calls.standing import StandingRule
from runs.models import AuditEntry, StandingDecision, Step, ToolCall
from runs.models.audit import Actor, AuditAction
from runs.models.tool_call import OPEN, Decision, ToolCallStatus, digest_of

#: Statuses of calls whose answer is sent to the model.
_ANSWERED = frozenset(ToolCallStatus) - OPEN - {ToolCallStatus.UNANSWERED, ToolCallStatus.INCOMPLETE}


def keep(run_id: UUID, step_id: UUID, result: StepResult, planned: Iterable[PlannedCall]) -> None:
    """Store the calls of a step with their planned status; without a plan, as unanswered or incomplete."""
    plans = {plan.position: plan for plan in planned}
    now = timezone.now()
    rows = []
    decided: list[tuple[ToolCall, StandingRule]] = []
    for position, call in enumerate(result.tool_calls, start=1):
        row = ToolCall(
            run_id=run_id,
            step_id=step_id,
            position=position,
            call_id=call.id,
            name=call.name[:200],
            arguments=call.arguments,
            status=ToolCallStatus.UNANSWERED if call.complete else ToolCallStatus.INCOMPLETE,
        )
        if (plan := plans.get(position)) is not None:
            row.id, row.status, row.source = plan.id, plan.status, plan.source
            row.requires_approval = plan.requires_approval
            row.shown_digest = plan.digest if plan.status is ToolCallStatus.PENDING else ""
            row.started_at = now if plan.status is ToolCallStatus.RUNNING else None
            if plan.standing is not None:
                _decide_beforehand(row, plan, plan.standing, now)
                decided.append((row, plan.standing))
        rows.append(row)
    ToolCall.objects.bulk_create(rows)
    for row, rule in decided:
        _note_use(row, rule, now)


def _decide_beforehand(row: ToolCall, plan: PlannedCall, rule: StandingRule, now: datetime) -> None:
    row.decision = Decision.DENIED if plan.is_denied else Decision.APPROVED
    row.decided_by_id, row.decided_at, row.standing_decision = rule.owner_id, now, rule.id
    row.shown_digest = row.decided_digest = plan.digest


def _note_use(row: ToolCall, rule: StandingRule, now: datetime) -> None:
    """Note in the audit log, and at the standing decision, that it has decided about a call."""
    action = AuditAction.DENIED if row.decision == Decision.DENIED else AuditAction.APPROVED
    actor = Actor(user_id=rule.owner_id, name=rule.owner_name)
    summary = f"{row.name} in run {row.run_id} (standing decision {rule.id})"
    AuditEntry.note(actor, action, "runs.toolcall", row.pk, summary)
    StandingDecision.objects.filter(pk=rule.id).update(last_used_at=now)


def answer(outcome: CallOutcome) -> None:
    """Store the answer to an open call. A call that has an answer keeps it."""
    # An empty note must not overwrite the note about an abandoned tool.
    noted = {"note": outcome.note} if outcome.note else {}
    ToolCall.objects.filter(pk=outcome.id, status__in=OPEN).update(
        status=outcome.status,
        result=outcome.content,
        is_error=outcome.is_error,
        files=list(outcome.files),
        finished_at=timezone.now(),
        **noted,
    )


def decide(item: Decided, *, by: int | None) -> None:
    """Store the decision of the user ``by`` about a pending call."""
    now = timezone.now()
    row = ToolCall.objects.filter(pk=item.call.id, status=ToolCallStatus.PENDING)
    row.update(
        status=ToolCallStatus.RUNNING,
        decision=item.decision,
        decided_by_id=by,
        decided_at=now,
        decided_digest=item.call.asked_digest or digest_of(item.call.arguments),
        reason=item.reason,
        edited_arguments=item.edited,
        started_at=now if item.outcome is None else None,
    )
    if item.outcome is not None:
        answer(item.outcome)


def begin_held(run_id: UUID) -> None:
    """Mark the held calls of a run as running."""
    held = ToolCall.objects.filter(run_id=run_id, status=ToolCallStatus.HELD)
    held.update(status=ToolCallStatus.RUNNING, started_at=timezone.now())


def note(call_id: UUID, sentence: str) -> None:
    """Append a sentence for an admin to the note of a call."""
    row = ToolCall.objects.filter(pk=call_id).first()
    if row is not None:
        row.note = f"{row.note}\n{sentence}".strip()
        row.save(update_fields=["note"])


def used_ids(conversation_id: UUID) -> frozenset[str]:
    """Return the ids that models gave the calls of a conversation, in runs that failed too."""
    rows = ToolCall.objects.filter(run__conversation_id=conversation_id)
    return frozenset(rows.order_by().values_list("call_id", flat=True))


def answers(run_id: UUID) -> tuple[ChatMessage, dict[str, list[Json]]] | None:
    """Return the answers of a run's newest step, in call order, and the files in them by the calls' ids.

    ``None`` if there are no answers.
    """
    step = Step.objects.filter(run_id=run_id).order_by("-index").values_list("pk", flat=True).first()
    if step is None:
        return None
    rows = ToolCall.objects.filter(step_id=step, status__in=_ANSWERED).order_by("position")
    outcomes = [
        CallOutcome(
            id=row.id,
            call_id=row.call_id,
            name=row.name,
            status=ToolCallStatus(row.status),
            content=row.result,
            is_error=row.is_error,
        )
        for row in rows
    ]
    return (message_of(outcomes), {row.call_id: row.files for row in rows if row.files}) if outcomes else None
