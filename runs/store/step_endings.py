"""How a step of a run ends, and the rows that keep its end: its message, its calls and its traces."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from providers.models.trace_store import PackedTraces
from providers.types import Origin, StepResult
from providers.types.cost import Cost
from providers.usage.spending import ModelUsage
from runs.calls import records
from runs.calls.planning import PlannedCall
from runs.log import replay
from runs.models import Step
from runs.models.fields import usage_columns
from runs.store import history, messages, statements
from runs.store.embedded import Embedded
from runs.store.made import MadeFile, NotKept


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """The result of a provider call, and the id of its message."""

    message_id: UUID
    origin: Origin
    result: StepResult
    #: ``None`` if unknown.
    cost: Cost | None = None
    #: The plan for each complete call; a call without a plan cannot be executed.
    calls: tuple[PlannedCall, ...] = ()
    #: The stored files in the answer.
    files: tuple[tuple[Embedded, MadeFile | NotKept], ...] = ()
    #: How long each piece of reasoning took, in order, in seconds.
    reasoning_seconds: tuple[float, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class StepEnding:
    """The final state of one step. Without an answer, its message is rebuilt from the event log."""

    step_id: UUID
    answer: Answer | None = None
    #: The usage of a step without an answer; ``None`` keeps the stored one.
    lost: ModelUsage | None = None
    error_code: str = ""
    #: The traces of its calls, in their order.
    traces: PackedTraces = field(default_factory=PackedTraces)


def store(run_id: UUID, ending: StepEnding, now: datetime) -> None:
    """Store the end of a step of a run, which ended ``now``, with its message, calls and traces."""
    last = ending.traces.rows[-1] if ending.traces.rows else None
    columns: dict[str, Any] = {"finished_at": now, "error_code": ending.error_code}
    if last is not None:
        columns |= {"first_byte_at": last.first_byte_at, "first_token_at": last.first_token_at}
    if ending.answer is not None:
        columns |= _answer_columns(ending.answer)
        _store_answer(run_id, ending.step_id, ending.answer)
    elif ending.lost is not None:
        columns |= usage_columns(ending.lost.usage, ending.lost.cost)
    if ending.answer is None and (said := replay.message_of(replay.last_step(replay.events(run_id)))):
        messages.add(
            run_id,
            said.message,
            message_id=said.message_id,
            item_files=said.files,
            reasoning_seconds=said.reasoning_seconds,
        )
    statements.update(Step, columns, key=ending.step_id).execute()
    ending.traces.store()


def _answer_columns(answer: Answer) -> dict[str, Any]:
    result, origin = answer.result, answer.origin
    return {
        **usage_columns(result.usage, answer.cost),
        # A fallback may have answered, so these can differ from the step's first target.
        "provider": origin.provider,
        "wire": origin.wire,
        "model": origin.model,
        "model_served": (result.model or "")[:200],
        "response_id": (result.response_id or "")[:200],
        "stop_reason": result.stop_reason or "",
        "raw_stop_reason": (result.raw_stop_reason or "")[:100],
        "stream_was_cancelled": result.stream_was_cancelled,
    }


def _store_answer(run_id: UUID, step_id: UUID, answer: Answer) -> None:
    result = answer.result
    if result.parts or result.native:
        message = history.answer(result, answer.origin)
        messages.add(
            run_id,
            message,
            message_id=answer.message_id,
            files=answer.files,
            reasoning_seconds=answer.reasoning_seconds,
        )
    records.keep(run_id, step_id, result, answer.calls)
