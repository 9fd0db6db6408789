"""Makes the record of a call from what the pump left behind, without a credential in it."""

from datetime import UTC, datetime
from typing import Any

from django.conf import settings

from providers.cancellation import RunCancelled
from providers.catalog import Target
from providers.errors import LLMError
from providers.pump import Pump
from providers.redaction import redact, redact_text
from providers.text import clean, clean_json
from providers.traces import CallContext, TraceRecord, TraceStatus
from providers.types import Json, StepResult


def describe(
    pump: Pump,
    *,
    target: Target,
    call: CallContext,
    started_at: datetime,
    result: StepResult,
    ending: BaseException | None,
) -> TraceRecord:
    """Return the record of the call that ended now, with ``ending`` if it did not come to its end."""
    keeps_payloads = settings.RUNNEL_TRACE_PAYLOADS
    exchange = pump.exchange
    return TraceRecord(
        run_id=call.run_id,
        step_id=call.step_id,
        attempt=call.attempt,
        origin=target.origin,
        url=redact_text(exchange.url),
        status=_status(ending),
        http_status=exchange.status,
        request=redact(pump.body) if keeps_payloads else None,
        response=redact(dict(result.response)) if keeps_payloads and result.response else None,
        raw_usage=result.raw_usage,
        raw_stop_reason=result.raw_stop_reason,
        error_code=_error_code(ending),
        error=_error(ending, keeps_payloads=keeps_payloads),
        upstream_request_id=clean_json(exchange.request_id),
        model_served=result.model,
        stream_was_cancelled=result.stream_was_cancelled,
        upstream_closed_ms=ending.upstream_closed_ms if isinstance(ending, RunCancelled) else None,
        started_at=started_at,
        first_byte_at=exchange.answered_at,
        first_token_at=pump.first_token_at,
        ended_at=datetime.now(UTC),
        events=pump.events,
        bytes=exchange.bytes_read,
    )


def _status(ending: BaseException | None) -> TraceStatus:
    match ending:
        case None:
            return TraceStatus.COMPLETED
        case Exception() if not isinstance(ending, RunCancelled):
            return TraceStatus.FAILED
        case _:
            return TraceStatus.CANCELLED


def _error_code(ending: BaseException | None) -> str | None:
    if _status(ending) is not TraceStatus.FAILED:
        return None
    return ending.code if isinstance(ending, LLMError) else "internal"


def _error(ending: BaseException | None, *, keeps_payloads: bool) -> Json | None:
    if _status(ending) is not TraceStatus.FAILED:
        return None
    if not isinstance(ending, LLMError):
        return {"exception": redact_text(clean(f"{type(ending).__name__}: {ending}"))}
    story: dict[str, Any] = {"shown": ending.message, "retry_after": ending.retry_after, **ending.detail}
    if not keeps_payloads:
        # Providers quote the request in their errors.
        story = {name: story.get(name) for name in ("status", "type", "code", "retry_after")}
    cleaned: Json = redact(clean_json(story))
    return cleaned
