"""Wire formats: one module each, all of the same shape.

A wire module has ``KIND``, ``build_body(request)`` (a ``ModelRequest`` in the provider's own form),
``show(part)`` (a file in that form) and ``read(draft)`` (a ``WireReader`` over decoded upstream events).
It does no I/O. To add a format, write its module, name it in ``WIRES``, and add its stream call to
``providers.clients``.
"""

from dataclasses import replace
from importlib import import_module
from typing import Protocol, cast

from providers.types import Json, MediaPart, ModelRequest
from providers.wires.accumulator import StepAccumulator, WireReader

WIRES = {
    "openai-chat": "providers.wires.openai_chat",
    "openai-responses": "providers.wires.openai_responses",
    "anthropic-messages": "providers.wires.anthropic_messages",
    "gemini-generate": "providers.wires.gemini_generate",
}


class Wire(Protocol):
    """What every module in ``WIRES`` offers."""

    KIND: str

    def build_body(self, request: ModelRequest) -> Json:
        """Return the request body, history included, or raise ``LLMUnsupportedError``."""
        ...

    def show(self, part: MediaPart) -> Json:
        """Return a user's file as it stands in the body, or raise ``LLMUnsupportedError``."""
        ...

    def read(self, draft: StepAccumulator) -> WireReader:
        """Return a reader: prime it with ``next``, feed it events, end it with END_OF_STREAM."""
        ...


def load(kind: str) -> Wire:
    """Return the module that speaks ``kind``; ``KeyError`` when there is none."""
    return cast(Wire, import_module(WIRES[kind]))


def check(request: ModelRequest) -> None:
    """Raise ``LLMUnsupportedError`` where the wire of a new ``request`` has no words for all of it.

    A file whose bytes are not at hand is judged by what is known of it.
    """
    wire = load(request.origin.wire)
    for part in (part for message in request.messages for part in message.parts):
        if isinstance(part, MediaPart):
            wire.show(part if part.url else replace(part, data=part.data or ""))
    wire.build_body(request)
