"""The record of one provider call, and the interface of its recorder.

When a call has ended, however it ended, the adapter passes a frozen ``TraceRecord`` to a ``TraceRecorder``. The
adapter itself never uses the database. ``runs`` passes a recorder that commits the record together with the
step's end.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol
from uuid import UUID

from providers.types import Json, Origin

#: Fields of an error's detail that quote neither the request nor the answer.
_FACTS = frozenset(
    {"status", "type", "code", "retry_after", "exception", "place"}
    | {"watchdog", "seconds", "limit", "value", "failures"}
)


def facts_of(error: Json) -> Json:
    """Return the part of a trace's error that quotes neither the request nor the answer."""
    return {name: value for name, value in error.items() if name in _FACTS}


class TraceStatus(StrEnum):
    """How a provider call ended."""

    #: The terminal event was read.
    COMPLETED = "completed"
    #: A cancel ended it, before or after its first byte.
    CANCELLED = "cancelled"
    #: It ended in an ``LLMError``.
    FAILED = "failed"


@dataclass(frozen=True, kw_only=True, slots=True)
class CallContext:
    """The run and step that a call belongs to, as plain ids, so that this package knows no run."""

    run_id: UUID
    step_id: UUID
    #: 1 for the first attempt of a step.
    attempt: int = 1
    #: The owner of the run; ``None`` for a call without one. The circuit breaker tells users apart.
    user_id: int | None = None
    #: Function calls that the answer may have; ``None`` for the setting.
    max_calls: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class TraceRecord:
    """One provider call: request, response, timing. Holds no credential.

    Times are aware UTC datetimes; ``None`` for a moment that was never reached.
    """

    run_id: UUID
    step_id: UUID
    attempt: int
    origin: Origin
    #: The host and path that were called, without query or credentials; empty when nothing was sent.
    url: str = ""
    status: TraceStatus
    http_status: int | None = None
    #: ``None`` when payloads are off.
    request: Json | None = None
    response: Json | None = None
    raw_usage: Json | None = None
    raw_stop_reason: str | None = None
    error_code: str | None = None
    #: The admin's whole story of a failure, redacted.
    error: Json | None = None
    upstream_request_id: str | None = None
    model_served: str | None = None
    stream_was_cancelled: bool = False
    upstream_closed_ms: float | None = None
    started_at: datetime
    first_byte_at: datetime | None = None
    first_token_at: datetime | None = None
    #: When the call had ended, or when it was noticed that nobody drives it any more.
    ended_at: datetime
    #: ``None`` when nobody was left to count.
    events: int | None = 0
    bytes: int | None = 0
    #: What stood in the answer's bytes beside plain events: the names in ``providers.framing.oddities``.
    oddities: tuple[str, ...] = ()


class TraceRecorder(Protocol):
    """Stores trace records."""

    def record(self, trace: TraceRecord) -> None:
        """Store ``trace``. Called exactly once per call; must not block."""
        ...
