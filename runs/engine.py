"""Drives ONE run from its begin to its end; knows no socket and starts no task.

begin → provider call → end. Whatever happens, the log ends with exactly one terminal event that is
committed together with the run's status. A cancel wins whenever it was stored before the end was.
"""

import asyncio
import logging
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.utils import timezone
from uuid6 import uuid7

from providers.adapter import StreamAdapter
from providers.cancellation import RunCancelled
from providers.catalog import Target
from providers.errors import LLMError, LLMInternalError
from providers.events import ModelEvent, ResponseStarted, UsageSeen
from providers.traces import CallContext, TraceRecord
from providers.types import Json, Message, ModelOptions, ModelRequest, StepResult
from providers.usage import Usage
from runs import agui, history, transitions
from runs.cancellation import Cancellation
from runs.journal import Journal, LogLost, RunLog
from runs.models import Step
from runs.states import RunStatus, StopReason
from runs.threads import readers
from runs.transitions import Answer, Ending, Overtaken, StepEnding

logger = logging.getLogger("runnel.engine")

#: Who a cancel is from when nobody asked for it.
LIMIT = "limit"
SERVER = "server"

#: What a user reads when the run took too long.
TIMEOUT_ERROR = "The run took longer than it may and was stopped. What was said until then is kept."


@dataclass(frozen=True, kw_only=True, slots=True)
class Assignment:
    """What a run is to do, as its start stored it."""

    run_id: UUID
    conversation_id: UUID
    owner_id: int
    target: Target
    system: str
    options: ModelOptions
    #: The new user messages, as AG-UI has them.
    messages: list[Json]


@dataclass(frozen=True, kw_only=True, slots=True)
class Terms:
    """Under which a process drives runs. Seconds."""

    worker: str
    lease: float
    run_timeout: float


class Recorder:
    """Keeps the traces of one step until they are committed with its end."""

    def __init__(self) -> None:
        self.traces: list[TraceRecord] = []

    def record(self, trace: TraceRecord) -> None:
        """Take a trace."""
        self.traces.append(trace)


class StepSink:
    """Where a step's model events go: translated, straight into the log."""

    def __init__(self, journal: Journal, log: RunLog, name: str, message_id: UUID) -> None:
        self._journal = journal
        self._log = log
        self._spoke = False
        self.events = agui.StepEvents(
            name,
            message_id,
            write=lambda event: journal.append(log, event),
            delta=lambda head, text: journal.extend(log, head, text),
        )

    def write(self, event: ModelEvent) -> None:
        """Take one event; the first thing said does not wait for the commit interval."""
        self.events.feed(event)
        if not self._spoke and not isinstance(event, ResponseStarted | UsageSeen):
            self._spoke = True
            self._journal.hurry()

    async def ready(self) -> None:
        """Wait while the log is too far behind; raise ``LogLost`` when it is ours no more."""
        await self._journal.ready(self._log)


