"""Drives one provider call and makes Stop immediate. It is the only owner of the SDK's iterator.

One task per call opens the stream, feeds its events to the decoder and writes the result to the sink; there is no
queue in between. To end a call early (a stop, a timeout), the pump cancels this task wherever it waits. The task's
``finally`` closes the HTTP response. Then the decoder is interrupted with the reason and keeps what was said. This
module knows no wire format, no SDK and no run.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import UTC, datetime
from enum import Enum
from typing import Any

from providers import clients
from providers.call import timeout_errors
from providers.call.decoder import Decoder
from providers.call.sink import EventSink
from providers.call.timeouts import Timeouts
from providers.catalog import Target
from providers.clients.exchange import Exchange
from providers.errors import LLMConnectionError, LLMError
from providers.errors.cancellation import RunCancelled, StopSignal
from providers.errors.translation import from_exception, from_payload
from providers.text import clean_json
from providers.types import Json, ModelRequest
from providers.types.events import ModelEvent, ReasoningDelta, TextDelta, ToolCallStarted
from providers.types.usage import UsageSource
from providers.wires import Wire
from providers.wires.accumulator import StepAccumulator
from providers.wires.late_usage import LateUsage

#: Upstream events after which the pump checks the sink for room and yields to the event loop.
_EVENTS_PER_TURN = 64
#: Seconds to read the rest of a body after a complete answer, so that the connection can be reused.
_DRAIN_SECONDS = 0.1
#: The same while the usage has not come; it can follow the last word.
_USAGE_SECONDS = 5.0
#: Seconds to read the body of an error.
_ERROR_BODY_SECONDS = 5.0
#: Seconds to read what a closed connection has left in buffers; it takes a few milliseconds.
_EXHAUST_SECONDS = 0.5


class _Cut(Enum):
    """Why a call was ended early."""

    #: The stop signal was set.
    CANCEL = "cancel"
    #: No event came within the time limit.
    SILENCE = "silence"
    #: The answer is complete; the rest of the body took too long.
    ENOUGH = "enough"


class Pump:
    """One call. Call ``run`` once; the results are in ``accumulator``, ``exchange`` and the other attributes."""

    def __init__(self, target: Target, *, wire: Wire, sink: EventSink, timeouts: Timeouts) -> None:
        self._target = target
        self._wire = wire
        self._sink = sink
        self._timeouts = timeouts
        self._loop = asyncio.get_running_loop()
        self._cut: _Cut | None = None
        self._cut_at = self._closed_at = 0.0
        self._has_ended = False
        self._is_closing = False
        self._sink_is_full = False
        self._started = self._heard = self._loop.time()
        self._drain_until: float | None = None
        self._late_usage: LateUsage | None = None
        self._timer: asyncio.TimerHandle | None = None
        self.accumulator = StepAccumulator(quirks=target.quirks)
        self._decoder = Decoder(wire, self.accumulator)
        self.exchange = Exchange(connect_timeout=timeouts.connect, on_answer=self._note_answer)
        #: The request body; ``None`` until it was built.
        self.body: Json | None = None
        #: Decoded upstream events.
        self.events = 0
        self.first_token_at: datetime | None = None

    async def run(self, request: ModelRequest, cancel: StopSignal) -> None:
        """Relay the answer to ``request`` to the sink until it ends or ``cancel`` is set.

        A cancel that comes after the answer's terminal event changes nothing.

        Raises:
            LLMError: the call failed.
            RunCancelled: ``cancel`` cut it.
            asyncio.CancelledError: the calling task was cancelled; this wins over all else.
        """
        self._signal = cancel
        self._task = asyncio.create_task(self._relay(request), name=f"pump {self._target.origin.model}")
        listener = asyncio.create_task(self._listen(cancel), name="cancel listener")
        self._arm()
        try:
            await asyncio.wait({self._task})
        except asyncio.CancelledError:
            self._stop(_Cut.CANCEL)
            # Not gather(): a second cancellation would interrupt the closing.
            await asyncio.wait({self._task})
            self._take_exception()
            # The sink may refuse the last events; the canceller need not know.
            with suppress(Exception):
                if self._late_usage is None:
                    self._interrupt(RunCancelled())
            raise
        finally:
            listener.cancel()
            if self._timer is not None:
                self._timer.cancel()
        self._conclude()

    async def _relay(self, request: ModelRequest) -> None:
        events: AsyncIterator[Any] | None = None
        try:
            events = await self._open(request)
            self._decoder.begin()
            await self._pass_on(events)
            if self._late_usage is None:
                self._end_reading()
        finally:
            self._is_closing = True
            await self.exchange.close()
            self._closed_at = self._loop.time()
            if events is not None:
                await _exhaust(events)

    async def _open(self, request: ModelRequest) -> AsyncIterator[Any]:
        self.body = clean_json(self._wire.build_body(request))
        self.exchange.enter()
        try:
            return aiter(await clients.open_stream(self._target, self.body))
        except Exception as exc:  # noqa: BLE001 - SDKs raise what they like; all of it becomes one taxonomy
            error = timeout_errors.no_connection(from_exception(exc), self._timeouts)
        # Raised here, so that its context is not the SDK's exception, which holds the key.
        raise error

    async def _pass_on(self, events: AsyncIterator[Any]) -> None:
        while True:
            error: LLMError | None = None
            try:
                event = await anext(events)
            except StopAsyncIteration:
                return
            except Exception as exc:  # noqa: BLE001 - as above
                error = from_exception(exc)
            if error is not None:
                if self.accumulator.terminal and isinstance(error, LLMConnectionError):
                    return
                raise error
            self.events += 1
            if self._late_usage is not None:
                if self._late_usage.take(event):
                    return
                if self.events % _EVENTS_PER_TURN == 0:
                    await asyncio.sleep(0)
                continue
            if timeout_errors.is_sign_of_life(event):
                self._heard = self._loop.time()
            self._write(self._decoder.understand(event))
            if self.accumulator.terminal:
                self._arm()
            if self.events % _EVENTS_PER_TURN == 0:
                await self._give_way()

    async def _give_way(self) -> None:
        self._sink_is_full = True
        try:
            await self._sink.ready()
        finally:
            self._sink_is_full = False
        # A burst is decoded from one buffer; without this no other task would run until its end.
        await asyncio.sleep(0)
        self._heard = self._loop.time()

    def _end_reading(self) -> None:
        if not self.events and not self.exchange.is_event_stream:
            kind = self.exchange.headers.get("content-type", "")
            raise LLMConnectionError(
                "What answered is not a model provider's stream. Ask your administrator to check the base URL.",
                status=self.exchange.status,
                detail={"status": self.exchange.status, "content_type": kind},
            )
        try:
            self._write(self._decoder.conclude())
        finally:
            self._release()
        self._has_ended = True

    def _write(self, events: list[ModelEvent]) -> None:
        for event in events:
            if self.first_token_at is None and isinstance(
                event, (TextDelta, ReasoningDelta, ToolCallStarted)
            ):
                self.first_token_at = datetime.now(UTC)
            self._sink.write(event)

    def _release(self) -> None:
        for event in self._decoder.release():
            self._sink.write(event)

    async def _listen(self, cancel: StopSignal) -> None:
        await cancel.wait()
        if self.accumulator.terminal:
            self._drain_until = self._loop.time() + _DRAIN_SECONDS
            self._arm()
        elif self._sink_is_full or not self.exchange.is_closed:
            if self._timeouts.late_usage and self._decoder.is_under_way and not self._sink_is_full:
                self._read_on_for_usage()
            else:
                self._stop(_Cut.CANCEL)
        # Otherwise the body has just ended by itself, and the decoder is about to judge the end.

    def _read_on_for_usage(self) -> None:
        """Close the answer, and read the stream on for its usage, for ``late_usage`` seconds at most."""
        if self._cut is None and not self._is_closing and not self._task.done():
            self._cut = _Cut.CANCEL
            self._cut_at = self._loop.time()
            self._late_usage = LateUsage(self._wire.KIND, self.accumulator)
            self._drain_until = self._cut_at + self._timeouts.late_usage
            self._arm()
            # The sink may refuse the last events; its failure is raised with the next one.
            with suppress(Exception):
                self._interrupt(RunCancelled(self._signal))

    def _stop(self, cut: _Cut) -> None:
        # A call that is closing has ended; a cancellation would leave its connection open.
        if self._late_usage is not None and not self._is_closing:
            self._task.cancel()
        elif self._cut is None and not self._is_closing and not self._task.done():
            self._cut = cut
            self._cut_at = self._loop.time()
            self._task.cancel()

    def _note_answer(self) -> None:
        self._heard = self._loop.time()
        self._arm()

    def _arm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_at(self._deadline(), self._check_deadline)

    def _check_deadline(self) -> None:
        if self._loop.time() < self._deadline():
            self._arm()
        else:
            self._stop(_Cut.ENOUGH if self.accumulator.terminal else _Cut.SILENCE)

    def _deadline(self) -> float:
        if self._drain_until is not None:
            return self._drain_until
        if self._sink_is_full:
            # The log is slow, not the provider.
            return self._loop.time() + self._timeouts.idle
        if self.exchange.response is None:
            return self._started + self._timeouts.first_byte
        if not self.exchange.is_open:
            return self._heard + min(_ERROR_BODY_SECONDS, self._timeouts.idle)
        if self.accumulator.terminal:
            is_counted = self.accumulator.usage.source is UsageSource.REPORTED
            return self._heard + (_DRAIN_SECONDS if is_counted else min(_USAGE_SECONDS, self._timeouts.idle))
        return self._heard + self._timeouts.idle

    def _conclude(self) -> None:
        """Interrupt the decoder, and raise the reason why the task ended."""
        if self._has_ended:
            return
        ending = self._take_exception()
        if self._cut is _Cut.CANCEL:
            ending = cancelled = RunCancelled(self._signal)
            # A task that was cancelled before its first step has nothing to close.
            cancelled.upstream_closed_ms = max(0.0, self._closed_at - self._cut_at) * 1000
        elif ending is None and self.accumulator.terminal:
            self._end_reading()
            return
        elif ending is None and self._cut is _Cut.SILENCE:
            ending = self._silence()
        elif ending is None:
            # The pump did not cancel the task: a cancel scope inside an SDK or its transport did.
            ending = LLMConnectionError(detail={"exception": "CancelledError"})
        if self._late_usage is None:
            self._interrupt(ending)
        raise ending

    def _take_exception(self) -> BaseException | None:
        """Return the exception of the ended task, ``None`` if it was cancelled or has none.

        Call it for a cancelled task as well: until then the task keeps its exception, with all frames of the SDK.
        """
        with suppress(asyncio.CancelledError):
            return self._task.exception()
        return None

    def _interrupt(self, reason: BaseException) -> None:
        """Interrupt the decoder with ``reason``, and write the text that the sanitizer held back."""
        if not self._decoder.is_under_way and self.exchange.is_open and isinstance(reason, RunCancelled):
            self._decoder.begin()
        self._decoder.interrupt(reason)
        self._release()

    def _silence(self) -> LLMError:
        if self.exchange.response is None:
            return timeout_errors.no_answer(self._timeouts)
        if not self.exchange.is_open:
            return from_payload(None, status=self.exchange.status, headers=self.exchange.headers)
        return timeout_errors.silence(self._timeouts)


async def _exhaust(events: AsyncIterator[Any]) -> None:
    """Read a closed stream to its end: a few buffered events, then an error.

    An SDK's nested generators form a reference cycle while they are suspended. The garbage collector would finalise
    them later, perhaps on another thread.
    """
    with suppress(Exception):
        async with asyncio.timeout(_EXHAUST_SECONDS):
            while True:
                await anext(events)
