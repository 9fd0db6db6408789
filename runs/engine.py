"""Drives ONE run from its begin to its end; knows no socket and starts no task.

begin → provider call → end. Whatever happens, the log ends with exactly one terminal event that is
committed together with the run's status. A cancel wins whenever it was stored before the end was.
"""

import asyncio
import logging
from dataclasses import dataclass, replace
from datetime import timedelta
from uuid import UUID

from django.utils import timezone
from uuid6 import uuid7

from providers.attempts import Attempts
from providers.backoff import RetryPolicy
from providers.cancellation import RunCancelled
from providers.catalog import Target
from providers.errors import LLMError, LLMInternalError
from providers.spending import Bill
from providers.traces import CallContext
from providers.types import Json, Message, ModelOptions, ModelRequest, StepResult
from providers.usage import Usage
from runs import agui, endings, history, transitions
from runs.cancellation import Cancellation
from runs.endings import LIMIT, Account, End
from runs.journal import Journal, LogLost, RunLog
from runs.models import Step
from runs.states import RunStatus, StopReason
from runs.step_sink import Recorder, StepSink
from runs.threads import readers
from runs.transitions import Answer, Overtaken, StepEnding

logger = logging.getLogger("runnel.engine")


@dataclass(frozen=True, kw_only=True, slots=True)
class Assignment:
    """What a run is to do, as its start stored it."""

    run_id: UUID
    conversation_id: UUID
    owner_id: int
    #: Whom to ask: the first, and those after it only while nothing has been shown.
    targets: tuple[Target, ...]
    policy: RetryPolicy
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
        self._attempts = Attempts(assignment.targets, policy=assignment.policy, recorder=self._recorder)
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
                account = self._account(result)
                await self._end(endings.failed(StopReason.ERROR, ours.code, ours.message, account), result)
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
        run, origin = self._run, self._attempts.target.origin
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
        target = self._attempts.target
        request = ModelRequest(
            origin=target.origin,
            messages=conversation,
            system=run.system,
            options=run.options,
            quirks=target.quirks,
        )
        try:
            result = await self._attempts.run(
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
            await self._end(endings.provider_failed(error, self._account(error.partial)), error.partial)
        except LogLost:
            raise
        except Exception:
            sink.events.finish()
            raise
        else:
            sink.events.finish()
            account = self._account(result)
            await self._end(endings.completed(run.run_id, run.conversation_id, account, result), result)

    async def _cancelled(self, result: StepResult | None, upstream_closed_ms: float | None) -> None:
        run, account, cancellation = self._run, self._account(result), self._cancellation
        if cancellation.by == LIMIT:
            kept = result and replace(result, stream_was_cancelled=False)
            end = endings.timed_out(self._terms.run_timeout, self._account(kept))
            self._recorder.time_is_up(end[1].error_message)
            await self._end(end, kept)
            return
        end = endings.cancelled(
            run.run_id,
            run.conversation_id,
            account,
            by=cancellation.by or "user",
            reason=cancellation.reason,
            upstream_closed_ms=upstream_closed_ms,
        )
        await self._end(end, result)

    async def _end(self, end: End, result: StepResult | None) -> None:
        """Commit the end; when a stored cancel was first, end as cancelled instead."""
        event, ending = end
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
        return Answer(message_id=self._message_id, origin=self._attempts.target.origin, result=result)

    def _account(self, result: StepResult | None) -> Account:
        """Return what was said and used; who was asked in vain is named without a count."""
        if result is None:
            return Account()
        origin = self._attempts.target.origin
        nothing = Bill(provider=origin.provider, model=result.model or origin.model, usage=Usage())
        return Account(result=result, bills=self._attempts.spending.bills or (nothing,))

    def _learn(self, overtaken: Overtaken) -> None:
        """Take over whose stored cancel was first; it may have come from another process."""
        self._cancellation.by = overtaken.by
        self._cancellation.reason = overtaken.reason
