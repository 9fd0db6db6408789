"""The providers' side of the wire formats: one module each, all of the same shape.

A module has ``KIND`` (the name that ``providers.wires`` gives the format), ``PATH`` (the paths that
it serves), ``PREFIXES`` (of the paths whose mistakes it answers) and the functions of ``EmulatedWire``. It does
no I/O. To add a format, write its module and name it in ``WIRES``.
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
    """Speaks one answer."""

    def encode(self, speech: Speech) -> bytes:
        """Return the frames for ``speech``, perhaps none; the first call also begins the answer."""
        ...


class EmulatedWire(Protocol):
    """What every module in ``WIRES`` offers."""

    KIND: str
    PATH: re.Pattern[str]
    PREFIXES: tuple[str, ...]

    def headers(self) -> dict[str, str]:
        """Return the headers of an answer: its content type, and its id where the provider has one."""
        ...

    def read(self, request: HttpRequest, body: Json) -> Prompt:
        """Return what a script may know; ``LookupError``, ``TypeError``… for what is not of this form."""
        ...

    def refusal(self, request: HttpRequest, body: Json, terms: RequestRules) -> ErrorReply | None:
        """Return the provider's error for the first rule that the request breaks, or ``None``.

        Raises what ``read`` raises.
        """
        ...

    def encoder(self, prompt: Prompt, tally: Tally) -> Encoder:
        """Return a speaker for one answer that reports the usage in ``tally``."""
        ...

    def whole(self, prompt: Prompt, text: str) -> Json:
        """Return the answer ``text`` in one piece, as who does not ask for a stream gets it."""
        ...

    def error(
        self, fault: Fault, about: str, *, status: int | None = None, hint: Hint | None = None
    ) -> ErrorReply:
        """Return the provider's error; ``about`` is the model, the path or the reason.

        ``status`` and ``hint`` say it with another status, and another time to wait, than the provider's own.
        """
        ...


#: Chat Completions last: whatever is nobody else's is answered in its form.
WIRES: tuple[EmulatedWire, ...] = (anthropic_messages, gemini_generate, openai_responses, openai_chat)


def serving(path: str) -> EmulatedWire | None:
    """Return the wire that serves ``path``, or ``None``."""
    return next((wire for wire in WIRES if wire.PATH.fullmatch(path)), None)


def nearest(path: str) -> EmulatedWire:
    """Return the wire in whose form a mistake at ``path`` is answered."""
    return next(wire for wire in WIRES if path.startswith(wire.PREFIXES))
