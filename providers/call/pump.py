"""Drives one provider call. Only the pump reads the response; that makes a cancel immediate.

One task per call opens the stream, reads and decodes its events and writes them straight to the sink, without a queue.
A cancel or the watchdog *cuts* the call: the pump cancels the task wherever it waits, and the task's
``finally`` closes the HTTP response. The decoder certainly does not run after that; only then does the pump
interrupt it with the reason, so that it keeps the partial answer. This module does not depend on any wire's
format, any SDK or runs.
"""

import asyncio
from contextlib import suppress

import httpx2

from providers import clients
from providers.call import body, timeout_errors
from providers.call.answer_reader import AnswerReader
from providers.call.answer_writer import AnswerWriter
from providers.call.deadlines import DRAIN_SECONDS, Cut, Deadlines, Phase
from providers.call.decoder import Decoder
from providers.call.limits import SizeLimits
from providers.call.sink import EventSink
from providers.call.timeouts import Timeouts
from providers.call.watchdog import Watchdog
from providers.catalog import Target
from providers.clients.exchange import Exchange
from providers.errors import LLMConnectionError, LLMError
from providers.errors.stop_signal import RunCancelled, StopSignal
from providers.errors.translation import from_exception
from providers.framing.event_data import StreamEvent
from providers.framing.event_names import is_keepalive
from providers.security.redaction import redact_text
from providers.types import Json, ModelRequest
from providers.types.usage import UsageSource
from providers.wires import TYPED_EVENTS, Wire
from providers.wires.accumulator import StepAccumulator
from providers.wires.late_usage import LateUsage

#: Upstream events after which the pump waits for the sink and yields to other tasks on the loop.
_EVENTS_PER_TURN = 64


