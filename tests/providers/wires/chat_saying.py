"""What a person gets of a Chat Completions stream: cases that carry their own expectation."""

from dataclasses import dataclass, field
from typing import Any

from providers.errors import (
    LLMError,
)
from providers.types import FinishReason, Json, ProviderItemPart, ReasoningPart
from providers.types.quirks import NONE, Quirks
from tests.providers.wires.chat_chunks import chunk, play
from tests.providers.wires.playing import Told, check_consistent

LOCAL = Quirks(thoughts_may_be_the_answer=True, thoughts_may_be_in_tags=True)

HI, STOP = chunk(content="Hi"), chunk("stop")
#: A part of a message's content that is a thought.
THINKING = {"type": "thinking", "thinking": "Hm. "}


@dataclass(frozen=True, kw_only=True)
class Said:
    """A stream, and what a person gets of it."""

    stream: list[Any]
    text: str = ""
    thoughts: str = ""
    calls: list[tuple[str, str]] = field(default_factory=list)
    items: list[str] = field(default_factory=list)
    stop: FinishReason | None = FinishReason.END_TURN
    error: type[LLMError] | None = None
    quirks: Quirks = NONE

    def check(self) -> Told:
        told = play(self.stream, quirks=self.quirks)
        check_consistent(told)
        result = told.result
        assert (result.text, self.thoughts_of(told)) == (self.text, self.thoughts)
        assert [(call.name, call.arguments) for call in result.tool_calls] == self.calls
        assert [part.kind for part in result.parts if isinstance(part, ProviderItemPart)] == self.items
        assert (type(told.raised), result.stop_reason) == (self.error or type(None), self.stop)
        return told

    @staticmethod
    def thoughts_of(told: Told) -> str:
        return "".join(part.text for part in told.result.parts if isinstance(part, ReasoningPart))


def choice(**fields: Any) -> Json:
    return {"id": "chatcmpl-1", "model": "m", "choices": [{"index": 0} | fields]}


def whole(content: Any, reason: str | None = "stop", **message: Any) -> Json:
    answer = {"role": "assistant", "content": content} | message
    return choice(message=answer, finish_reason=reason) | {"object": "chat.completion"}
