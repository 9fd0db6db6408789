"""Wire formats: one module each, all of the same shape. No I/O.

A wire module has ``KIND``, ``build_body(request)`` (a ``ModelRequest`` in the provider's form), ``show(part)`` (a file in
that form) and ``decoder(accumulator)`` (a ``WireDecoder`` for one stream). To add a format, write its module, name it in
``WIRES``, and add its stream call to ``providers.clients``.
"""

from dataclasses import replace
from importlib import import_module
from typing import Protocol, cast

from providers.types import Json, MediaPart, ModelRequest
from providers.wires.accumulator import StepAccumulator
from providers.wires.reading import StreamReader, WireDecoder

#: The module of each wire, by its ``KIND``.
WIRES = {
    "openai-chat": "providers.wires.openai_chat",
    "openai-responses": "providers.wires.openai_responses",
    "anthropic-messages": "providers.wires.anthropic_messages",
    "gemini-generate": "providers.wires.gemini_generate",
}

#: The wires whose events say in ``type`` what they are; servers that copy them may say it in the event's name alone.
TYPED_EVENTS = frozenset({"openai-responses", "anthropic-messages"})


class Wire(Protocol):
    """What every module in ``WIRES`` offers."""

    KIND: str

    def build_body(self, request: ModelRequest) -> Json:
        """Return the request body as JSON, history included.

        Raises:
            LLMUnsupportedError: the API cannot express something in ``request``.
        """
        ...

    def show(self, part: MediaPart) -> Json:
        """Return a user's file in the form that it has in the body.

        Raises:
            LLMUnsupportedError: the API does not accept this file.
        """
        ...

    def decoder(self, accumulator: StepAccumulator) -> WireDecoder:
        """Return a decoder for one stream. It writes what it understands to ``accumulator``."""
        ...


def load(kind: str) -> Wire:
    """Return the module for the wire ``kind``.

    Raises:
        KeyError: there is no such wire.
    """
    return cast(Wire, import_module(WIRES[kind]))


def read(wire: Wire, accumulator: StepAccumulator) -> StreamReader:
    """Return a reader for one stream of ``wire``. Feed it each decoded event, then call ``end`` or ``interrupt``.

    The answer is in ``accumulator`` afterwards, complete or not.
    """
    return StreamReader(wire.decoder(accumulator), accumulator)


def check(request: ModelRequest) -> None:
    """Check that the wire of a new request can express all of it.

    A file whose bytes are not loaded yet is checked by its kind and type alone.

    Raises:
        LLMUnsupportedError: the API cannot express something in ``request``.
    """
    wire = load(request.origin.wire)
    for part in (part for message in request.messages for part in message.parts):
        if isinstance(part, MediaPart):
            wire.show(part if part.url else replace(part, data=part.data or ""))
    wire.build_body(request)
