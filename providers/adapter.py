"""The door to every provider: one streamed call, one result, one trace.

``StreamAdapter.run`` passes the model's events to a sink, counts usage, maps every failure to the error taxonomy, and
hands exactly one trace to the recorder, however the call ends. Start reading here, then ``call/pump.py``. This module
knows no run, no database and no browser.
"""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial

from providers import wires
from providers.call.pump import Pump
from providers.call.sanitizer import clean_result
from providers.call.sink import EventSink
from providers.call.timeouts import Timeouts
from providers.call.trace import describe, takes_long
from providers.catalog import Target
from providers.errors import LLMError, LLMInternalError
from providers.errors.cancellation import RunCancelled, StopSignal
from providers.errors.translation import whereabouts
from providers.types import ModelRequest, StepResult
from providers.types.trace import CallContext, TraceRecord, TraceRecorder
from providers.usage import accounting
from providers.usage.accounting import FinishedCall
from providers.wires import check

__all__ = ["EventSink", "StreamAdapter", "Timeouts", "check"]

logger = logging.getLogger("runnel.providers")

#: Seconds that redacting a long payload may take. 2 MB take 0.1 s, unless all threads are busy.
_WRITE_UP_SECONDS = 5.0


class StreamAdapter:
    """Calls one target, any number of times, also concurrently."""

    def __init__(self, target: Target, *, recorder: TraceRecorder, timeouts: Timeouts | None = None) -> None:
        """Take the target, the recorder of traces, and timeouts that replace the configured ones."""
        self._target = target
        self._recorder = recorder
        self._timeouts = timeouts or Timeouts.from_settings()
        self._wire = wires.load(target.origin.wire)

    async def run(
        self, request: ModelRequest, *, call: CallContext, cancel: StopSignal, sink: EventSink
    ) -> StepResult:
        """Make one call, and return its result when the provider has ended it.

        Setting ``cancel`` closes the connection at once, whatever the call waits for. After the terminal event it
        has no effect: the result is returned, and the caller decides the race. If it is set already, nothing is
        sent.

        Raises:
            LLMError: the call failed; ``partial`` holds what there is. A mistake in our own code is
                ``LLMInternalError``.
            RunCancelled: ``cancel`` cut the call; ``partial`` and ``upstream_closed_ms`` are set.
            Exception: what ``sink`` raised, unchanged.
            asyncio.CancelledError: the calling task was cancelled; nothing is awaited then.
        """
        started_at = datetime.now(UTC)
        pump = Pump(self._target, wire=self._wire, sink=sink, timeouts=self._timeouts)
        ending: BaseException | None = None
        try:
            if cancel.is_set():
                raise RunCancelled(cancel)
            await pump.run(request, cancel)
        except (LLMError, RunCancelled, asyncio.CancelledError) as exc:
            ending = exc
        except Exception as exc:  # noqa: BLE001 - for any failure, the partial answer and its usage are kept
            ending = exc if exc is sink.failure else self._our_fault(exc)
        ended_at = datetime.now(UTC)
        case = FinishedCall(
            target=self._target,
            request=request,
            body=pump.body,
            result=clean_result(pump.accumulator.result()),
            has_ended=ending is None,
        )
        try:
            may_wait = not isinstance(ending, asyncio.CancelledError)
            usage = await accounting.usage(case) if may_wait else accounting.usage_at_once(case)
        except asyncio.CancelledError as exc:
            ending, usage = exc, accounting.usage_at_once(case)
        result = replace(case.result, usage=usage)
        if isinstance(ending, (LLMError, RunCancelled)):
            ending.partial = result
        write_up = partial(
            describe,
            pump,
            target=self._target,
            call=call,
            started_at=started_at,
            ended_at=ended_at,
            result=result,
            ending=ending,
        )
        is_long = takes_long(pump, result)
        may_wait = not isinstance(ending, asyncio.CancelledError)
        await self._keep(write_up, is_long=is_long, may_wait=may_wait)
        if ending is not None:
            raise ending
        return result

    async def _keep(self, write_up: Callable[..., TraceRecord], *, is_long: bool, may_wait: bool) -> None:
        """Make the trace and hand it to the recorder.

        A long trace is made on a thread, so that it does not hold up the event loop. If that takes too long, or if
        the caller is cancelled, the trace has no payloads.
        """
        trace: TraceRecord | None = None
        try:
            if is_long and may_wait:
                trace = await asyncio.wait_for(asyncio.to_thread(write_up), _WRITE_UP_SECONDS)
        except TimeoutError:
            logger.warning("The payloads of a call are not kept: redacting them took too long.")
        finally:
            self._recorder.record(trace or write_up(with_payloads=not is_long))

    def _our_fault(self, exc: Exception) -> LLMInternalError:
        origin = self._target.origin
        logger.error("A call to %s/%s failed on our side.", origin.provider, origin.model, exc_info=exc)
        error = LLMInternalError(detail={**whereabouts(exc)})
        error.__cause__ = exc
        return error
