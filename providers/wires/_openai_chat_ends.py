"""How a Chat Completions answer ended: its own end reason, and that of the provider behind a gateway. Pure."""

from typing import Any

from providers.errors import LLMContentFilterError, LLMError, LLMProviderOverloadedError
from providers.errors.events import error_in
from providers.errors.translation import from_payload
from providers.types import FinishReason, Json
from providers.wires.finish_reasons import failure, meaning
from providers.wires.shapes import object_in, text_in

#: DeepSeek's word for an answer that had to be broken off.
_OVERLOADED = "insufficient_system_resource"

#: Where a choice says why it ended.
_NAMES = ("finish_reason", "finishReason", "finish_details", "done_reason")

#: Ends that cut the answer wherever it was: half a tool call is nobody's mistake then.
_CUTS = (FinishReason.MAX_TOKENS_EXCEEDED, FinishReason.CONTENT_FILTER)


class AnswerEnd:
    """The end reason of an answer, as far as it is known. A reason that says more replaces one that says less."""

    def __init__(self) -> None:
        #: The provider's own word; ``None`` while there is none.
        self.raw: str | None = None
        self._choice: Json = {}
        self._error: Any = None
        self._weight = -1

    @property
    def meaning(self) -> FinishReason | type[LLMError] | None:
        """What the reason means; ``None`` for none, and for a word that nobody knows."""
        meant = meaning(self.raw)
        # Here a filter stops an answer that may have begun; the words before it are an answer.
        return FinishReason.CONTENT_FILTER if meant is LLMContentFilterError else meant

    @property
    def is_cut(self) -> bool:
        """Whether the answer stopped before it was complete, and yet is one."""
        return self.meaning in _CUTS

    def note(self, choice: Json) -> bool:
        """Take the reasons of one choice, an error in it among them; return whether there are any."""
        if (error := _error_in(choice)) is not None:
            self._error, self.raw, self._weight = error, "error", _weight("error")
            return True
        # A gateway's own word decides whether this is an end: the provider's may stand on earlier chunks too.
        own = next((word for name in _NAMES if (word := _word(choice.get(name)))), None)
        own = own or _word(object_in(choice.get("delta")).get("finish_reason"))
        if "finish_reason" not in choice:
            # Beside ``finish_reason``, vLLM says here which token stopped it.
            own = own or _word(choice.get("stop_reason"))
        if own is None:
            return False
        for word in (own, _word(choice.get("native_finish_reason"))):
            if word is not None and (weight := _weight(word)) > self._weight:
                self.raw, self._weight, self._choice = word, weight, choice
        return True

    def failure(self, *, has_text: bool) -> LLMError | None:
        """Return the error that stands in the choice, or that the reason stands for; ``None`` if there is none."""
        if self._error:
            return from_payload({"error": self._error}, status=None)
        if self.meaning is FinishReason.CONTENT_FILTER:
            results = self._choice.get("content_filter_results")
            return None if has_text else LLMContentFilterError(detail={"content_filter_results": results})
        if self.raw is not None and self.raw.lower() == _OVERLOADED:
            return LLMProviderOverloadedError(detail={"reason": self.raw})
        return failure(self.raw)


def _error_in(choice: Json) -> Any:
    """Return the error in a choice, its delta or its message; ``None`` without one."""
    for place in (choice, choice.get("delta"), choice.get("message")):
        if isinstance(place, dict) and "error" in place and error_in({"error": place["error"]}):
            return place["error"]
    return None


def _word(value: Any) -> str | None:
    if value is None:
        return None
    if isinstance(value, dict):
        value = next(
            (text for name in ("type", "reason", "value") if (text := text_in(value.get(name)))), None
        )
    if isinstance(value, str):
        word = value.strip()
        return None if word.lower() in {"", "null", "none"} else word
    return str(value) if value else None


def _weight(word: str) -> int:
    match meaning(word):
        case FinishReason.END_TURN:
            return 1
        case FinishReason.TOOL_CALLS:
            return 2
        case None:
            return 3 if word.lower() == _OVERLOADED else 0
        case _:
            return 3
