"""Drives one provider call: the only owner of the SDK's iterator, and what makes Stop immediate.

One task per call opens the stream, feeds the wire's reader and writes what it yields straight to the
sink; no queue lies between. Whoever wants it to end early (a cancel, the watchdog) *cuts* it: the
task is cancelled wherever it waits, its ``finally`` closes the HTTP response, and only then, when the
reader certainly does not run, the reason is thrown into the reader, so that its own ``except`` and
``finally`` keep what was said. It knows no wire's format, no SDK and no run.
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

#: Upstream events between two looks at the sink and two turns for everybody else on the loop.
_EVENTS_PER_TURN = 64
#: Seconds for the rest of a body after a complete answer: read to its end, a connection is used again.
_DRAIN_SECONDS = 0.1
#: The same while the usage is still to come: it can follow the last word.
_USAGE_SECONDS = 5.0
#: Seconds for the body of an error, whose status alone says enough.
_ERROR_BODY_SECONDS = 5.0
#: The same for what a closed connection has left in buffers, which takes a few milliseconds at most.
_RUN_OUT_SECONDS = 0.5


class _Cut(Enum):
    """Why a call was ended from outside its stream."""

    #: Somebody pressed Stop.
    CANCEL = "cancel"
    #: Nothing came for too long.
    SILENCE = "silence"
    #: The answer is complete, and the rest of the body is not worth the wait.
    ENOUGH = "enough"


class Pump:
    """One call. ``run`` it once; what it left is in ``draft``, ``exchange`` and the other attributes."""

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
        self._hurry_until: float | None = None
        self._late_usage: LateUsage | None = None
        self._timer: asyncio.TimerHandle | None = None
        self.accumulator = StepAccumulator(quirks=target.quirks)
        self._decoder = Decoder(wire, self.accumulator)
        self.exchange = Exchange(connect_timeout=timeouts.connect, on_answer=self._note_answer)
        #: What was sent; ``None`` before.
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
            asyncio.CancelledError: somebody cancelled the calling task, which wins over all else.
        """
        self._signal = cancel
        self._task = asyncio.create_task(self._relay(request), name=f"pump {self._target.origin.model}")
        listener = asyncio.create_task(self._listen(cancel), name="cancel listener")
        self._arm()
        try:
            await asyncio.wait({self._task})
        except asyncio.CancelledError:
            self._stop(_Cut.CANCEL)
            # Not gather(): cancelled once more, that would disturb the closing.
            await asyncio.wait({self._task})
            self._take_exception()
            # The sink may refuse its last words; whoever cancelled us need not know.
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
                await _run_out(events)

    async def _open(self, request: ModelRequest) -> AsyncIterator[Any]:
        self.body = clean_json(self._wire.build_body(request))
        self.exchange.enter()
        try:
            return aiter(await clients.open_stream(self._target, self.body))
        except Exception as exc:  # noqa: BLE001 - SDKs raise what they like; all of it becomes one taxonomy
            error = timeout_errors.no_connection(from_exception(exc), self._timeouts)
        # Out here, so that it does not drag the SDK's exception along, which holds the key.
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
        # A burst is decoded from one buffer: without this nobody else would run until its end.
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
            self._hurry_until = self._loop.time() + _DRAIN_SECONDS
            self._arm()
        elif self._sink_is_full or not self.exchange.is_closed:
            if self._timeouts.late_usage and self._decoder.is_under_way and not self._sink_is_full:
                self._read_on_for_usage()
            else:
                self._stop(_Cut.CANCEL)
        # Otherwise the body has just ended by itself, and its reader is about to say what that means.

    def _read_on_for_usage(self) -> None:
        """Let the reader keep what was said, and the stream go on to its end or the end of our patience."""
        if self._cut is None and not self._is_closing and not self._task.done():
            self._cut = _Cut.CANCEL
            self._cut_at = self._loop.time()
            self._late_usage = LateUsage(self._wire.KIND, self.accumulator)
            self._hurry_until = self._cut_at + self._timeouts.late_usage
            self._arm()
            # The sink may refuse its last words; that is told when it is asked for more.
            with suppress(Exception):
                self._interrupt(RunCancelled(self._signal))

    def _stop(self, cut: _Cut) -> None:
        # What is closing has ended already; cancelled in the middle of that, a connection would stay open.
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
        self._timer = self._loop.call_at(self._deadline(), self._look_at_the_clock)

    def _look_at_the_clock(self) -> None:
        if self._loop.time() < self._deadline():
            self._arm()
        else:
            self._stop(_Cut.ENOUGH if self.accumulator.terminal else _Cut.SILENCE)

    def _deadline(self) -> float:
        if self._hurry_until is not None:
            return self._hurry_until
        if self._sink_is_full:
            # It is us who are slow, not the provider.
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
        """Raise what the ended task means, after the reader has heard of it."""
        if self._has_ended:
            return
        ending = self._take_exception()
        if self._cut is _Cut.CANCEL:
            ending = cancelled = RunCancelled(self._signal)
            # A task that was cancelled before its first step has closed nothing.
            cancelled.upstream_closed_ms = max(0.0, self._closed_at - self._cut_at) * 1000
        elif ending is None and self.accumulator.terminal:
            self._end_reading()
            return
        elif ending is None and self._cut is _Cut.SILENCE:
            ending = self._silence()
        elif ending is None:
            # Nobody here cancelled the task: a scope inside an SDK or its transport did.
            ending = LLMConnectionError(detail={"exception": "CancelledError"})
        if self._late_usage is None:
            self._interrupt(ending)
        raise ending

    def _take_exception(self) -> BaseException | None:
        """Return what the ended task failed with.

        To be asked of a cancelled one, too: until then it keeps its exception, with every frame of the SDK that
        this came through, and all that they hold.
        """
        with suppress(asyncio.CancelledError):
            return self._task.exception()
        return None

    def _interrupt(self, reason: BaseException) -> None:
        """Let the reader hear of ``reason``, and write what was held back."""
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


async def _run_out(events: AsyncIterator[Any]) -> None:
    """Let a stream whose connection is closed come to its end: it has some buffered events, if any, and then fails.

    What stays suspended in an SDK's generators is a ring of references. The collector would end it some time, on
    whichever thread it comes by, and each generator beside the one that awaits it.
    """
    with suppress(Exception):
        async with asyncio.timeout(_RUN_OUT_SECONDS):
            while True:
                await anext(events)
