"""Drives one segment of a run: from its start or a pause to its end or the next pause.

Provider call → tool calls → provider call → … → end. All calls of a step are planned before any is executed.
If one is pending, the run pauses and the engine ends. Otherwise the log ends with exactly one terminal event,
committed together with the run's status. A cancel that was stored before the end wins.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial

from concurrency.conversions import off_loop
from concurrency.threads import readers
from providers.errors import LLMError, LLMInternalError
from providers.errors.stop_signal import RunCancelled, StopCause
from providers.types import ChatMessage, FinishReason, ModelRequest, StepResult
from providers.types.usage import Usage
from providers.usage.spending import ModelUsage
from runs.calls import planning, records, standing
from runs.calls.outcomes import NotExecuted
from runs.calls.planning import PlannedCall
from runs.engine import endings, steered
from runs.engine.endings import SegmentUsage, TerminalOutcome
from runs.engine.open_calls import OpenCalls
from runs.engine.spec import RunSpec, WorkerSettings
from runs.engine.step import RunningStep, StepContext, new_row
from runs.engine.stop_signals import Cancellation
from runs.limits.file_room import RunRoom
from runs.log import agui
from runs.log.journal import Fenced, Journal
from runs.log.run_log import RunLog
from runs.models import Step
from runs.states import CancelledBy, RunStatus, StopReason
from runs.store import clock, history, transitions
from runs.store.transitions import LostRace
from runs.telemetry import notes
from runs.usage.budget import BudgetMeter, price_list
from runs.usage.run_usage import RunUsage

logger = logging.getLogger("runnel.engine")


class Engine:
    """One segment of a live run."""

    def __init__(
        self,
        spec: RunSpec,
        *,
        journal: Journal,
        log: RunLog,
        cancellation: Cancellation,
        settings: WorkerSettings,
        on_steered: Callable[[], None],
    ) -> None:
        self._run = spec
        self._run_id = spec.segment.run_id
        self._journal = journal
        self._log = log
        self._cancellation = cancellation
        self._settings = settings
        resume = spec.resume
        before = resume.usages if resume else ()
        self._usage = RunUsage(before)
        price = price_list(is_cached_for_an_hour=spec.options.cache == "long")
        self._budget = BudgetMeter(spec.budget, before=before, price=price)
        self._context = StepContext(
            journal=journal,
            log=log,
            owner_id=spec.owner_id,
            conversation_id=spec.segment.conversation_id,
            cancel=cancellation.signal,
            budget=self._budget,
            room=RunRoom(cancellation.signal),
            # Not a bound method of this object: that reference cycle would keep the answer in memory.
            on_spent=partial(cancellation.stop, StopCause.BUDGET),
            on_steered=on_steered,
        )
        self._steps_made = resume.steps if resume else 0
        #: How many of the last steps in a row ended with ``pause_turn``.
        self._continuations = 0
        self._open_calls = OpenCalls(
            resume.calls if resume else (),
            conversation_id=spec.segment.conversation_id,
            context=self._context,
        )
        #: Whether calls may have answers that are not in the conversation yet: the next step or the end adds them.
        self._has_results = resume is not None
        self._targets = spec.targets
        self._options = spec.options
        #: The current step, and its result.
        self._step: RunningStep | None = None
        self._result: StepResult | None = None
        self._unreadable_steps = planning.UnreadableSteps(before=resume.unreadable_steps if resume else 0)
        #: Names of calls that nobody here executes: they wait for a client of the provider's own.
        self._unexecuted: list[str] = []
        self._has_ended = False
        #: ``time.monotonic()`` seconds.
        self._began_at = time.monotonic()

    async def drive(self) -> bool:
        """Drive the run to a pause or its end. Return whether the end is stored.

        Raises:
            asyncio.CancelledError: the calling task was cancelled. Other errors end the run or are logged.
        """
        left = self._settings.run_timeout - self._active_seconds
        message = endings.time_limit_message(self._settings.run_timeout)
        limit = asyncio.get_running_loop().call_later(
            max(left, 0.0), self._cancellation.stop, StopCause.TIME_LIMIT, message
        )
        segment, origin = self._run.segment, self._targets[0].origin
        notes.run_began(
            self._run_id,
            segment.conversation_id,
            self._run.owner_id,
            provider=origin.provider,
            model=origin.model,
            segment=segment.number,
        )
        try:
            await self._drive()
        except Fenced:
            logger.warning("run %s: another process took it over", self._run_id)
        except Exception:
            logger.exception("run %s failed", self._run_id)
            await self._end_after_error()
        finally:
            limit.cancel()
            notes.run_left(self._run_id)
            # Whatever still remembers this run, such as the context of a kept connection, keeps no files.
            self._context.contents.clear()
            self._context.room.release()
        return self._has_ended

    async def _drive(self) -> None:
        try:
            await self._make_steps()
        except RunCancelled as cancelled:
            await self._end_stopped(cancelled.partial, cancelled.upstream_closed_ms)
        except LostRace as lost:
            self._adopt_cancel(lost)
            await self._end_stopped(self._result, None)
        except LLMError as error:
            await self._end(endings.provider_failed(error, self._segment_usage(error.partial)), error.partial)

    async def _end_after_error(self) -> None:
        """End a run after an error of our own. Keep its answer, unless storing the answer fails as well."""
        for result in (self._result, None):
            try:
                ours = LLMInternalError()
                usage = self._segment_usage(result)
                await self._end(endings.failed(StopReason.ERROR, ours.code, ours.message, usage), result)
            except Fenced:
                logger.warning("run %s: another process took it over", self._run_id)
            except Exception:
                logger.exception("run %s: its end could not be written", self._run_id)
                continue
            return

    async def _make_steps(self) -> None:
        """Make steps until the model ends its turn, a limit is reached, or a call is pending.

        After ``pause_turn`` the model goes on in the next step.
        """
        while True:
            await self._open_calls.execute()
            step = await self._begin_step()
            result = await self._call_provider(step)
            offer, usage = self._run.offer, self._segment_usage(result)
            goes_on = result.stop_reason is FinishReason.PAUSE_TURN
            self._continuations = self._continuations + 1 if goes_on else 0
            if not goes_on and not (offer and planning.is_answerable(result)):
                reason = StopReason(result.stop_reason or StopReason.END_TURN)
                unanswered = () if offer else [call.id for call in result.tool_calls if call.complete]
                end = endings.completed(self._run.segment, usage, reason, pending=unanswered)
                await self._end(end, result, why=NotExecuted.CUT)
                return
            self._unreadable_steps.count(result)
            if (limit := self._limit_reached()) is not None:
                reason, why = limit
                await self._end(endings.completed(self._run.segment, usage, reason), result, why=why)
                return
            rules = await readers.run(standing.load, self._run.owner_id, self._context.conversation_id)
            calls = planning.plan(result, offer, rules)
            if planning.pending(calls):
                await self._pause(step, result, calls)
                return
            await self._end_step(step, result, calls)

    def _limit_reached(self) -> tuple[StopReason, NotExecuted] | None:
        if self._budget.is_limited and self._budget.is_spent:
            return StopReason.BUDGET_EXHAUSTED, NotExecuted.BUDGET
        if self._steps_made >= self._run.max_steps:
            return StopReason.MAX_STEPS, NotExecuted.MAX_STEPS
        if self._continuations > self._settings.max_continuations:
            return StopReason.MAX_CONTINUATIONS, NotExecuted.MAX_STEPS
        return None

    async def _begin_step(self) -> RunningStep:
        """Commit the start of the next step; the first one was stored with the run. Return the step.

        Raises:
            RunCancelled: the run was stopped.
            LostRace: a cancel was stored first.
        """
        row = None if self._steps_made else self._run.first_step
        if row is None:
            row = await self._store_step()
        self._has_results = False
        self._steps_made += 1
        self._step = RunningStep(row, self._targets, self._run.policy)
        if self._context.cancel.is_set():
            raise RunCancelled(self._context.cancel)
        return self._step

    async def _store_step(self) -> Step:
        if self._context.cancel.is_set():
            raise RunCancelled(self._context.cancel)
        row = new_row(self._run_id, self._steps_made + 1, self._targets[0])
        # After ``pause_turn`` the model goes on in its own turn, into which nobody speaks.
        may_be_steered = bool(self._run.offer) and not self._continuations
        await steered.begin_step(self._run_id, row, self._context, may_be_steered=may_be_steered)
        return row

    async def _call_provider(self, step: RunningStep) -> StepResult:
        """Make the provider call. Return its result. Raises ``LLMError``, ``RunCancelled``, ``Fenced``."""
        messages, used_call_ids = await self._read_conversation()
        target = step.attempts.target
        request = ModelRequest(
            origin=target.origin,
            messages=messages,
            system=self._run.system,
            tools=self._run.offer.specs,
            options=self._options,
            quirks=target.quirks,
            used_call_ids=used_call_ids,
        )
        try:
            self._result = await step.run(request, self._context)
        finally:
            self._usage.add(step.attempts.spending)
        # The next step asks the model that answered.
        self._targets = self._targets[self._targets.index(step.attempts.target) :]
        choice = planning.tool_choice_after_call(self._options.tool_choice)
        self._options = replace(self._options, tool_choice=choice)
        return self._result

    async def _read_conversation(self) -> tuple[tuple[ChatMessage, ...], frozenset[str]]:
        """Return the messages of the run's branch, and the ids of its conversation's calls.

        A new conversation is known without a query.
        """
        if self._steps_made == 1 and self._run.conversation is not None:
            return self._run.conversation, frozenset()
        # Not inside the commit: reading a long conversation would delay the events of all runs. Nor are files read
        # on the readers' threads, for which every viewer waits.
        branch = await readers.run(history.load, self._run_id)
        await self._context.room.reserve(branch.file_bytes)
        messages = await off_loop(branch.messages, self._context.contents)
        return messages, await readers.run(records.used_ids, self._run.segment.conversation_id)

    async def _end_step(self, step: RunningStep, result: StepResult, calls: tuple[PlannedCall, ...]) -> None:
        """Commit a step after which its calls are executed."""
        ending, used = step.ending(result, calls), self._usage.totals
        await self._journal.commit(self._log, [], lambda: transitions.end_step(self._run_id, ending, used))
        self._open_calls.hold(calls)
        self._has_results = True
        self._unexecuted += result.unexecuted
        self._step = self._result = None

    async def _pause(self, step: RunningStep, result: StepResult, calls: tuple[PlannedCall, ...]) -> None:
        """Commit a step with pending calls, and the pause. ``services.resolve`` continues the run later."""
        limit = self._settings.approval_time
        until = await readers.run(clock.read, limit) if limit is not None else None
        event = endings.interrupted(
            self._run.segment, self._segment_usage(result), planning.pending(calls), until=until
        )
        ending, used = step.ending(result, calls), self._usage.totals
        active = self._active_seconds
        await self._journal.commit(
            self._log,
            [event],
            lambda: transitions.pause(self._run_id, ending, used, until=until, active_seconds=active),
        )
        notes.run_paused(self._run_id)

    async def _end_stopped(self, result: StepResult | None, upstream_closed_ms: float | None) -> None:
        cancellation, usage = self._cancellation, self._segment_usage(result)
        match cancellation.signal.cause:
            case StopCause.LOST:
                raise Fenced
            case StopCause.LOG_UNAVAILABLE:
                end = endings.log_unavailable(usage)
            case StopCause.TIME_LIMIT:
                end = endings.timed_out(cancellation.signal.message, usage)
            case StopCause.BUDGET:
                end = endings.completed(self._run.segment, usage, StopReason.BUDGET_EXHAUSTED)
            case StopCause.CANCELLED | StopCause.SHUTDOWN:
                end = endings.cancelled(
                    self._run.segment,
                    usage,
                    by=cancellation.by or CancelledBy.USER.value,
                    by_name=cancellation.by_name,
                    reason=cancellation.reason,
                    upstream_closed_ms=upstream_closed_ms,
                )
        await self._end(end, result, why=endings.NOT_EXECUTED[cancellation.signal.cause])

    async def _end(
        self, end: TerminalOutcome, result: StepResult | None, *, why: NotExecuted = NotExecuted.FAILED
    ) -> None:
        """Commit the end and an answer to every open call. If a cancel was stored first, end as cancelled."""
        event, ending = end
        self._result = result
        calls = planning.not_executed(result, self._run.offer)
        outcomes = [*self._open_calls.unanswered(why), *(call.unanswered(why) for call in calls)]
        steps = []
        if self._step is not None:
            steps = [self._step.ending(result, calls, error_code=ending.error_code)]
        # An error between the step's start and its call leaves its events open.
        is_open = self._step is not None and self._step.is_open
        unfinished = [agui.step_finished(self._step.name)] if self._step is not None and is_open else []
        end_run = partial(
            transitions.end,
            self._run_id,
            ending,
            steps,
            outcomes=outcomes,
            used=self._usage.totals,
            active_seconds=self._active_seconds,
            has_results=self._has_results or bool(outcomes),
            has_input=bool(self._run.messages),
        )
        try:
            await self._journal.commit(
                self._log, [*unfinished, *map(agui.tool_result, outcomes), event], end_run
            )
        except LostRace as lost:
            if ending.status is RunStatus.CANCELLED:
                raise Fenced from None
            self._adopt_cancel(lost)
            await self._end_stopped(result, None)
        else:
            self._has_ended = True
            notes.run_ended(self._run_id, self._run.owner_id, ending, seconds=self._active_seconds)

    @property
    def _active_seconds(self) -> float:
        """Seconds that the run has been driven, this segment included."""
        before = self._run.resume.active_seconds if self._run.resume else 0.0
        return before + time.monotonic() - self._began_at

    def _segment_usage(self, result: StepResult | None) -> SegmentUsage:
        by_model = self._usage.by_model
        if not by_model and result is not None and self._step is not None:
            # A model that reported no usage is named with unknown counts.
            origin = self._step.attempts.target.origin
            model = result.model or origin.model
            by_model = (ModelUsage(provider=origin.provider, model=model, usage=Usage()),)
        return SegmentUsage(
            result=result,
            usages=by_model,
            totals=self._usage.totals,
            unexecuted=self._unexecuted + list(result.unexecuted if result else ()),
        )

    def _adopt_cancel(self, lost: LostRace) -> None:
        """Take over the stored cancel that won; it may come from another process."""
        self._cancellation.by = lost.by
        self._cancellation.reason = lost.reason
        self._cancellation.signal.cause = StopCause.CANCELLED
