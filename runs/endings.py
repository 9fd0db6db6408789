"""How a run ends: its terminal event, and what its row then says. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from providers.errors import LLMError
from providers.spending import Bill
from providers.types import Json, StepResult
from providers.usage import Usage
from runs import agui
from runs.states import RunStatus, StopReason
from runs.transitions import Ending

#: Who a cancel is from when nobody asked for it.
LIMIT = "limit"
SERVER = "server"


@dataclass(frozen=True, kw_only=True, slots=True)
class Account:
    """What a run leaves that ends: what was said, and what each model has used for it."""

    result: StepResult | None = None
    bills: Sequence[Bill] = ()

    @property
    def usage(self) -> Usage:
        """All that was used."""
        return self.result.usage if self.result else Usage()

    def token_usages(self) -> list[Json]:
        """Return AG-UI's ``TokenUsage`` of every model that was asked."""
        return [
            agui.token_usage(bill.usage, provider=bill.provider, model_name=bill.model) for bill in self.bills
        ]


type End = tuple[agui.Event, Ending]


def completed(run_id: UUID, conversation_id: UUID, account: Account, result: StepResult) -> End:
    """Return the end of a run whose last step has come to its own."""
    reason = StopReason(result.stop_reason or StopReason.END_TURN)
    outcome: Json = {"type": "success"}
    if pending := [call.id for call in result.tool_calls if call.complete]:
        outcome["pendingToolCallIds"] = pending
    metadata = {"stop_reason": reason.value, "cost": None}
    event = _finished(run_id, conversation_id, outcome, account, metadata)
    return event, Ending(status=RunStatus.COMPLETED, stop_reason=reason)


def provider_failed(error: LLMError, account: Account) -> End:
    """Return the end of a run whose provider failed."""
    return failed(StopReason(error.stop_reason), error.code, error.message, account, cause=error)


def timed_out(seconds: float, account: Account) -> End:
    """Return the end of a run that took longer than the ``seconds`` that it had."""
    message = (
        f"The run took longer than the {seconds:g} seconds that it may take, and was stopped. "
        "What was said until then is kept."
    )
    return failed(StopReason.TIMEOUT, StopReason.TIMEOUT.value, message, account)


def failed(
    reason: StopReason, code: str, message: str, account: Account, *, cause: LLMError | None = None
) -> End:
    """Return the end of a run that could not go on."""
    event = agui.run_error(
        code=code,
        message=message,
        usage=account.token_usages(),
        metadata={
            "stop_reason": reason.value,
            "retryable": cause.retryable if cause else False,
            "retry_after": cause.retry_after if cause else None,
            "usage_source": account.usage.source.value,
        },
    )
    return event, Ending(status=RunStatus.FAILED, stop_reason=reason, error_code=code, error_message=message)


def cancelled(
    run_id: UUID,
    conversation_id: UUID,
    account: Account,
    *,
    by: str,
    reason: str,
    upstream_closed_ms: float | None,
) -> End:
    """Return the end of a run that somebody stopped, or the server did."""
    stop_reason = StopReason.SHUTDOWN if by == SERVER else StopReason.CANCELLED
    cut = bool(account.result and account.result.stream_was_cancelled)
    metadata = {
        "stop_reason": stop_reason.value,
        "stream_was_cancelled": cut,
        "cancelled_by": by,
        "upstream_closed_ms": upstream_closed_ms,
    }
    return _finished(run_id, conversation_id, {"type": "cancelled"}, account, metadata), Ending(
        status=RunStatus.CANCELLED,
        stop_reason=stop_reason,
        cancelled_by=by,
        cancel_reason=reason,
        stream_was_cancelled=cut,
        upstream_closed_ms=upstream_closed_ms,
    )


def _finished(
    run_id: UUID, conversation_id: UUID, outcome: Json, account: Account, metadata: dict[str, Any]
) -> agui.Event:
    return agui.run_finished(
        conversation_id=conversation_id,
        run_id=run_id,
        outcome=outcome,
        usage=account.token_usages(),
        metadata={
            **metadata,
            "usage_source": account.usage.source.value,
            "run_usage": agui.token_usage(account.usage),
        },
    )
