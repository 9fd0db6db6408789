"""The providers' side of the wire formats: one module for each format, all of the same shape.

A module has ``KIND`` (the name of the format in ``providers.wires``), ``PATH`` (the paths that it serves),
``PREFIXES`` (its error form serves paths that begin with one) and the functions of ``EmulatedWire``. Modules
do no I/O. To add a format, write its module and add it to ``WIRES``.
"""

import re
from typing import Protocol

from emulator.actions import Fault, Hint, Speech, Tally
from emulator.http1 import HttpRequest
from emulator.prompt import Prompt
from emulator.wires import anthropic_messages, gemini_generate, openai_chat, openai_responses
from emulator.wires._rules import RequestRules
from emulator.wires.frames import ErrorReply
from providers.types import Json


class Encoder(Protocol):
    """Turns the speech of one answer into frames."""

    def encode(self, speech: Speech) -> bytes:
        """Return the frames for ``speech``; they may be empty.

        The first speech that is not a ping or an error also begins the answer.
        """
        ...


class EmulatedWire(Protocol):
    """The interface of every module in ``WIRES``."""

    KIND: str
    PATH: re.Pattern[str]
    PREFIXES: tuple[str, ...]

    def headers(self) -> dict[str, str]:
        """Return the headers of an answer: its content type, and a request id if the provider sends one."""
        ...

    def read(self, request: HttpRequest, body: Json) -> Prompt:
        """Return the prompt in a request.

        Raises:
            LookupError: the body lacks a field.
            TypeError: a field has a wrong type.
            AttributeError: a field has a wrong type.
        """
        ...

    def refusal(self, request: HttpRequest, body: Json, terms: RequestRules) -> ErrorReply | None:
        """Return the provider's error for the first rule that the request breaks, or ``None``.

        Raises:
            LookupError: the body lacks a field.
            TypeError: a field has a wrong type.
            AttributeError: a field has a wrong type.
        """
        ...

    def encoder(self, prompt: Prompt, tally: Tally) -> Encoder:
        """Return an encoder for one answer; it reports the usage in ``tally``."""
        ...

    def whole(self, prompt: Prompt, text: str) -> Json:
        """Return a complete response that says ``text``, as for a request without streaming."""
        ...

    def error(
        self, fault: Fault, about: str, *, status: int | None = None, hint: Hint | None = None
    ) -> ErrorReply:
        """Return the provider's error; ``about`` is the model, the path or the reason.

        ``status`` and ``hint``, if given, replace the provider's own HTTP status and retry hint.
        """
        ...


#: Chat Completions is last: its error form serves all paths that no other wire claims.
WIRES: tuple[EmulatedWire, ...] = (anthropic_messages, gemini_generate, openai_responses, openai_chat)


def serving(path: str) -> EmulatedWire | None:
    """Return the wire that serves ``path``, or ``None``."""
    return next((wire for wire in WIRES if wire.PATH.fullmatch(path)), None)


def nearest(path: str) -> EmulatedWire:
    """Return the wire whose error form answers an invalid request at ``path``."""
    return next(wire for wire in WIRES if path.startswith(wire.PREFIXES))
