"""Builds the trace record of a call from its finished pump. The record holds no credentials."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.conf import settings

from providers.call.pump import Pump
from providers.catalog import Target
from providers.errors import LLMError
from providers.errors.stop_signal import RunCancelled, StopCause
from providers.errors.translation import whereabouts
from providers.security.redaction import redact, redact_text
from providers.text.cleaning import JsonText, clean_json, is_longer
from providers.types import Json, StepResult
from providers.types.trace import CallContext, TraceRecord, TraceStatus, facts_of

#: Error code of a call that was stopped by the run's time limit.
_TIME_LIMIT_CODE = "timeout"
#: Noted beside the oddities of an answer with a call that nobody here executes.
_UNEXECUTED = "unexecuted-call"
#: Characters that take about 1 ms to redact.
_SHORT = 50_000
#: Characters that take as long to redact as one nearly empty JSON value.
_PER_VALUE = 100
#: Fields in which some wire puts a file as base64, with or without a ``data:`` prefix.
_OF_FILES = frozenset({"data", "file_data", "image_url", "url"})
#: Characters of the longest file that is kept whole.
_LONGEST_FILE = 2_000
#: Characters of the longest text file that is kept whole.
_LONGEST_TEXT = 200_000
#: Characters that are kept of a longer one.
_KEPT_OF_FILE = 60


def describe(
    pump: Pump,
    *,
    target: Target,
    call: CallContext,
    started_at: datetime,
    ended_at: datetime,
    result: StepResult,
    ending: BaseException | None,
    with_payloads: bool = True,
) -> TraceRecord:
    """Return the trace record of a finished call.

    Safe on another thread, because nothing changes the pump after the call.

    Args:
        pump: The finished pump.
        target: The target that was called.
        call: The run, step and attempt.
        started_at: Aware UTC time.
        ended_at: Aware UTC time.
        result: The result, whole or partial.
        ending: The exception that ended the call early; ``None`` if it completed.
        with_payloads: Whether to include request and response, if the settings allow payloads.
    """
    keeps_payloads = with_payloads and settings.RUNNEL_TRACE_PAYLOADS
    exchange = pump.exchange
    return TraceRecord(
        run_id=call.run_id,
        step_id=call.step_id,
        attempt=call.attempt,
        origin=target.origin,
        url=redact_text(exchange.url),
        status=_status(ending),
        http_status=exchange.status,
        request=redact(without_files(pump.body)) if keeps_payloads else None,
        response=redact(dict(result.response)) if keeps_payloads and result.response else None,
        raw_usage=redact(result.raw_usage),
        raw_stop_reason=redact(result.raw_stop_reason),
        error_code=_error_code(ending),
        error=_error(ending, keeps_payloads=keeps_payloads),
        upstream_request_id=redact(clean_json(exchange.request_id)),
        model_served=redact(result.model),
        stream_was_cancelled=result.stream_was_cancelled,
        upstream_closed_ms=ending.upstream_closed_ms if isinstance(ending, RunCancelled) else None,
        started_at=started_at,
        first_byte_at=exchange.answered_at,
        first_token_at=pump.writer.first_token_at,
        ended_at=ended_at,
        events=pump.events,
        bytes=exchange.bytes_read,
        oddities=pump.oddities + ((_UNEXECUTED,) if result.unexecuted else ()),
    )


def describe_unsent(
    ending: LLMError | RunCancelled,
    *,
    target: Target,
    call: CallContext,
    started_at: datetime,
    ended_at: datetime,
) -> TraceRecord:
    """Return the trace record of an attempt that ended before its request was sent. Times are aware UTC."""
    return TraceRecord(
        run_id=call.run_id,
        step_id=call.step_id,
        attempt=call.attempt,
        origin=target.origin,
        status=_status(ending),
        error_code=_error_code(ending),
        error=_error(ending, keeps_payloads=settings.RUNNEL_TRACE_PAYLOADS),
        started_at=started_at,
        ended_at=ended_at,
    )


def takes_long(pump: Pump, result: StepResult) -> bool:
    """Whether redacting the payloads would block the event loop for more than about 1 ms."""
    if not settings.RUNNEL_TRACE_PAYLOADS:
        return False
    return is_longer([pump.body, result.response], _SHORT, per_value=_PER_VALUE)


def without_files(value: Any) -> Any:
    """Return ``value``, a request's JSON, with the text of each long file cut short.

    Every request of a conversation repeats its files, and they are useless in a trace.
    """
    match value:
        case Mapping():
            return {
                key: _cut(item)
                if key in _OF_FILES and isinstance(item, str) and len(item) > _LONGEST_FILE
                else without_files(item)
                for key, item in value.items()
            }
        case JsonText():
            return _summary(value.head, len(value)) if _is_file(value.head, len(value)) else value.text
        case list():
            return [without_files(item) for item in value]
        case _:
            return value


def _cut(text: str) -> str:
    return _summary(text, len(text)) if _is_file(text, len(text)) else text


def _is_file(head: str, length: int) -> bool:
    return " " not in head[:_LONGEST_FILE] or length > _LONGEST_TEXT


def _summary(text: str, length: int) -> str:
    return f"{text[:_KEPT_OF_FILE]}… ({length:,} characters of a file)"


def _status(ending: BaseException | None) -> TraceStatus:
    match ending:
        case None:
            return TraceStatus.COMPLETED
        case RunCancelled(cause=StopCause.TIME_LIMIT | StopCause.LOG_UNAVAILABLE):
            return TraceStatus.FAILED
        case Exception() if not isinstance(ending, RunCancelled):
            return TraceStatus.FAILED
        case _:
            return TraceStatus.CANCELLED


def _error_code(ending: BaseException | None) -> str | None:
    if _status(ending) is not TraceStatus.FAILED:
        return None
    if isinstance(ending, RunCancelled):
        return _TIME_LIMIT_CODE if ending.cause is StopCause.TIME_LIMIT else ending.cause.value
    return ending.code if isinstance(ending, LLMError) else "internal"


def _error(ending: BaseException | None, *, keeps_payloads: bool) -> Json | None:
    if ending is None or _status(ending) is not TraceStatus.FAILED:
        return None
    if isinstance(ending, RunCancelled):
        return {"shown": ending.message, "watchdog": "run"}
    if not isinstance(ending, LLMError):
        return whereabouts(ending)
    detail: dict[str, Any] = {"shown": ending.message, "retry_after": ending.retry_after, **ending.detail}
    if not keeps_payloads:
        # Providers quote the request in their errors.
        detail = facts_of(detail)
    cleaned: Json = redact(clean_json(detail))
    return cleaned
