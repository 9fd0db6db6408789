"""Wire formats: one module each, all of the same shape.

A wire module has ``KIND``, ``build_body(request)`` (a ``ModelRequest`` in the provider's own form)
and ``read(draft)`` (a ``WireReader`` over decoded upstream events). It does no I/O. To add a
format, write its module, name it in ``WIRES``, and add its stream call to ``providers.clients``.
"""

from importlib import import_module
from typing import Protocol, cast

from providers.types import Json, ModelRequest
from providers.wires.draft import StepDraft, WireReader

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
        """Return the request body, history included."""
        ...

    def read(self, draft: StepDraft) -> WireReader:
        """Return a reader: prime it with ``next``, feed it events, end it with END_OF_STREAM."""
        ...


def load(kind: str) -> Wire:
    """Return the module that speaks ``kind``; ``KeyError`` when there is none."""
    return cast(Wire, import_module(WIRES[kind]))
