"""Which pieces of ``delta.tool_calls`` belong together.

OpenAI numbers the calls and sends id and name once. Others number every call 0, leave out the
number or the id, repeat the name, or send a fresh id with every piece.
"""

from typing import Any

from providers.types import Json
from providers.types.events import ModelEvent
from providers.wires._openai_calls import OpenAiCall, argument_text, is_object
from providers.wires._openai_chat_message import AssistantMessage
from providers.wires.accumulator import StepAccumulator


class ChatCalls:
    """The function calls of one message."""

    def __init__(self, accumulator: StepAccumulator, message: AssistantMessage) -> None:
        self._accumulator = accumulator
        self._message = message
        self._calls: list[OpenAiCall] = []
        self._by_index: dict[Any, OpenAiCall] = {}
        self._is_finished = False

    def __bool__(self) -> bool:
        return bool(self._calls)

    @property
    def are_unusable(self) -> bool:
        """Whether there is a call that nobody can execute: without a name, or without JSON."""
        return not all(call.whole for call in self._calls)

    def take(self, pieces: list[Json], out: list[ModelEvent]) -> None:
        """Take the pieces of one chunk; after the end there are none."""
        if self._is_finished:
            return
        for piece in pieces:
            function = piece.get("function") or {}
            name, text = function.get("name") or "", argument_text(function.get("arguments"))
            call = self._find(piece.get("index"), piece.get("id") or None, name, text)
            call.begin(name, out)
            call.extend(text, out)

    def finish(self, out: list[ModelEvent], *, cut: bool) -> None:
        """Note the end of the answer; when it was ``cut``, the arguments may have been, too."""
        self._is_finished = True
        for call in self._calls:
            if not cut or is_object(call.arguments):
                call.finish(out)

    def _find(self, index: Any, upstream_id: str | None, name: str, text: str) -> OpenAiCall:
        if index is not None:
            call = self._by_index.get(index)
        elif upstream_id:
            call = next((known for known in self._calls if known.upstream_id == upstream_id), None)
            if call is None and not name and self._calls:
                call = self._calls[-1]
        else:
            call = self._calls[-1] if self._calls else None
        if call is None or _begins_another(call, upstream_id, name, text):
            call = OpenAiCall(self._accumulator, upstream_id)
            self._calls.append(call)
            self._message.put_call(call)
            self._by_index[index] = call
        call.upstream_id = call.upstream_id or upstream_id
        return call


def _begins_another(call: OpenAiCall, upstream_id: str | None, name: str, text: str) -> bool:
    """Return whether a piece that is numbered like ``call`` begins the next one all the same."""
    if not name or not call.name:
        return False
    if upstream_id and call.upstream_id:
        return upstream_id != call.upstream_id
    return bool(text) and is_object(call.arguments)
