"""Decodes the stream of one provider call with its wire's reader, then sanitizes the events. Pure.

If a reader raises anything but an ``LLMError``, the provider's answer was malformed: the decoder raises
``LLMMalformedResponseError`` instead.
"""

import logging
from collections.abc import Iterator

from providers import wires
from providers.call.sanitizer import Sanitizer
from providers.errors import LLMError, LLMMalformedResponseError
from providers.errors.translation import whereabouts
from providers.security.redaction import redact_text
from providers.types import Json
from providers.types.events import ModelEvent, ReasoningDelta, TextDelta, ToolCallDelta
from providers.wires import Wire
from providers.wires.accumulator import StepAccumulator
from providers.wires.reading import StreamReader

logger = logging.getLogger("runnel.providers")

_PIECES = (TextDelta, ReasoningDelta, ToolCallDelta)


class Decoder:
    """Decodes one stream into events and fills ``accumulator``."""

    def __init__(self, wire: Wire, accumulator: StepAccumulator) -> None:
        self._wire = wire
        self._accumulator = accumulator
        self._sanitizer = Sanitizer()
        self._reader: StreamReader | None = None
        #: Upstream events that brought a piece of the answer; servers often send a token in each.
        self.pieces = 0

    @property
    def is_under_way(self) -> bool:
        """Whether reading has begun."""
        return self._reader is not None

    @property
    def failure(self) -> LLMError | None:
        """The error that the last event reported beside what it said."""
        return None if self._reader is None else self._reader.failure

    def begin(self) -> None:
        """Prepare for the first event. Before this call, ``decode`` returns nothing and ``interrupt`` does nothing."""
        self._reader = wires.read(self._wire, self._accumulator)

    def decode(self, event: Json, name: str = "") -> list[ModelEvent]:
        """Return the sanitized model events of one upstream event; an empty list once the stream is over.

        ``name`` is the name that the event has in the stream, if any.

        Raises:
            LLMError: the event reports a failure or is malformed.
        """
        if self._reader is None:
            return []
        try:
            decoded = self._reader.take(event, name)
            self.pieces += bool(decoded) and isinstance(decoded[-1], _PIECES)
            return [clean for model_event in decoded for clean in self._sanitizer.sanitize(model_event)]
        except LLMError:
            raise
        except Exception as exc:
            raise self._malformed(exc) from exc

    def conclude(self) -> list[ModelEvent]:
        """Return the sanitized model events of what is only known after the stream has ended by itself.

        Call it once, before ``finish``.

        Raises:
            LLMError: the answer is malformed.
        """
        if self._reader is None:
            return []
        try:
            return [clean for event in self._reader.conclude() for clean in self._sanitizer.sanitize(event)]
        except LLMError:
            raise
        except Exception as exc:
            raise self._malformed(exc) from exc

    def finish(self) -> None:
        """Check the answer after the stream has ended by itself.

        Raises:
            LLMError: the answer is incomplete, empty, blocked or malformed.
        """
        if self._reader is not None:
            try:
                self._reader.end()
            except LLMError:
                raise
            except Exception as exc:
                raise self._malformed(exc) from exc

    def flush(self) -> Iterator[ModelEvent]:
        """Yield the half characters that the sanitizer still holds. Call it after the last event."""
        return self._sanitizer.flush()

    def interrupt(self, reason: BaseException) -> None:
        """Stop decoding because of ``reason`` and keep the partial answer. Never raises."""
        if self._reader is None:
            return
        try:
            self._reader.interrupt(reason)
        except Exception:
            logger.exception("The wire %s could not keep a partial answer.", self._wire.KIND)

    def _malformed(self, exc: Exception) -> LLMMalformedResponseError:
        logger.error("The wire %s could not read an event.", self._wire.KIND, exc_info=exc)
        return LLMMalformedResponseError(detail={**whereabouts(exc), "message": redact_text(str(exc))})
