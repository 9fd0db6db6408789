"""One step's call to a provider, made again where that may help: retries, then other models.

Only while nothing has been shown: whoever has read half an answer must not get another one. What an
attempt has to pass (circuit, limits) is checked here as well, and every attempt leaves a trace,
also one that was never sent. Deciding is left to ``backoff``, ``circuit`` and the errors themselves. It knows no
run.
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
from providers.errors import LLMError
from providers.errors.cancellation import RunCancelled, StopSignal, wait_for
from providers.retry import backoff, limits
from providers.retry.backoff import Again, RetryPolicy, Stay
from providers.retry.breaker import BreakerCall
from providers.types import ModelRequest, StepResult
from providers.types.events import RetryScheduled
from providers.types.trace import CallContext, TraceRecord, TraceRecorder
from providers.usage import pricing
from providers.usage.spending import StepUsage
from providers.wires.accumulator import StepAccumulator


class Attempts:
    """The attempts of one step. ``run`` it once; what it left is in ``target`` and ``spending``."""

    def __init__(
        self,
        targets: Sequence[Target],
        *,
        policy: RetryPolicy,
        recorder: TraceRecorder,
        timeouts: Timeouts | None = None,
    ) -> None:
        """Take whom to ask, in this order, how patiently, who keeps the traces, and other limits than configured."""
        #: Who was asked last: whose answer it is, whole, partial or none.
        self.target = targets[0]
        #: What all attempts have used.
        self.spending = StepUsage()
        self._others = list(targets[1:])
        self._policy = policy
        self._recorder = recorder
        self._timeouts = timeouts or Timeouts.from_settings()
        #: Failures of ``target`` that were followed by a retry.
        self._earlier: list[LLMError] = []

    async def run(
        self, request: ModelRequest, *, call: CallContext, cancel: StopSignal, sink: EventSink
    ) -> StepResult:
        """Call until an attempt succeeds, shows something, or nothing is left to try; return what it said.

        ``request`` is made over for every target, ``call.attempt`` counts on. The usage of the result, and
        of what is raised, is that of all attempts.

        Raises:
            LLMError: the last attempt's; ``partial`` holds what there is.
            RunCancelled: ``cancel`` was set, during an attempt or between two.
            Exception: as ``StreamAdapter.run``.
        """
        while True:
            try:
                result = await self._attempt(request, call, cancel, sink)
            except RunCancelled as cancelled:
                cancelled.partial = self._with_all_usage(cancelled.partial)
                raise
            except LLMError as error:
                failure = error
            else:
                return self._with_all_usage(result)
            news = None if sink.has_spoken else self._next(failure)
            if news is None:
                failure.partial = self._with_all_usage(failure.partial)
                raise failure
            await self._pause(news, cancel, sink)
            call = replace(call, attempt=call.attempt + 1)

    def _next(self, failure: LLMError) -> RetryScheduled | None:
        """Decide what comes after ``failure``, which showed nothing; ``None`` when it is the end."""
        chance = random.random()  # noqa: S311 - only spreads who comes back when
        plan = backoff.decide(failure, earlier=self._earlier, policy=self._policy, chance=chance)
        if isinstance(plan, Again):
            self._earlier.append(failure)
        elif self._others and failure.another_model_may_help:
            self.target = self._others.pop(0)
            self._earlier = []
            plan = Again(wait=0.0, attempt=1, of=1 + self._policy.max_retries)
        else:
            if plan is Stay.TOO_LONG:
                self._say_that_it_is_too_long(failure)
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

    def _say_that_it_is_too_long(self, failure: LLMError) -> None:
        failure.message += (
            f" It asks for a pause of {failure.retry_after or 0:.0f} seconds, which is longer than the "
            f"{self._policy.longest_retry_after:g} that are waited for here."
        )

    async def _pause(self, news: RetryScheduled, cancel: StopSignal, sink: EventSink) -> None:
        """Tell that there is another try, and wait for its time."""
        try:
            if cancel.is_set():
                raise RunCancelled(cancel)
            sink.write(news)
            await wait_for(None, cancel=cancel, seconds=news.wait_seconds)
        except RunCancelled as cancelled:
            cancelled.partial = self._with_all_usage(None)
            raise

    async def _attempt(
        self, request: ModelRequest, call: CallContext, cancel: StopSignal, sink: EventSink
    ) -> StepResult:
        target = self.target
        started_at = datetime.now(UTC)
        gate = BreakerCall(target, request)
        pricing.load_soon(target.origin.provider)
        async with AsyncExitStack() as held:
            try:
                gate.check()
                turn = limits.turn(
                    target.origin.provider,
                    target.limits,
                    cancel=cancel,
                    patience=self._timeouts.first_byte,
                )
                await held.enter_async_context(turn)
                gate.enter()
            except (LLMError, RunCancelled) as unsent:
                unsent.partial = StepAccumulator().result()
                trace = describe_unsent(
                    unsent, target=target, call=call, started_at=started_at, ended_at=datetime.now(UTC)
                )
                self._recorder.record(trace)
                raise
            held.callback(gate.leave)
            sink.on_first_word = gate.answers
            return await self._call(request.made_for(target.origin, target.quirks), call, cancel, sink, gate)

    async def _call(
        self,
        request: ModelRequest,
        call: CallContext,
        cancel: StopSignal,
        sink: EventSink,
        gate: "BreakerCall",
    ) -> StepResult:
        record = _Record(self._recorder)
        adapter = StreamAdapter(self.target, recorder=record, timeouts=self._timeouts)
        try:
            result = await adapter.run(request, call=call, cancel=cancel, sink=sink)
        except (LLMError, RunCancelled) as ending:
            if isinstance(ending, LLMError):
                gate.failed(ending)
            self._book(ending.partial, request, record)
            raise
        gate.answers()
        self._book(result, request, record)
        return result

    def _book(self, result: StepResult | None, request: ModelRequest, record: "_Record") -> None:
        if result is None:
            return
        cost = pricing.cost(
            result.usage,
            provider=request.origin.provider,
            asked=request.origin.model,
            served=result.model,
            keeps_long=request.options.cache == "long",
        )
        self.spending.add(request.origin, result, was_open=record.was_open, cost=cost)

    def _with_all_usage(self, result: StepResult | None) -> StepResult:
        return replace(result or StepAccumulator().result(), usage=self.spending.total)


class _Record:
    """The caller's recorder, and whether the provider had begun to answer."""

    def __init__(self, recorder: TraceRecorder) -> None:
        self._recorder = recorder
        self.was_open = False

    def record(self, trace: TraceRecord) -> None:
        self.was_open = trace.http_status is not None and 200 <= trace.http_status < 300
        self._recorder.record(trace)
