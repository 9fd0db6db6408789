"""Makes the record of a call from what the pump left behind, without a credential in it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.conf import settings

from providers.call.pump import Pump
from providers.catalog import Target
from providers.errors import LLMError
from providers.errors.cancellation import RunCancelled, StopCause
from providers.errors.translation import whereabouts
from providers.security.redaction import redact, redact_text
from providers.text import clean_json
from providers.types import Json, StepResult
from providers.types.trace import CallContext, TraceRecord, TraceStatus

#: The code of a call that was cut because its run had no time left.
_TIME_LIMIT_CODE = "timeout"
#: Characters that are redacted in about a millisecond.
_SHORT = 50_000
#: So many of them take as long as one more value that has hardly any.
_PER_VALUE = 100
#: Fields that hold a file in base64, with or without ``data:`` before it, on one wire or another.
_OF_FILES = frozenset({"data", "file_data", "image_url", "url"})
#: Characters of it that are kept whole, and that are left of a longer one.
_LONGEST_FILE = 2_000
_BEGINNING = 60
#: What of a failure's story quotes neither the request nor the answer.
_FACTS = frozenset(
    {"status", "type", "code", "retry_after", "exception", "place"}
    | {"watchdog", "seconds", "limit", "value", "failures"}
)


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
    """Return the record of a call, with ``ending`` if it did not come to its end.

    May run on another thread: nobody changes what a call has left behind.
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
        first_token_at=pump.first_token_at,
        ended_at=ended_at,
        events=pump.events,
        bytes=exchange.bytes_read,
    )


def describe_unsent(
    ending: LLMError | RunCancelled,
    *,
    target: Target,
    call: CallContext,
    started_at: datetime,
    ended_at: datetime,
) -> TraceRecord:
    """Return the record of an attempt that ended before anything was sent."""
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
    """Whether the payloads are so long that nobody on the loop should wait while they are redacted."""
    if not settings.RUNNEL_TRACE_PAYLOADS:
        return False
    length, rest = 0, [pump.body, result.response]
    while rest and length <= _SHORT:
        value: Any = rest.pop()
        length += _PER_VALUE
        match value:
            case str():
                length += len(value)
            case Mapping():
                rest += value.values()
            case list() | tuple():
                rest += value
    return length > _SHORT


def without_files(value: Any) -> Any:
    """Return ``value``, a request's JSON, with what stands for a file's bytes cut to its beginning.

    They go along with every turn of a conversation, and nobody reads them in a trace.
    """
    match value:
        case Mapping():
            return {
                key: _cut(item)
                if key in _OF_FILES and isinstance(item, str) and len(item) > _LONGEST_FILE
                else without_files(item)
                for key, item in value.items()
            }
        case list():
            return [without_files(item) for item in value]
        case _:
            return value


def _cut(text: str) -> str:
    is_file = " " not in text[:_LONGEST_FILE]
    return f"{text[:_BEGINNING]}… ({len(text):,} characters of a file)" if is_file else text


def _status(ending: BaseException | None) -> TraceStatus:
    match ending:
        case None:
            return TraceStatus.COMPLETED
        case RunCancelled(cause=StopCause.TIME_LIMIT):
            return TraceStatus.FAILED
        case Exception() if not isinstance(ending, RunCancelled):
            return TraceStatus.FAILED
        case _:
            return TraceStatus.CANCELLED


def _error_code(ending: BaseException | None) -> str | None:
    if _status(ending) is not TraceStatus.FAILED:
        return None
    if isinstance(ending, RunCancelled):
        return _TIME_LIMIT_CODE
    return ending.code if isinstance(ending, LLMError) else "internal"


def _error(ending: BaseException | None, *, keeps_payloads: bool) -> Json | None:
    if ending is None or _status(ending) is not TraceStatus.FAILED:
        return None
    if isinstance(ending, RunCancelled):
        return {"shown": ending.message, "watchdog": "run"}
    if not isinstance(ending, LLMError):
        return whereabouts(ending)
    story: dict[str, Any] = {"shown": ending.message, "retry_after": ending.retry_after, **ending.detail}
    if not keeps_payloads:
        # Providers quote the request in their errors.
        story = {name: value for name, value in story.items() if name in _FACTS}
    cleaned: Json = redact(clean_json(story))
    return cleaned
