"""Decodes the stream of one provider call: its wire's reader, and the sanitizer behind it. Pure.

An exception of a reader that is no ``LLMError`` means that the provider sent a malformed answer, and becomes one.
"""

import logging
from collections.abc import Iterator
from typing import Any

from providers import wires
from providers.call.sanitizer import Sanitizer
from providers.errors import LLMError, LLMMalformedResponseError
from providers.errors.translation import whereabouts
from providers.security.redaction import redact_text
from providers.types.events import ModelEvent
from providers.wires import Wire
from providers.wires.accumulator import StepAccumulator
from providers.wires.reading import StreamReader

logger = logging.getLogger("runnel.providers")


class Decoder:
    """Reads one stream into ``accumulator``."""

    def __init__(self, wire: Wire, accumulator: StepAccumulator) -> None:
        self._wire = wire
        self._accumulator = accumulator
        self._sanitizer = Sanitizer()
        self._reader: StreamReader | None = None

    @property
    def is_under_way(self) -> bool:
        """Whether reading has begun."""
        return self._reader is not None

    def begin(self) -> None:
        """Prepare for the first event. Without this call, events mean nothing and an interrupt changes nothing."""
        self._reader = wires.read(self._wire, self._accumulator)

    def understand(self, event: Any) -> list[ModelEvent]:
        """Return what one decoded upstream event means, sanitized; nothing once the stream is over.

        Raises:
            LLMError: the event reports a failure, or it is malformed.
        """
        if self._reader is None:
            return []
        try:
            meant = self._reader.take(event)
            return [passed for one in meant for passed in self._sanitizer.let_through(one)]
        except LLMError:
            raise
        except Exception as exc:
            raise self._malformed(exc) from exc

    def conclude(self) -> list[ModelEvent]:
        """Note that the stream has ended by itself. The end itself means no event, so the list is empty.

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
        return []

    def release(self) -> Iterator[ModelEvent]:
        """Yield the half characters that the sanitizer still holds back. Call it when no more events will come."""
        return self._sanitizer.release()

    def interrupt(self, reason: BaseException) -> None:
        """Stop reading because of ``reason``, and keep the answer so far. It raises nothing."""
        if self._reader is None:
            return
        try:
            self._reader.interrupt(reason)
        except Exception:
            logger.exception("The wire %s could not keep a partial answer.", self._wire.KIND)

    def _malformed(self, exc: Exception) -> LLMMalformedResponseError:
        logger.error("The wire %s could not read an event.", self._wire.KIND, exc_info=exc)
        return LLMMalformedResponseError(detail={**whereabouts(exc), "message": redact_text(str(exc))})
