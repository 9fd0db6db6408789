"""Ends of runs: the terminal event, and the columns of the run's row. No I/O."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import orjson

from providers.errors import LLMError
from providers.errors.stop_signal import StopCause
from providers.types import Json, StepResult
from providers.usage.spending import ModelUsage
from runs.calls.outcomes import NotExecuted
from runs.calls.planning import CLIENT, PlannedCall
from runs.log import agui
from runs.log.agui import Segment
from runs.states import CancelledBy, RunStatus, StopReason
from runs.store.transitions import Ending
from runs.usage.run_usage import UsageTotals

#: The reason for the model why open calls were not executed, by the cause of the run's stop.
NOT_EXECUTED = {
    StopCause.CANCELLED: NotExecuted.CANCELLED,
    StopCause.SHUTDOWN: NotExecuted.SHUTDOWN,
    StopCause.TIME_LIMIT: NotExecuted.TIMEOUT,
    StopCause.BUDGET: NotExecuted.BUDGET,
    StopCause.LOG_UNAVAILABLE: NotExecuted.LOG_UNAVAILABLE,
    StopCause.LOST: NotExecuted.WORKER_LOST,
}

LOG_UNAVAILABLE = (
    "The rest of this answer could not be saved, because the database could not be reached for too long. "
    "What was said until then is kept."
)

#: AG-UI's ``responseSchema`` of a call that the client executes: the JSON Schema of its answer.
_RESULT: Json = {"type": "object", "properties": {"result": {}}, "required": ["result"]}


@dataclass(frozen=True, kw_only=True, slots=True)
class SegmentUsage:
    """The last result of a segment, and its usage by model."""

    result: StepResult | None = None
    usages: Sequence[ModelUsage] = ()
    #: The run's usage, earlier segments included.
    totals: UsageTotals = field(default_factory=UsageTotals)
    #: Names of calls that wait for a client of the provider's own, so that nobody executed them.
    unexecuted: Sequence[str] = ()

    def token_usages(self) -> list[Json]:
        """Return one AG-UI ``TokenUsage`` for each model that was asked."""
        return [
            agui.token_usage(entry.usage, provider=entry.provider, model_name=entry.model)
            for entry in self.usages
        ]

    def metadata(self) -> Json:
        """Return what every terminal event tells: of the run's usage (``agui.usage_metadata``), of unexecuted calls."""
        provider = self.usages[-1].provider if self.usages else ""
        metadata = agui.usage_metadata(self.totals.usage, self.totals.cost, provider)
        return metadata | ({"unexecuted_calls": list(self.unexecuted)} if self.unexecuted else {})


type TerminalOutcome = tuple[agui.Event, Ending]


def completed(
    segment: Segment, usage: SegmentUsage, reason: StopReason, *, pending: Sequence[str] = ()
) -> TerminalOutcome:
    """Return a regular end. ``pending`` names calls that nothing can execute."""
    outcome: Json = {"type": "success"}
    if pending:
        outcome["pendingToolCallIds"] = list(pending)
    metadata = {"stop_reason": reason.value}
    event = _finished(segment, outcome, usage, metadata)
    return event, Ending(status=RunStatus.COMPLETED, stop_reason=reason)


def interrupted(
    segment: Segment, usage: SegmentUsage, calls: Iterable[PlannedCall], *, until: datetime | None
) -> agui.Event:
    """Return the event of a pause, with one interrupt per call. ``until`` is the approval deadline."""
    interrupts = interrupts_of(calls, until)
    if len(orjson.dumps(interrupts)) > agui.MAX_ITEM:
        # Too long for one event. The arguments were streamed before, and the schema is that of the tool.
        for interrupt in interrupts:
            del interrupt["responseSchema"], interrupt["metadata"]["arguments"]
    outcome: Json = {"type": "interrupt", "interrupts": interrupts}
    metadata = {"stop_reason": StopReason.REQUIRES_APPROVAL.value}
    return _finished(segment, outcome, usage, metadata)


def interrupts_of(calls: Iterable[PlannedCall], until: datetime | None) -> list[Json]:
    """Return AG-UI's interrupts for pending ``calls``. ``until`` is the approval deadline."""
    return [_interrupt(call, until) for call in calls]


