"""The answer of one model call so far: the mutable counterpart of a ``StepResult``. No I/O.

It exists before the first byte arrives, so a call that is cut or fails at any moment still has a result. Only the
wire's decoder, its ``StreamReader`` and ``LateUsage`` write to it.
"""

from typing import Any
from uuid import uuid4

from providers.errors import LLMConnectionError, LLMEmptyResponseError, LLMError
from providers.types import FinishReason, Json, ModelRequest, Part, Role, StepResult
from providers.types import quirks as known_quirks
from providers.types.quirks import Quirks
from providers.types.usage import Usage


class StepAccumulator:
    """Collects parts, native items, usage and ids while a stream is read."""

    def __init__(self, *, quirks: Quirks = known_quirks.NONE) -> None:
        """Start empty.

        Args:
            quirks: how the server differs from its wire; decoders read it.
        """
        self.quirks = quirks
        #: Whether the call follows tool results or the provider's own pause. The model may have nothing to add then.
        self.follows_results = False
        #: The most output tokens that the request allows; ``None`` if it names no limit.
        self.output_limit: int | None = None
        self.parts: list[Part] = []
        self.native: list[Json] = []
        self.usage = Usage()
        self.raw_usage: Json | None = None
        self.stop_reason: FinishReason | None = None
        self.raw_stop_reason: str | None = None
        self.response_id: str | None = None
        self.model: str | None = None
        self.response: Json = {}
        #: Names of calls that wait for a client of the provider's own.
        self.unexecuted: tuple[str, ...] = ()
        #: Whether the wire's terminal event has been read. After it, a cancel cuts nothing.
        self.terminal = False
        #: Whether ``[DONE]`` has come. Nothing follows it, so a complete answer before it needs no terminal event.
        self.is_done = False
        self.stream_was_cancelled = False
        self._call_ids: set[str] = set()

    @property
    def is_over(self) -> bool:
        """Whether the answer's end has been read; only its usage may follow."""
        return self.terminal or self.is_done

    def expect_answer_to(self, request: ModelRequest) -> None:
        """Note what of ``request`` decides how its answer is read. Its calls' ids are given to no call of the answer."""
        self.output_limit = request.options.max_output_tokens
        self.follows_results = any(message.role is not Role.USER for message in request.messages[-1:])
        self._call_ids.update(request.used_call_ids)

    def call_id(self, upstream: str | None) -> str:
        """Return an id for a function call that is unique within this answer, and not reserved.

        Some servers count their calls from 0 in every answer, or name them by their function.

        Args:
            upstream: the id that the provider gave the call. It is kept, unless it is empty or already in use.
        """
        call_id = upstream or f"call_{uuid4().hex}"
        if call_id in self._call_ids:
            # No longer than 40 characters, which is the least that a provider accepts.
            call_id = f"{call_id[:31]}_{uuid4().hex[:8]}"
        self._call_ids.add(call_id)
        return call_id

    def empty_answer(self, *, detail: dict[str, Any] | None = None) -> LLMError | None:
        """Return the error of an answer that ended regularly without content; ``None`` if it may."""
        return None if self.follows_results else LLMEmptyResponseError(detail=detail)

    def incomplete_answer(self) -> LLMError:
        """Return the error of a stream that ended before the answer did."""
        return LLMConnectionError("The stream ended before the answer was complete. Try again.")

    def result(self) -> StepResult:
        """Return an immutable copy of what has been collected."""
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
            unexecuted=self.unexecuted,
        )
