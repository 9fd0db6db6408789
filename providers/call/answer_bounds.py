"""Holds one answer to the limits for its text, its arguments and its calls. Pure."""

from providers.call import size_errors
from providers.call.limits import SizeLimits
from providers.types.events import ModelEvent, ReasoningDelta, TextDelta, ToolCallDelta, ToolCallStarted


class AnswerBounds:
    """Counts the events of one answer."""

    def __init__(self, limits: SizeLimits) -> None:
        self._limits = limits
        self._text = self._arguments = self._calls = 0

    def count(self, event: ModelEvent) -> None:
        """Count ``event``.

        Raises:
            LLMOversizedResponseError: with ``event``, the answer is beyond a limit.
        """
        match event:
            case TextDelta() | ReasoningDelta():
                self._text += len(event.text)
                if self._text > self._limits.text:
                    raise size_errors.text(self._limits.text)
            case ToolCallDelta():
                self._arguments += len(event.arguments)
                if self._arguments > self._limits.arguments:
                    raise size_errors.arguments(self._limits.arguments)
            case ToolCallStarted():
                self._calls += 1
                if self._calls > self._limits.calls:
                    raise size_errors.calls(self._limits.calls)
            case _:
                pass
