"""Read one upstream stream with the decoder of its wire: what all four wires do alike. Pure.

A wire's ``WireDecoder`` knows what an event means. ``StreamReader`` knows when a stream is over, and what an end, an
error or a cancel leaves in the ``StepAccumulator``.
"""

from typing import Any, Protocol

from providers.errors import LLMEmptyResponseError, LLMError
from providers.errors.events import error_in
from providers.errors.stop_signal import RunCancelled
from providers.types import Json
from providers.types.events import ModelEvent
from providers.wires.accumulator import StepAccumulator


class WireDecoder(Protocol):
    """The answer to one call, as one wire streams it."""

    def take(self, event: Json) -> list[ModelEvent]:
        """Return the model events that one decoded upstream event stands for.

        Raises:
            LLMError: the event reports that the call failed.
        """
        ...

    def conclude(self) -> list[ModelEvent]:
        """Return the model events of what is only known now that the stream has ended, before ``error`` is asked."""
        return []

    def error(self) -> LLMError | None:
        """Return why the answer cannot be used, now that the stream has ended; ``None`` if it can."""
        ...

    def store(self) -> None:
        """Write parts, native items and the assembled response to the accumulator, complete or not."""
        ...


class StreamReader:
    """Feeds one stream to its decoder, until the stream ends, fails or is interrupted.

    After that, every method does nothing. It runs no code between two calls, so it needs no closing.
    """

    def __init__(self, decoder: WireDecoder, accumulator: StepAccumulator) -> None:
        self._decoder = decoder
        self._accumulator = accumulator
        self._is_empty = True
        self._is_over = False
        #: The error that the last event reported. The events of the same event are valid.
        self.failure: LLMError | None = None

    def take(self, event: Any, name: str = "") -> list[ModelEvent]:
        """Return what one decoded upstream event means. An event that is no JSON object means nothing.

        ``name`` is the name that the event has in the stream, if any.

        An error in the event is in ``failure`` afterwards, so that what stands beside it counts. An error that
        follows the answer's terminal event means nothing.

        Raises:
            LLMError: the event reports that the call failed, and nothing in it could be read.
            Exception: the event has a form that the decoder does not expect. The reader is over in both cases.
        """
        if self._is_over:
            return []
        self._is_empty = False
        if not isinstance(event, dict):
            return []
        was_complete = self._accumulator.terminal
        try:
            events = self._decoder.take(event)
        except Exception as problem:
            # An event that reports an error need not have the form of an event.
            error = problem if isinstance(problem, LLMError) else error_in(event, name or None)
            self.interrupt(error or problem)
            if error is None:
                raise
            raise error from problem
        if not was_complete and (error := error_in(event, name or None)) is not None:
            self.failure = error
            self.interrupt(error)
        return events

    def conclude(self) -> list[ModelEvent]:
        """Return what the end of the stream adds to the answer. Call it before ``end``, and once only.

        Raises:
            Exception: as ``take``.
        """
        if self._is_over or self._is_empty:
            return []
        try:
            return self._decoder.conclude()
        except Exception as error:
            self.interrupt(error)
            raise

    def end(self) -> None:
        """Note that the upstream stream has ended by itself.

        Raises:
            LLMError: the answer is incomplete, empty, blocked or malformed.
        """
        if self._is_over:
            return
        try:
            error = LLMEmptyResponseError() if self._is_empty else self._decoder.error()
            if error is not None:
                raise error
        except Exception as failure:
            self.interrupt(failure)
            raise
        self._finish()

    def interrupt(self, reason: BaseException) -> None:
        """Stop reading because of ``reason``, and keep the answer so far.

        A stop counts as a cancel only if a person or the server caused it, not a limit, and only before the wire's
        terminal event. An ``LLMError`` takes back the stop reason, also after the terminal event.
        """
        if self._is_over:
            return
        if isinstance(reason, RunCancelled) and reason.cause.is_cancel:
            self._accumulator.stream_was_cancelled = not self._accumulator.terminal
        if isinstance(reason, LLMError):
            self._accumulator.stop_reason = None
        self._finish()

    def _finish(self) -> None:
        self._is_over = True
        self._decoder.store()