def _interrupt(call: PlannedCall, until: datetime | None) -> Json:
    is_clients = call.source == CLIENT
    interrupt: Json = {
        "id": str(call.id),
        "reason": "tool_result" if is_clients else "tool_approval",
        "message": f"The result of {call.name} is awaited." if is_clients else f"May {call.name} be called?",
        "toolCallId": call.call_id,
        "responseSchema": _RESULT if is_clients else _approval(call),
        "metadata": {
            "name": call.name,
            "digest": call.asked_digest or call.digest,
            "arguments": call.arguments,
        },
    }
    if until is not None:
        interrupt["expiresAt"] = until.isoformat()
    return interrupt


def _approval(call: PlannedCall) -> Json:
    """Return the JSON Schema of a person's answer to an approval of ``call``."""
    return {
        "type": "object",
        "properties": {
            "approved": {"type": "boolean"},
            "editedArgs": call.tool.parameters if call.tool else {"type": "object"},
            "reason": {"type": "string"},
        },
        "required": ["approved"],
    }


def provider_failed(error: LLMError, usage: SegmentUsage) -> TerminalOutcome:
    """Return the end after a provider's error."""
    return failed(StopReason(error.stop_reason), error.code, error.message, usage, cause=error)


def time_limit_message(seconds: float) -> str:
    """Return the sentence for a user whose run reached its time limit of ``seconds``."""
    return (
        f"The run took longer than the {seconds:g} seconds that it may take, and was stopped. "
        "What was said until then is kept."
    )


def timed_out(message: str, usage: SegmentUsage) -> TerminalOutcome:
    """Return the end of a run that reached its time limit, with a ``message`` for the user."""
    return failed(StopReason.TIMEOUT, StopReason.TIMEOUT.value, message, usage)


def log_unavailable(usage: SegmentUsage) -> TerminalOutcome:
    """Return the end of a run that could not be saved for too long; it is stored once the database is back."""
    reason = StopReason.LOG_UNAVAILABLE
    return failed(reason, reason.value, LOG_UNAVAILABLE, usage, retryable=True)


def failed(
    reason: StopReason,
    code: str,
    message: str,
    usage: SegmentUsage,
    *,
    cause: LLMError | None = None,
    retryable: bool = False,
) -> TerminalOutcome:
    """Return the end of a failed run."""
    event = agui.run_error(
        code=code,
        message=message,
        usage=usage.token_usages(),
        metadata={
            "stop_reason": reason.value,
            "retryable": cause.retryable if cause else retryable,
            "retry_after": cause.retry_after if cause else None,
            **usage.metadata(),
        },
    )
    return event, Ending(status=RunStatus.FAILED, stop_reason=reason, error_code=code, error_message=message)


def expired(usage: SegmentUsage) -> TerminalOutcome:
    """Return the end of a paused run whose approval deadline has passed."""
    message = "Nobody decided in time about what this run wanted to do, so nothing of it was done. Ask again."
    return failed(StopReason.TIMEOUT, StopReason.TIMEOUT.value, message, usage)


def cancelled(
    segment: Segment,
    usage: SegmentUsage,
    *,
    by: str,
    by_name: str,
    reason: str,
    upstream_closed_ms: float | None,
) -> TerminalOutcome:
    """Return the end of a cancelled run; ``by_name`` is the name of the person who asked for it, if anybody did."""
    stop_reason = StopReason.SHUTDOWN if by == CancelledBy.SERVER else StopReason.CANCELLED
    cut = bool(usage.result and usage.result.stream_was_cancelled)
    metadata = {
        "stop_reason": stop_reason.value,
        "stream_was_cancelled": cut,
        "cancelled_by": by,
        "upstream_closed_ms": upstream_closed_ms,
    } | ({"cancelled_by_name": by_name} if by_name else {})
    return _finished(segment, {"type": "cancelled"}, usage, metadata), Ending(
        status=RunStatus.CANCELLED,
        stop_reason=stop_reason,
        cancelled_by=by,
        cancel_reason=reason,
        stream_was_cancelled=cut,
        upstream_closed_ms=upstream_closed_ms,
    )


def _finished(segment: Segment, outcome: Json, usage: SegmentUsage, metadata: dict[str, Any]) -> agui.Event:
    return agui.run_finished(
        segment,
        outcome=outcome,
        usage=usage.token_usages(),
        metadata={**metadata, **usage.metadata()},
    )