class Pump:
    """One call. Call ``run`` once, then read ``accumulator``, ``exchange`` and the other public attributes."""

    def __init__(
        self,
        target: Target,
        *,
        wire: Wire,
        sink: EventSink,
        timeouts: Timeouts,
        max_calls: int | None = None,
    ) -> None:
        self._target = target
        self._wire = wire
        self._timeouts = timeouts
        self._loop = asyncio.get_running_loop()
        self._cut: Cut | None = None
        self._cut_at = self._closed_at = 0.0
        self._is_complete = False
        self._is_closing = False
        self._deadlines = Deadlines(timeouts, now=self._loop.time())
        self._watchdog = Watchdog(self._deadlines, phase=self._current_phase, on_time_up=self._stop_for_time)
        self._late_usage: LateUsage | None = None
        self.accumulator = StepAccumulator(quirks=target.quirks)
        self.decoder = Decoder(wire, self.accumulator)
        self._limits = SizeLimits.from_settings(max_calls=max_calls)
        self.writer = AnswerWriter(sink, self._limits)
        self._reader: AnswerReader | None = None
        self.exchange = Exchange(
            connect_timeout=timeouts.connect,
            longest_error=self._limits.error_body,
            on_answer=self._note_answer,
        )
        #: The request body; ``None`` before it is built.
        self.body: Json | None = None
        #: Number of decoded upstream events.
        self.events = 0

    async def run(self, request: ModelRequest, cancel: StopSignal) -> None:
        """Relay the answer to ``request`` to the sink until the answer ends or ``cancel`` is set.

        A cancel after the answer's terminal event has no effect on the result.

        Raises:
            LLMError: the call failed.
            RunCancelled: ``cancel`` cut the call.
            asyncio.CancelledError: the calling task was cancelled; takes precedence over the others.
        """
        self._signal = cancel
        self.accumulator.expect_answer_to(request)
        self._task = asyncio.create_task(self._relay(request), name=f"pump {self._target.origin.model}")
        listener = asyncio.create_task(self._listen(cancel), name="cancel listener")
        self._watchdog.set()
        try:
            await asyncio.wait({self._task})
        except asyncio.CancelledError:
            self._stop(Cut.CANCEL)
            # Not gather(): a second cancel would interrupt the closing.
            await asyncio.wait({self._task})
            self._take_exception()
            # The sink may raise on the last events; the cancellation takes precedence.
            with suppress(Exception):
                if self._late_usage is None:
                    self._interrupt(RunCancelled())
            raise
        finally:
            listener.cancel()
            self._watchdog.stop()
        self._raise_outcome()

    @property
    def oddities(self) -> tuple[str, ...]:
        """What stood in the answer's bytes beside plain events."""
        return () if self._reader is None else self._reader.oddities

    async def _relay(self, request: ModelRequest) -> None:
        try:
            response = await self._open(request)
            self.decoder.begin()
            await self._relay_events(response)
            if self._late_usage is None:
                self._end_reading()
        finally:
            self._is_closing = True
            if self._reader is not None:
                await self._reader.close()
            await self.exchange.close()
            self._closed_at = self._loop.time()

    async def _open(self, request: ModelRequest) -> httpx2.Response:
        self.body = await body.build(self._wire, request)
        self.exchange.enter()
        try:
            return await clients.open_stream(self._target, self.body)
        except Exception as exc:  # noqa: BLE001 - SDKs raise any type; all become an LLMError
            if self.exchange.response is None or self.exchange.is_open:
                error = timeout_errors.no_connection(from_exception(exc), self._timeouts)
            else:
                error = self.exchange.status_error()
        # Raised outside the handler: as its context, the SDK's exception would keep the API key alive.
        raise error

    async def _relay_events(self, response: httpx2.Response) -> None:
        reader = self._reader = AnswerReader(
            response, limits=self._limits, names_are_types=self._wire.KIND in TYPED_EVENTS
        )
        while True:
            try:
                events = await reader.next_events()
            except LLMError:
                # What follows a complete answer cannot spoil it.
                if self.accumulator.is_over:
                    return
                raise
            if events is None:
                return
            now = self._loop.time()
            self._deadlines.note_bytes(now)
            # A large event, such as a picture, comes in many pieces.
            if reader.is_inside_event or not all(is_keepalive(name, event) for name, event in events):
                self._deadlines.note_event(now)
            if await self._take_events(events):
                return
            if reader.is_done and not self.accumulator.is_done:
                self.accumulator.is_done = True
                self._watchdog.set()
                if self._late_usage is not None:
                    return

    async def _take_events(self, events: list[StreamEvent]) -> bool:
        """Decode ``events`` and write them to the sink; return whether nothing more is wanted."""
        for start in range(0, len(events), _EVENTS_PER_TURN):
            turn = events[start : start + _EVENTS_PER_TURN]
            turns = self.events // _EVENTS_PER_TURN
            self.events += len(turn)
            if self._late_usage is not None:
                if any(self._late_usage.take(event) for _, event in turn):
                    return True
                await asyncio.sleep(0)
                continue
            self.writer.write(self.decoder.decode(turn))
            if self.decoder.failure is not None:
                raise self.decoder.failure
            if self.accumulator.terminal:
                self._watchdog.set()
            if self.events // _EVENTS_PER_TURN > turns:
                await self.writer.wait_for_room()
                self._deadlines.note_event(self._loop.time())
        return False

    def _end_reading(self) -> None:
        reader = self._reader
        if not self.events and reader is not None and (error := reader.not_a_stream()) is not None:
            raise error
        try:
            self.writer.write(self.decoder.conclude())
            self.decoder.finish()
        except LLMError as error:
            if reader is not None and reader.foreign_text:
                error.detail.setdefault("foreign_text", redact_text(reader.foreign_text))
            raise
        finally:
            self.writer.write_rest(self.decoder.flush())
        self._is_complete = True

    async def _listen(self, cancel: StopSignal) -> None:
        await cancel.wait()
        if self.accumulator.is_over:
            self._deadlines.drain_until = self._loop.time() + DRAIN_SECONDS
            self._watchdog.set()
        elif self.writer.is_waiting or not self.exchange.is_closed:
            if self._timeouts.late_usage and self.decoder.is_under_way and not self.writer.is_waiting:
                self._read_on_for_usage()
            else:
                self._stop(Cut.CANCEL)
        # Otherwise the body has just ended by itself, and the task is about to check the answer.

    def _read_on_for_usage(self) -> None:
        """Keep the partial answer and read on for the usage, for at most ``late_usage`` seconds."""
        if self._cut is None and not self._is_closing and not self._task.done():
            self._cut = Cut.CANCEL
            self._cut_at = self._loop.time()
            self._late_usage = LateUsage(self._wire.KIND, self.accumulator)
            self._deadlines.drain_until = self._cut_at + self._timeouts.late_usage
            self._watchdog.set()
            # The sink may raise on the last events; the adapter reads that error from ``sink.failure``.
            with suppress(Exception):
                self._interrupt(RunCancelled(self._signal))

    def _stop(self, cut: Cut) -> None:
        # Do not cancel a task that is closing: the connection would stay open.
        if self._late_usage is not None and not self._is_closing:
            self._task.cancel()
        elif self._cut is None and not self._is_closing and not self._task.done():
            self._cut = cut
            self._cut_at = self._loop.time()
            self._task.cancel()

    def _note_answer(self) -> None:
        self._deadlines.note_event(self._loop.time())
        self._watchdog.set()

    def _stop_for_time(self) -> None:
        self._stop(Cut.COMPLETE if self.accumulator.is_over else Cut.TIMEOUT)

    def _current_phase(self) -> Phase:
        if self.writer.is_waiting:
            return Phase.SINK
        if self.exchange.response is None:
            return Phase.HEADERS
        if not self.exchange.is_open:
            return Phase.ERROR_BODY
        if not self.accumulator.is_over:
            return Phase.EVENT
        is_counted = self.accumulator.is_done or self.accumulator.usage.source is UsageSource.REPORTED
        return Phase.END if is_counted else Phase.USAGE

    def _raise_outcome(self) -> None:
        """Interrupt the decoder if the call ended early, then raise the error that ended it."""
        if self._is_complete:
            return
        ending = self._take_exception()
        if self._cut is Cut.CANCEL:
            ending = cancelled = RunCancelled(self._signal)
            # A task that was cancelled before it started has no closing time.
            since = self._cut_at if self._signal.asked_at is None else self._signal.asked_at
            cancelled.upstream_closed_ms = max(0.0, self._closed_at - since) * 1000
        elif ending is None and self.accumulator.is_over:
            self._end_reading()
            return
        elif ending is None and self._cut is Cut.TIMEOUT:
            ending = self._timeout_error()
        elif ending is None:
            # The pump did not cancel the task: a scope inside the SDK or its transport did.
            ending = LLMConnectionError(detail={"exception": "CancelledError"})
        if self._late_usage is None:
            self._interrupt(ending)
        raise ending

    def _take_exception(self) -> BaseException | None:
        """Return the exception of the ended task, or ``None`` if it was cancelled or succeeded.

        Call this for a cancelled task too. Until then the task keeps its exception, whose traceback keeps the
        SDK's frames and their objects alive.
        """
        with suppress(asyncio.CancelledError):
            return self._task.exception()
        return None

    def _interrupt(self, reason: BaseException) -> None:
        """Interrupt the decoder with ``reason``, then write the text that it still holds."""
        if not self.decoder.is_under_way and self.exchange.is_open and isinstance(reason, RunCancelled):
            self.decoder.begin()
        self.decoder.interrupt(reason)
        self.writer.write_rest(self.decoder.flush())

    def _timeout_error(self) -> LLMError:
        phase = self._current_phase()
        if phase is Phase.ERROR_BODY:
            return self.exchange.status_error()
        has_spoken = self.writer.first_token_at is not None
        return self._deadlines.error(phase, now=self._loop.time(), has_spoken=has_spoken)
