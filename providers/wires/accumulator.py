"""What a step has said so far: the mutable half of a ``StepResult``, filled by one wire reader.

It exists from before the first byte, so that a call that is cut or fails at any moment still has
a result. Only a wire reader writes to it; it does no I/O.
"""

from collections.abc import Generator
from typing import Any
from uuid import uuid4

from providers.types import FinishReason, Json, Part, StepResult
from providers.types import quirks as known_quirks
from providers.types.events import ModelEvent
from providers.types.quirks import Quirks
from providers.types.usage import Usage

#: Fed to a reader when the upstream stream has ended cleanly.
END_OF_STREAM: Any = object()

#: A plain generator: it is sent decoded upstream events and yields what each one meant.
type WireReader = Generator[list[ModelEvent], Any, None]


class StepAccumulator:
    """Collects parts, native items, usage and ids while a stream is read."""

    def __init__(self, *, quirks: Quirks = known_quirks.NONE) -> None:
        """Take how the server differs from its wire, for the reader to heed."""
        self.quirks = quirks
        self.parts: list[Part] = []
        self.native: list[Json] = []
        self.usage = Usage()
        self.raw_usage: Json | None = None
        self.stop_reason: FinishReason | None = None
        self.raw_stop_reason: str | None = None
        self.response_id: str | None = None
        self.model: str | None = None
        self.response: Json = {}
        #: The wire's terminal event has been read: from here on there is nothing left to cut.
        self.terminal = False
        self.stream_was_cancelled = False
        self._call_ids: set[str] = set()

    def call_id(self, upstream: str | None) -> str:
        """Return ``upstream``, or a minted id where it is empty or was used before."""
        call_id = upstream or f"call_{uuid4().hex}"
        if call_id in self._call_ids:
            call_id = f"{call_id}_{uuid4().hex[:8]}"
        self._call_ids.add(call_id)
        return call_id

    def cancelled(self) -> None:
        """Note that a cancel reached the open stream; it cut something unless the end was read."""
        self.stream_was_cancelled = not self.terminal

    def result(self) -> StepResult:
        """Freeze what there is."""
        return StepResult(
            parts=tuple(self.parts),
            native=tuple(self.native),
            stop_reason=self.stop_reason,
            raw_stop_reason=self.raw_stop_reason,
            usage=self.usage,
            raw_usage=self.raw_usage,
            response_id=self.response_id,
            model=self.model,
            stream_was_cancelled=self.stream_was_cancelled,
            response=dict(self.response),
        )
