"""The entry point to every provider: one streamed call, one result, one trace.

``StreamAdapter.run`` relays the model's events to a sink, counts the usage, maps every failure to an
``LLMError`` and passes exactly one trace to the recorder, however the call ends. Start reading here, then
``call/pump.py``. This module does not depend on runs, the database or the browser.
"""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from traceback import clear_frames

from providers import wires
from providers.call.pump import Pump
from providers.call.sanitizer import clean_result
from providers.call.sink import EventSink
from providers.call.timeouts import Timeouts
from providers.call.trace import describe, takes_long
from providers.catalog import Target
from providers.errors import LLMError, LLMInternalError
from providers.errors.stop_signal import RunCancelled, StopSignal
from providers.errors.translation import whereabouts
from providers.types import ModelRequest, StepResult
from providers.types.trace import CallContext, TraceRecord, TraceRecorder
from providers.usage import accounting
from providers.usage.accounting import FinishedCall
from providers.wires import check

__all__ = ["EventSink", "StreamAdapter", "Timeouts", "check"]

logger = logging.getLogger("runnel.providers")

#: Seconds to redact long payloads; 2 MB take about 0.1 s, unless all threads are busy.
_DESCRIBE_SECONDS = 5.0


class StreamAdapter:
    """Calls one target. Any number of calls may run, also concurrently."""

    def __init__(self, target: Target, *, recorder: TraceRecorder, timeouts: Timeouts | None = None) -> None:
        """Keep the target, the recorder of its traces, and time limits (default: those of the settings).

        Raises:
            KeyError: there is no wire of the target's name.
        """
        self._target = target
        self._recorder = recorder
        self._timeouts = timeouts or Timeouts.from_settings()
        self._wire = wires.load(target.origin.wire)

    async def run(
        self, request: ModelRequest, *, call: CallContext, cancel: StopSignal, sink: EventSink
    ) -> StepResult:
        """Make one call and return its whole result after the provider has ended the answer.

        Setting ``cancel`` closes the connection at once, at any point of the call. After the terminal event
        ``cancel`` has no effect: the method returns the result, and the caller decides between result and
        cancel. If ``cancel`` is set beforehand, nothing is sent.

        Args:
            request: The messages, tools and options to send.
            call: The run, step and attempt, for the trace.
            cancel: Stops the call when it is set.
            sink: Receives the events, in order.

        Raises:
            LLMError: the call failed; ``partial`` holds the answer so far. A bug in this project becomes
                ``LLMInternalError``.
            RunCancelled: ``cancel`` cut the call; ``partial`` and ``upstream_closed_ms`` are set.
            Exception: raised by ``sink``; passed on unchanged.
            asyncio.CancelledError: the calling task was cancelled; usage and trace are kept without waiting.
        """
        result, ending = await self._call(request, call=call, cancel=cancel, sink=sink)
        if ending is None:
            return result
        # The frames that the exception came through hold the whole answer, and the exception holds them: a cycle,
        # whose megabytes would stay until the next full garbage collection.
        clear_frames(ending.__traceback__)
        try:
            raise ending
        finally:
            del ending

    async def _call(
        self, request: ModelRequest, *, call: CallContext, cancel: StopSignal, sink: EventSink
    ) -> tuple[StepResult, BaseException | None]:
        """Make one call; return its result, whole or partial, and the exception that ended it."""
        started_at = datetime.now(UTC)
        pump = Pump(
            self._target, wire=self._wire, sink=sink, timeouts=self._timeouts, max_calls=call.max_calls
        )
        ending: BaseException | None = None
        try:
            if cancel.is_set():
                raise RunCancelled(cancel)
            await pump.run(request, cancel)
        except (LLMError, RunCancelled, asyncio.CancelledError) as exc:
            ending = exc
        except Exception as exc:  # noqa: BLE001 - keep answer and usage after any error
            ending = exc if exc is sink.failure else self._internal_error(exc)
        ended_at = datetime.now(UTC)
        finished = FinishedCall(
            target=self._target,
            request=request,
            body=pump.body,
            result=clean_result(pump.accumulator.result()),
            has_ended=ending is None,
            pieces=pump.decoder.pieces,
        )
        try:
            may_wait = not isinstance(ending, asyncio.CancelledError)
            usage = await accounting.usage(finished) if may_wait else accounting.usage_at_once(finished)
        except asyncio.CancelledError as exc:
            ending, usage = exc, accounting.usage_at_once(finished)
        result = replace(finished.result, usage=usage)
        if isinstance(ending, (LLMError, RunCancelled)):
            ending.partial = result
        build_trace = partial(
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
        await self._record(build_trace, is_long=is_long, may_wait=may_wait)
        return result, ending

    async def _record(
        self, build_trace: Callable[..., TraceRecord], *, is_long: bool, may_wait: bool
    ) -> None:
        """Build the trace and pass it to the recorder. A long one is built on a thread, off the event loop.

        A long trace loses its payloads if redacting them takes too long or the calling task is cancelled.
        """
        trace: TraceRecord | None = None
        try:
            if is_long and may_wait:
                trace = await asyncio.wait_for(asyncio.to_thread(build_trace), _DESCRIBE_SECONDS)
        except TimeoutError:
            logger.warning("The payloads of a call are not kept: redacting them took too long.")
        finally:
            self._recorder.record(trace or build_trace(with_payloads=not is_long))

    def _internal_error(self, exc: Exception) -> LLMInternalError:
        origin = self._target.origin
        logger.error("A call to %s/%s failed on our side.", origin.provider, origin.model, exc_info=exc)
        error = LLMInternalError(detail={**whereabouts(exc)})
        error.__cause__ = exc
        return error
