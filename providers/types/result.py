"""What a provider call returns: why it ended, and all that it said and used."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from providers.types.messages import Json, Part, TextPart, ToolCallPart
from providers.types.usage import Usage


class FinishReason(StrEnum):
    """Why a call ended that did not fail. A failure is an ``LLMError`` instead."""

    #: The model said all it had to say (also after a stop sequence).
    END_TURN = "end_turn"
    #: The model waits for the results of function calls.
    TOOL_CALLS = "tool_calls"
    #: The provider ended the answer within its own turn: the model goes on when it gets the answer back.
    PAUSE_TURN = "pause_turn"
    #: The output limit cut the answer.
    MAX_TOKENS_EXCEEDED = "max_tokens_exceeded"
    #: A refusal in words, or a filter that stopped an answer after it had begun.
    CONTENT_FILTER = "content_filter"


@dataclass(frozen=True, kw_only=True, slots=True)
class StepResult:
    """The whole result of one call; a partial result if the call was cut or failed."""

    parts: tuple[Part, ...]
    native: tuple[Json, ...]
    #: ``None`` when the call did not come to its end.
    stop_reason: FinishReason | None
    #: The provider's own word for it.
    raw_stop_reason: str | None
    usage: Usage
    #: The usage object(s) exactly as the wire sent them.
    raw_usage: Json | None
    response_id: str | None
    #: The model that answered, as the provider names it.
    model: str | None
    #: True exactly when a cancel closed the stream after its 2xx headers and before its end.
    stream_was_cancelled: bool
    #: The response in the provider's own non-streaming shape, for the trace.
    response: Mapping[str, Any]
    #: Names of calls other than of functions that wait for a client of the provider's own. Nobody here executes them.
    unexecuted: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """The answer's text parts, joined without separators."""
        return "".join(part.text for part in self.parts if isinstance(part, TextPart))

    @property
    def tool_calls(self) -> tuple[ToolCallPart, ...]:
        """The answer's function calls in order, complete or not."""
        return tuple(part for part in self.parts if isinstance(part, ToolCallPart))
