"""What is understood of one call's stream: its wire's reader, and the boundary behind it. Pure.

Whatever a reader raises that is no answer of the provider's is a mistake in the answer, and told as one.
"""

import logging
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from providers.call.sanitizer import Sanitizer
from providers.errors import LLMError, LLMMalformedResponseError
from providers.errors.translation import whereabouts
from providers.security.redaction import redact_text
from providers.types.events import ModelEvent
from providers.wires import Wire
from providers.wires.accumulator import END_OF_STREAM, StepAccumulator, WireReader

logger = logging.getLogger("runnel.providers")


class Decoder:
    """Reads one stream into ``draft``."""

    def __init__(self, wire: Wire, draft: StepAccumulator) -> None:
        self._wire = wire
        self._draft = draft
        self._boundary = Sanitizer()
        self._reader: WireReader | None = None

    @property
    def is_under_way(self) -> bool:
        """Whether there is a reader that wants more."""
        return self._reader is not None

    def begin(self) -> None:
        """Be ready for the first event."""
        self._reader = self._wire.read(self._draft)
        next(self._reader)

    def understand(self, event: Any) -> list[ModelEvent]:
        """Return what an upstream event means, clean. Raises ``LLMError``."""
        if self._reader is None:
            return []
        try:
            said = self._reader.send(event)
            return [passed for meant in said for passed in self._boundary.let_through(meant)]
        except StopIteration:
            self._reader = None
            return []
        except LLMError:
            raise
        except Exception as exc:
            logger.exception("The wire %s could not read an event.", self._wire.KIND)
            detail = {**whereabouts(exc), "message": redact_text(str(exc))}
            raise LLMMalformedResponseError(detail=detail) from exc

    def conclude(self) -> list[ModelEvent]:
        """Return what the end of the stream means. Raises ``LLMError``."""
        return self.understand(END_OF_STREAM)

    def release(self) -> Iterator[ModelEvent]:
        """Yield what was held back, when nothing more will come."""
        return self._boundary.release()

    def interrupt(self, reason: BaseException) -> None:
        """Throw ``reason`` into the reader, which keeps what was said; it cannot change the reason."""
        if self._reader is None:
            return
        try:
            with suppress(StopIteration, type(reason)):
                self._reader.throw(reason)
        except Exception:
            logger.exception("The wire %s could not keep a partial answer.", self._wire.KIND)
        self._reader = None
