"""Makes the provider call of one step: first attempt, retries, then fallback models.

A call is repeated only while the user has seen no content, because a second answer must not follow half of a
first one. Each attempt must pass the circuit breaker of its model and the provider's limits. Each attempt leaves a trace, even
if it was never sent. ``backoff``, ``circuit`` and the error classes make the decisions. This module does not
depend on runs.
"""

import random
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import UTC, datetime

from providers.adapter import StreamAdapter
from providers.call.sink import EventSink
from providers.call.timeouts import Timeouts
from providers.call.trace import describe_unsent
from providers.catalog import Target
from providers.errors import LLMEmptyResponseError, LLMError
from providers.errors.stop_signal import RunCancelled, StopSignal, wait_for
from providers.retry import backoff, limits
from providers.retry.backoff import Again, RetryPolicy, Stay
from providers.retry.breaker import BreakerCall
from providers.types import ModelRequest, StepResult
from providers.types.events import RetryScheduled
from providers.types.trace import CallContext, TraceRecord, TraceRecorder
from providers.usage import costs, price_lists
from providers.usage.spending import StepUsage
from providers.wires.accumulator import StepAccumulator


class Attempts:
    """The attempts of one step. Call ``run`` once, then read ``target`` and ``spending``."""

    def __init__(
        self,
        targets: Sequence[Target],
        *,
        policy: RetryPolicy,
        recorder: TraceRecorder,
        timeouts: Timeouts | None = None,
    ) -> None:
        """Take the targets in order of preference, the retry policy, the trace recorder, and time limits."""
        #: The target of the last attempt.
        self.target = targets[0]
        #: The usage of all attempts.
        self.spending = StepUsage()
        self._fallbacks = list(targets[1:])
        self._policy = policy
        self._recorder = recorder
        self._timeouts = timeouts or Timeouts.from_settings()
        #: Failures of ``target`` that led to a retry.
        self._earlier: list[LLMError] = []

    async def run(
        self, request: ModelRequest, *, call: CallContext, cancel: StopSignal, sink: EventSink
    ) -> StepResult:
        """Make attempts until one succeeds, shows content, or none is left; return the result.

        Each attempt adapts ``request`` to its target and increments ``call.attempt``. The usage in the result,
        or in ``partial`` of the raised error, is the sum of all attempts.

        Raises:
            LLMError: the error of the last attempt; ``partial`` holds the answer so far.
            RunCancelled: ``cancel`` was set during an attempt or between two.
            Exception: raised by ``sink``; passed on unchanged.
        """
        while True:
            try:
                result = await self._attempt(request, call, cancel, sink)
            except RunCancelled as cancelled:
                cancelled.partial = self._with_all_usage(cancelled.partial)
                raise
            except LLMError as failure:
                # An empty answer may have shown thoughts or blanks. Nobody has read half of an answer then.
                has_answered = sink.has_spoken and not isinstance(failure, LLMEmptyResponseError)
                retry = None if has_answered else self._plan_retry(failure)
                if retry is None:
                    failure.partial = self._with_all_usage(failure.partial)
                    raise
            else:
                return self._with_all_usage(result)
            await self._wait_before(retry, cancel, sink)
            call = replace(call, attempt=call.attempt + 1)

    def _plan_retry(self, failure: LLMError) -> RetryScheduled | None:
        """Choose the next attempt after ``failure``, which showed no content; ``None`` if there is none."""
        chance = random.random()  # noqa: S311 - only spreads the retries
        plan = backoff.decide(failure, earlier=self._earlier, policy=self._policy, chance=chance)
        if isinstance(plan, Again):
            # Without what it holds: the answer, and the frames that it came through.
            failure.partial = None
            self._earlier.append(failure.with_traceback(None))
        elif self._fallbacks and failure.another_model_may_help:
            self.target = self._fallbacks.pop(0)
            self._earlier = []
            plan = Again(wait=0.0, attempt=1, of=1 + self._policy.max_retries)
        else:
            if plan is Stay.TOO_LONG:
                self._explain_long_pause(failure)
            return None
        origin = self.target.origin
        return RetryScheduled(
            attempt=plan.attempt,
            of=plan.of,
            wait_seconds=round(plan.wait, 3),
            code=failure.code,
            message=failure.message,
            model=f"{origin.provider}/{origin.model}",
        )

    def _explain_long_pause(self, failure: LLMError) -> None:
        failure.message += (
            f" It asks for a pause of {failure.retry_after or 0:.0f} seconds, which is longer than the "
            f"{self._policy.longest_retry_after:g} that are waited for here."
        )

    async def _wait_before(self, retry: RetryScheduled, cancel: StopSignal, sink: EventSink) -> None:
        """Write ``retry`` to the sink, then wait for its ``wait_seconds``."""
        try:
            if cancel.is_set():
                raise RunCancelled(cancel)
            sink.write(retry)
            await wait_for(None, cancel=cancel, seconds=retry.wait_seconds)
        except RunCancelled as cancelled:
            cancelled.partial = self._with_all_usage(None)
            raise

    async def _attempt(
        self, request: ModelRequest, call: CallContext, cancel: StopSignal, sink: EventSink
    ) -> StepResult:
        target = self.target
        started_at = datetime.now(UTC)
        breaker = BreakerCall(target, request, call)
        price_lists.load_soon(target.origin.provider)
        async with AsyncExitStack() as stack:
            try:
                breaker.check()
                slot = limits.slot(
                    target.origin.provider,
                    target.limits,
                    cancel=cancel,
                    patience=self._timeouts.first_byte,
                )
                await stack.enter_async_context(slot)
                breaker.enter()
            except (LLMError, RunCancelled) as unsent:
                unsent.partial = StepAccumulator().result()
                trace = describe_unsent(
                    unsent, target=target, call=call, started_at=started_at, ended_at=datetime.now(UTC)
                )
                self._recorder.record(trace)
                raise
            stack.callback(breaker.leave)
            sink.on_first_word = breaker.record_answer
            own_request = request.made_for(target.origin, target.quirks)
            return await self._call(own_request, call, cancel, sink, breaker)

    async def _call(
        self,
        request: ModelRequest,
        call: CallContext,
        cancel: StopSignal,
        sink: EventSink,
        breaker: BreakerCall,
    ) -> StepResult:
        recorder = _StatusRecorder(self._recorder)
        adapter = StreamAdapter(self.target, recorder=recorder, timeouts=self._timeouts)
        try:
            result = await adapter.run(request, call=call, cancel=cancel, sink=sink)
        except (LLMError, RunCancelled) as ending:
            if isinstance(ending, LLMError):
                breaker.record_failure(ending)
            self._add_usage(ending.partial, request, recorder)
            raise
        breaker.record_answer()
        self._add_usage(result, request, recorder)
        return result

    def _add_usage(
        self, result: StepResult | None, request: ModelRequest, recorder: "_StatusRecorder"
    ) -> None:
        if result is None:
            return
        cost = costs.of_call(result, request.origin, is_cached_for_an_hour=request.options.cache == "long")
        self.spending.add(request.origin, result, was_open=recorder.was_open, cost=cost)

    def _with_all_usage(self, result: StepResult | None) -> StepResult:
        return replace(result or StepAccumulator().result(), usage=self.spending.total)


class _StatusRecorder:
    """Passes traces to the caller's recorder; ``was_open`` says whether the last one had a 2xx status."""

    def __init__(self, recorder: TraceRecorder) -> None:
        self._recorder = recorder
        self.was_open = False

    def record(self, trace: TraceRecord) -> None:
        self.was_open = trace.http_status is not None and 200 <= trace.http_status < 300
        self._recorder.record(trace)
