"""Function calls as both OpenAI wires stream them: a name, then pieces of JSON text.

Knows what makes a call usable. It must never know in which events the pieces came.
"""

import re
from hashlib import sha256

from providers.text.arguments import object_of
from providers.text.cleaning import joined
from providers.types import Json, ToolCallPart
from providers.types.events import ModelEvent, ToolCallDelta, ToolCallFinished, ToolCallStarted
from providers.wires.accumulator import StepAccumulator
from providers.wires.argument_stream import ArgumentStream

#: A function's name on both wires.
FUNCTION_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")
#: Tools of one request, and characters of a tool's description, at OpenAI itself.
MOST_TOOLS = 128
LONGEST_DESCRIPTION = 1_024


class OpenAiCall:
    """One function call so far. What it means is appended to the ``out`` of each method."""

    __slots__ = ("_accumulator", "_text", "id", "name", "opaque", "upstream_id", "whole")

    def __init__(self, accumulator: StepAccumulator, upstream_id: str | None) -> None:
        self._accumulator = accumulator
        self.upstream_id = upstream_id
        #: Both empty until the name is known; until then nothing is said about the call.
        self.id = ""
        self.name = ""
        #: Fields of the call that go back unchanged, such as a signature.
        self.opaque: Json = {}
        #: The arguments have come to their end, whatever they say.
        self.whole = False
        self._text = ArgumentStream()

    @property
    def arguments(self) -> str:
        """The argument text so far, as it has been shown."""
        return self._text.shown

    @property
    def has_arguments(self) -> bool:
        """Whether there is any argument text, shown or not."""
        return bool(self._text.raw.strip())

    @property
    def is_object(self) -> bool:
        """Whether the arguments are a whole JSON object."""
        return self._text.is_object

    @property
    def is_understood(self) -> bool:
        """Whether the arguments so far stand for an object."""
        return object_of(self._text.raw) is not None

    @property
    def raw_arguments(self) -> str:
        """The argument text as it came, shown or not."""
        return self.arguments if self.whole else self._text.raw

    def begin(self, name: str, out: list[ModelEvent]) -> None:
        """Take the name; later ones are repetitions."""
        if name and not self.name:
            self.id, self.name = self._accumulator.call_id(self.upstream_id), name
            out.append(ToolCallStarted(self.id, name))
            self._show(self.arguments, out)

    def extend(self, piece: str, out: list[ModelEvent]) -> None:
        """Take more of the argument text."""
        if piece and not self.whole:
            self._show(self._text.take(piece), out)

    def complete(self, arguments: str, out: list[ModelEvent]) -> None:
        """Take the whole argument text; what was streamed already is not said again."""
        if not self.whole:
            self._show(self._text.complete(arguments), out)

    def finish(self, out: list[ModelEvent]) -> None:
        """Note that no more pieces will come. A call without arguments has empty ones."""
        if self.whole or not self.name:
            return
        self._show(self._text.end(), out)
        self.whole = True
        out.append(ToolCallFinished(self.id))

    def cut(self, out: list[ModelEvent]) -> None:
        """Note that the answer was cut. The call is complete only if its arguments are a JSON object by now."""
        if self.is_object:
            self.finish(out)
        elif not self.whole:
            self._show(self._text.cut(), out)

    def as_part(self) -> ToolCallPart | None:
        """Return the call in our terms; ``None`` while its name is not known."""
        if not self.name:
            return None
        return ToolCallPart(id=self.id, name=self.name, arguments=self.arguments, complete=self.whole)

    def _show(self, text: str, out: list[ModelEvent]) -> None:
        if text and self.name:
            out.append(ToolCallDelta(self.id, text))


def remainder(pieces: list[str], whole: str) -> str:
    """Return the end of ``whole`` that ``pieces`` lack, nothing when they say something else."""
    said = joined(pieces)
    return whole[len(said) :] if len(whole) > len(said) and whole.startswith(said) else ""


def sendable_id(call_id: str, *, longest: int) -> str:
    """Return ``call_id``, or a stable shorter one where another provider's has too many characters."""
    if len(call_id) <= longest:
        return call_id
    return f"call_{sha256(call_id.encode('utf-8', 'surrogatepass')).hexdigest()[: longest - 5]}"


def exact_id(call_id: str, *, length: int) -> str:
    """Return ``call_id`` if it is so many letters and digits, else a stable one that is."""
    if len(call_id) == length and call_id.isascii() and call_id.isalnum():
        return call_id
    return sha256(call_id.encode("utf-8", "surrogatepass")).hexdigest()[:length]


def parameters(schema: Json) -> Json:
    """Return a tool's JSON Schema; both wires want an object, also where there are no parameters."""
    return schema or {"type": "object", "properties": {}}
