"""Decodes the stream of one provider call with its wire's reader, then sanitizes the events. Pure.

Events that came together are decoded together, and pieces of one text are joined before anything else handles them:
in a burst, that is most of the work. If a reader raises anything but an ``LLMError``, the provider's answer was
malformed: the error is an ``LLMMalformedResponseError`` then.
"""

import logging
from collections.abc import Iterable, Iterator

from providers import wires
from providers.call.sanitizer import Sanitizer
from providers.errors import LLMError, LLMMalformedResponseError
from providers.errors.translation import whereabouts
from providers.framing.event_data import StreamEvent
from providers.security.redaction import redact_text
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
        #: The error that the last event reported, or that reading it caused. What was read before it is valid.
        self.failure: LLMError | None = None

    @property
    def is_under_way(self) -> bool:
        """Whether reading has begun."""
        return self._reader is not None

    def begin(self) -> None:
        """Prepare for the first event. Before this call, ``decode`` returns nothing and ``interrupt`` does nothing."""
        self._reader = wires.read(self._wire, self._accumulator)

    def decode(self, events: Iterable[StreamEvent]) -> list[ModelEvent]:
        """Return the sanitized model events of upstream events, up to the one that fails.

        Returns an empty list once the stream is over. Look at ``failure`` afterwards.
        """
        reader, found, clean = self._reader, list[ModelEvent](), list[ModelEvent]()
        if reader is None:
            return clean
        try:
            for name, event in events:
                if decoded := reader.take(event, name):
                    self.pieces += isinstance(decoded[-1], _PIECES)
                    found += decoded
                if reader.failure is not None:
                    break
        except Exception as exc:  # noqa: BLE001 - all become an LLMError
            self.failure = exc if isinstance(exc, LLMError) else self._malformed(exc)
        try:
            for joined in _joined(found):
                clean += self._sanitizer.sanitize(joined)
        except Exception as exc:  # noqa: BLE001 - as above
            self.failure = self._malformed(exc)
        self.failure = self.failure or reader.failure
        return clean

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


def _joined(events: list[ModelEvent]) -> Iterator[ModelEvent]:
    """Yield ``events`` with the neighbouring pieces of one text, thought or call joined."""
    pieces: list[str] = []
    last: TextDelta | ReasoningDelta | ToolCallDelta | None = None
    for event in events:
        if type(event) is TextDelta and type(last) is TextDelta and type(event.text) is str:
            # The short way for most events.
            pieces.append(event.text)
            continue
        text = _piece(event)
        if last is not None and (text is None or not _continues(last, event)):
            yield _with_text(last, pieces)
            last = None
        if text is None:
            yield event
        elif last is None:
            last, pieces = event, [text]  # type: ignore[assignment]  # only such an event has a piece
        else:
            pieces.append(text)
    if last is not None:
        yield _with_text(last, pieces)


def _piece(event: ModelEvent) -> str | None:
    """Return the text that ``event`` adds; ``None`` if it is another kind of event, or its text is none."""
    match event:
        case TextDelta(text=str(text)) | ReasoningDelta(text=str(text)) | ToolCallDelta(arguments=str(text)):
            return text
        case _:
            return None


def _continues(last: TextDelta | ReasoningDelta | ToolCallDelta, event: ModelEvent) -> bool:
    match event:
        case TextDelta():
            return isinstance(last, TextDelta)
        case ReasoningDelta(index=index):
            return isinstance(last, ReasoningDelta) and last.index == index
        case ToolCallDelta(id=id):
            return isinstance(last, ToolCallDelta) and last.id == id
        case _:
            return False


def _with_text(last: TextDelta | ReasoningDelta | ToolCallDelta, pieces: list[str]) -> ModelEvent:
    if len(pieces) == 1:
        return last
    text = "".join(pieces)
    match last:
        case TextDelta():
            return TextDelta(text)
        case ReasoningDelta():
            return ReasoningDelta(text, last.index)
        case ToolCallDelta():
            return ToolCallDelta(last.id, text)
