"""Which pieces of ``delta.tool_calls`` belong together.

OpenAI numbers the calls and sends id and name once. Others number every call 0, leave out the
number or the id, repeat the name, send a fresh id with every piece, or one call where a list was meant.
"""

from typing import Any

from providers.text.arguments import object_of, parsed, text_of
from providers.types import Json
from providers.types.events import ModelEvent
from providers.wires._openai_calls import OpenAiCall
from providers.wires._openai_chat_message import AssistantMessage
from providers.wires._openai_chat_shapes import opaque_fields
from providers.wires.accumulator import StepAccumulator
from providers.wires.answerable_history import UNNAMED
from providers.wires.shapes import index_in, object_in, text_in

#: Where servers put the arguments of a function; a custom tool has ``input``.
_ARGUMENTS = ("arguments", "input", "parameters", "args")


class ChatCalls:
    """The function calls of one message."""

    def __init__(self, accumulator: StepAccumulator, message: AssistantMessage) -> None:
        self._accumulator = accumulator
        self._message = message
        self._calls: list[OpenAiCall] = []
        self._by_index: dict[int, OpenAiCall] = {}

    def __bool__(self) -> bool:
        return any(call.name for call in self._calls)

    @property
    def are_unusable(self) -> bool:
        """Whether there is a call that nobody can execute, because it has arguments and neither name nor id."""
        return any(not call.name and call.has_arguments for call in self._calls)

    @property
    def are_whole(self) -> bool:
        """Whether the arguments of every call are a JSON object, or absent."""
        return all(call.name and (call.is_object or not call.has_arguments) for call in self._calls)

    def take(self, pieces: Any, out: list[ModelEvent]) -> None:
        """Take the pieces of one chunk."""
        taken: list[OpenAiCall] = []
        for piece in _listed(pieces):
            read = _Piece(piece)
            if read.says_something:
                call = self._find(read)
                if read.is_anonymous and call in taken:
                    # Without numbers and ids, the pieces of one chunk are as many calls.
                    call = self._add(read)
                read.add_to(call, out)
                taken.append(call)

    def take_whole(self, pieces: Any, out: list[ModelEvent]) -> None:
        """Take all calls once more, as they stand in a whole message; those that are known by now are repetitions."""
        before = [call for call in self._calls if call.name]
        by_id = {call.upstream_id: call for call in before if call.upstream_id}
        without_id = iter([call for call in before if not call.upstream_id])
        for position, piece in enumerate(map(_Piece, _listed(pieces))):
            if piece.upstream_id:
                call = by_id.get(piece.upstream_id) or next(without_id, None)
            else:
                call = before[position] if position < len(before) else None
            if call is None or (piece.name and piece.name != call.name):
                call = self._add(piece)
            piece.add_to(call, out)

    def finish_complete(self, out: list[ModelEvent], *, are_announced: bool) -> None:
        """Note an end of the answer: calls whose arguments are an object need not wait for what may follow it.

        ``are_announced``: whether the end is one of calls. Absent arguments do not come any more then.
        """
        for call in self._calls:
            if call.is_understood if are_announced else call.arguments and call.is_object:
                call.finish(out)

    def conclude(self, out: list[ModelEvent], *, cut: bool) -> None:
        """Note that nothing follows; when the answer was ``cut``, the arguments may have been, too."""
        for call in self._calls:
            if cut:
                call.cut(out)
            else:
                if not call.name and call.upstream_id:
                    # The run answers it like a call of an unknown tool, and executes the others.
                    call.begin(UNNAMED, out)
                call.finish(out)

    def _find(self, piece: "_Piece") -> OpenAiCall:
        index, upstream_id = piece.index, piece.upstream_id
        same_id = next(
            (call for call in self._calls if upstream_id and call.upstream_id == upstream_id), None
        )
        if index is not None:
            call = self._by_index.get(index)
            if call is not None and same_id is not None and not (piece.name and piece.name != same_id.name):
                # The calls share a number, and their pieces come in turns.
                call = same_id
            elif call is None and same_id is not None and _repeats(same_id, piece):
                call = same_id
        elif upstream_id and (same_id is not None or piece.name):
            call = same_id
        else:
            call = self._calls[-1] if self._calls else None
        if call is None or _begins_another(call, piece):
            call = self._add(piece)
        call.upstream_id = call.upstream_id or upstream_id
        return call

    def _add(self, piece: "_Piece") -> OpenAiCall:
        call = OpenAiCall(self._accumulator, piece.upstream_id)
        self._calls.append(call)
        self._message.put_call(call)
        if piece.index is not None:
            self._by_index[piece.index] = call
        return call


class _Piece:
    """One piece of a call, whatever shape a server gave it."""

    __slots__ = ("index", "name", "opaque", "text", "upstream_id")

    def __init__(self, piece: Json) -> None:
        function = _decoded(piece.get("function")) or object_in(piece.get("custom")) or piece
        self.index = index_in(piece.get("index"))
        self.upstream_id = _identity(piece.get("id"))
        self.name = text_in(function.get("name"))
        found = next((value for name in _ARGUMENTS if (value := function.get(name)) is not None), None)
        self.text = text_of(found)
        self.opaque = opaque_fields(piece)
        if function is not piece and (inner := opaque_fields(function)):
            self.opaque["function"] = inner

    @property
    def says_something(self) -> bool:
        """Whether there is more than a number in it."""
        return bool(self.name or self.text or self.upstream_id or self.opaque)

    @property
    def is_anonymous(self) -> bool:
        """Whether a name alone tells which call it is of."""
        return bool(self.name) and self.index is None and not self.upstream_id

    def add_to(self, call: OpenAiCall, out: list[ModelEvent]) -> None:
        # Some servers say all of a call so far in each piece.
        is_cumulative = bool(self.name) and self.name == call.name and call.has_arguments
        call.opaque |= self.opaque
        call.begin(self.name, out)
        if is_cumulative and self.text.startswith(call.raw_arguments):
            call.complete(self.text, out)
        else:
            call.extend(self.text, out)


def _listed(pieces: Any) -> list[Json]:
    """Return the pieces; some servers send one alone, an object of them by their numbers, or either as text."""
    if isinstance(pieces, str):
        pieces = parsed(pieces)
    if isinstance(pieces, dict):
        values = list(pieces.values())
        is_numbered = bool(pieces) and all(index_in(key) is not None for key in pieces)
        pieces = values if is_numbered else [pieces]
    return [piece for piece in pieces if isinstance(piece, dict)] if isinstance(pieces, list) else []


def _decoded(function: Any) -> Json:
    return object_in(parsed(function) if isinstance(function, str) else function)


def _identity(value: Any) -> str | None:
    return (
        str(value) if isinstance(value, (str, int)) and not isinstance(value, bool) and value != "" else None
    )


def _begins_another(call: OpenAiCall, piece: _Piece) -> bool:
    """Return whether a piece that is numbered like ``call`` begins the next one all the same."""
    if not piece.name or not call.name:
        return False
    if piece.upstream_id and call.upstream_id:
        return piece.upstream_id != call.upstream_id
    is_named = bool(piece.text) or piece.name != call.name
    return is_named and call.is_object and not (piece.index is not None and _repeats(call, piece))


def _repeats(call: OpenAiCall, piece: _Piece) -> bool:
    """Return whether ``piece`` says the whole of ``call`` once more."""
    is_same = piece.name == call.name and call.is_object
    return is_same and object_of(piece.text) == object_of(call.raw_arguments)