class Engine:
    """One run under way."""

    def __init__(
        self,
        assignment: Assignment,
        *,
        journal: Journal,
        log: RunLog,
        cancellation: Cancellation,
        terms: Terms,
    ) -> None:
        self._run = assignment
        self._journal = journal
        self._log = log
        self._cancellation = cancellation
        self._terms = terms
        self._recorder = Recorder()
        self._step: Step | None = None
        self._message_id = uuid7()
        self._result: StepResult | None = None
        self._has_ended = False
        #: What the log must begin with and does not hold yet.
        self._opening = [
            agui.run_started(
                conversation_id=assignment.conversation_id,
                run_id=assignment.run_id,
                messages=assignment.messages,
            )
        ]

    async def drive(self) -> bool:
        """Run to the end; return whether that was written. Raises nothing but an outside cancellation."""
        limit = asyncio.get_running_loop().call_later(self._terms.run_timeout, self._time_is_up)
        try:
            begun = await self._begin()
            if begun is None:
                await self._cancelled(None, None)
            else:
                await self._call(*begun)
        except LogLost:
            logger.warning("run %s: its log belongs to somebody else by now", self._run.run_id)
        except Exception:
            logger.exception("run %s failed", self._run.run_id)
            await self._failed_here()
        finally:
            limit.cancel()
        return self._has_ended

    async def _failed_here(self) -> None:
        """End a run that failed by our own fault, with its answer if that is not what cannot be kept."""
        for result in (self._result, None):
            try:
                ours = LLMInternalError()
                await self._failed(StopReason.ERROR, ours.code, ours.message, result)
            except LogLost:
                logger.warning("run %s: its log belongs to somebody else by now", self._run.run_id)
            except Exception:
                logger.exception("run %s: its end could not be written", self._run.run_id)
                continue
            return

    def _time_is_up(self) -> None:
        if self._cancellation.requested_at is None:
            self._cancellation.by = LIMIT
            self._cancellation.event.set()

    async def _begin(self) -> tuple[Step, tuple[Message, ...]] | None:
        """Commit the begin; return the step and the conversation, ``None`` when a cancel came first."""
        run, origin = self._run, self._run.target.origin
        step = Step(
            run_id=run.run_id,
            index=1,
            provider=origin.provider,
            wire=origin.wire,
            model=origin.model,
            started_at=timezone.now(),
        )
        if self._cancellation.event.is_set():
            return None
        try:
            await self._journal.commit(
                self._log,
                self._opening,
                lambda: transitions.begin(
                    run.run_id,
                    worker=self._terms.worker,
                    lease=timedelta(seconds=self._terms.lease),
                    step=step,
                ),
            )
        except Overtaken as overtaken:
            self._learn(overtaken)
            return None
        self._opening = []
        self._step = step
        # Not inside the commit: a long conversation would hold up everybody's events.
        return step, await readers.run(history.of_conversation, run.conversation_id)

    async def _call(self, step: Step, conversation: tuple[Message, ...]) -> None:
        """Make the provider call and end the run by what came of it."""
        run = self._run
        sink = StepSink(self._journal, self._log, f"step {step.index}", self._message_id)
        sink.events.start()
        request = ModelRequest(
            origin=run.target.origin,
            messages=conversation,
            system=run.system,
            options=run.options,
            quirks=run.target.quirks,
        )
        adapter = StreamAdapter(run.target, recorder=self._recorder)
        try:
            result = await adapter.run(
                request,
                call=CallContext(run_id=run.run_id, step_id=step.id),
                cancel=self._cancellation.event,
                sink=sink,
            )
        except RunCancelled as cancelled:
            sink.events.finish()
            await self._cancelled(cancelled.partial, cancelled.upstream_closed_ms)
        except LLMError as error:
            sink.events.finish()
            await self._provider_failed(error)
        except LogLost:
            raise
        except Exception:
            sink.events.finish()
            raise
        else:
            sink.events.finish()
            await self._completed(result)

    async def _completed(self, result: StepResult) -> None:
        reason = StopReason(result.stop_reason or StopReason.END_TURN)
        outcome: Json = {"type": "success"}
        if pending := [call.id for call in result.tool_calls if call.complete]:
            outcome["pendingToolCallIds"] = pending
        event = self._finished(outcome, result, {"stop_reason": reason.value, "cost": None})
        ending = Ending(status=RunStatus.COMPLETED, stop_reason=reason)
        await self._end(event, ending, result)

    async def _provider_failed(self, error: LLMError) -> None:
        await self._failed(
            StopReason(error.stop_reason), error.code, error.message, error.partial, error=error
        )

    async def _failed(
        self,
        reason: StopReason,
        code: str,
        message: str,
        result: StepResult | None,
        *,
        error: LLMError | None = None,
    ) -> None:
        usage = result.usage if result else Usage()
        event = agui.run_error(
            code=code,
            message=message,
            usage=self._usage(result),
            metadata={
                "stop_reason": reason.value,
                "retryable": error.retryable if error else False,
                "retry_after": error.retry_after if error else None,
                "usage_source": usage.source.value,
            },
        )
        ending = Ending(status=RunStatus.FAILED, stop_reason=reason, error_code=code, error_message=message)
        await self._end(event, ending, result)

    async def _cancelled(self, result: StepResult | None, upstream_closed_ms: float | None) -> None:
        cancellation = self._cancellation
        if cancellation.by == LIMIT:
            await self._failed(StopReason.TIMEOUT, "timeout", TIMEOUT_ERROR, result)
            return
        by = cancellation.by or "user"
        reason = StopReason.SHUTDOWN if by == SERVER else StopReason.CANCELLED
        cut = bool(result and result.stream_was_cancelled)
        metadata = {
            "stop_reason": reason.value,
            "stream_was_cancelled": cut,
            "cancelled_by": by,
            "upstream_closed_ms": upstream_closed_ms,
        }
        ending = Ending(
            status=RunStatus.CANCELLED,
            stop_reason=reason,
            cancelled_by=by,
            cancel_reason=cancellation.reason,
            stream_was_cancelled=cut,
            upstream_closed_ms=upstream_closed_ms,
        )
        await self._end(self._finished({"type": "cancelled"}, result, metadata), ending, result)

    async def _end(self, event: agui.Event, ending: Ending, result: StepResult | None) -> None:
        """Commit the end; when a stored cancel was first, end as cancelled instead."""
        self._result = result
        steps = []
        if self._step is not None:
            steps = [
                StepEnding(
                    step_id=self._step.id,
                    answer=self._answer(result),
                    error_code=ending.error_code,
                    traces=tuple(self._recorder.traces),
                )
            ]
        try:
            await self._journal.commit(
                self._log,
                [*self._opening, event],
                lambda: transitions.end(self._run.run_id, ending, steps),
            )
        except Overtaken as overtaken:
            if ending.status is RunStatus.CANCELLED:
                raise LogLost from None
            self._learn(overtaken)
            await self._cancelled(result, None)
        else:
            self._has_ended = True

    def _answer(self, result: StepResult | None) -> Answer | None:
        if result is None:
            return None
        return Answer(message_id=self._message_id, origin=self._run.target.origin, result=result)

    def _learn(self, overtaken: Overtaken) -> None:
        """Take over whose stored cancel was first; it may have come from another process."""
        self._cancellation.by = overtaken.by
        self._cancellation.reason = overtaken.reason

    def _finished(self, outcome: Json, result: StepResult | None, metadata: dict[str, Any]) -> agui.Event:
        usage = result.usage if result else Usage()
        return agui.run_finished(
            conversation_id=self._run.conversation_id,
            run_id=self._run.run_id,
            outcome=outcome,
            usage=self._usage(result),
            metadata={
                **metadata,
                "usage_source": usage.source.value,
                "run_usage": agui.token_usage(usage),
            },
        )

    def _usage(self, result: StepResult | None) -> list[Json]:
        if result is None:
            return []
        origin = self._run.target.origin
        return [
            agui.token_usage(result.usage, provider=origin.provider, model_name=result.model or origin.model)
        ]
