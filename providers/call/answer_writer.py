"""Writes the events of one answer to the sink, within the limits of an answer."""

import asyncio
from collections.abc import Iterable
from datetime import UTC, datetime

from providers.call.answer_bounds import AnswerBounds
from providers.call.limits import SizeLimits
from providers.call.sink import EventSink
from providers.types.events import ModelEvent, ReasoningDelta, TextDelta, ToolCallStarted

#: The events of which one is the first token of an answer.
_TOKENS = (TextDelta, ReasoningDelta, ToolCallStarted)


class AnswerWriter:
    """Writes one answer."""

    def __init__(self, sink: EventSink, limits: SizeLimits) -> None:
        self._sink = sink
        self._bounds = AnswerBounds(limits)
        self.first_token_at: datetime | None = None
        #: Whether it waits for room in the sink.
        self.is_waiting = False

    def write(self, events: Iterable[ModelEvent]) -> None:
        """Write ``events``.

        Raises:
            LLMOversizedResponseError: with one of them, the answer is beyond a limit; those before it are written.
            Exception: raised by the sink.
        """
        for event in events:
            self._bounds.count(event)
            if self.first_token_at is None and isinstance(event, _TOKENS):
                self.first_token_at = datetime.now(UTC)
            self._sink.write(event)

    def write_rest(self, events: Iterable[ModelEvent]) -> None:
        """Write what is left of an answer that has ended, beyond its limits too. Raises what the sink raises."""
        for event in events:
            self._sink.write(event)

    async def wait_for_room(self) -> None:
        """Wait until the sink can take more events, and let other tasks run: a burst is read without a real wait.

        Raises:
            Exception: raised by the sink.
        """
        self.is_waiting = True
        try:
            await self._sink.ready()
        finally:
            self.is_waiting = False
        await asyncio.sleep(0)
