"""Turns the data of one event into events: objects, and what servers send in their place. Pure.

Data may be a list, JSON that was encoded twice, several values, words, or the end of the stream.
"""

import re
from typing import Any

from providers.framing import json_text
from providers.framing.event_names import KEEPALIVES, names_error
from providers.framing.failures import FramingFailure, Unreadable
from providers.framing.oddities import Oddity
from providers.text.cleaning import clean

#: An event's name (empty without one) and its data, a JSON object.
type StreamEvent = tuple[str, dict[str, Any]]

#: Words that say nothing, beside those of a keep-alive.
_SILENT = KEEPALIVES | {"undefined", "none"}
#: Other ways to say ``[DONE]``: as data, or as the name of an empty event.
_ENDS = frozenset({"[done]", "done", "[end]", "<done>", "end", "eof", "[eof]"})
#: The prefixes of data that was framed again, once or many times.
_FRAMES = re.compile(rb"(?:data:\s*+)++", re.IGNORECASE)
_NO_WORDS = "The provider sent an error without a description."


class EventData:
    """The events of one answer. What data say is appended to the ``events`` of each method."""

    def __init__(self, oddities: set[Oddity], *, names_are_types: bool) -> None:
        """Take the set to add oddities to, and whether an event's name stands for a ``type`` that is missing."""
        self._oddities = oddities
        self._names_are_types = names_are_types
        #: Whether ``[DONE]`` has come; everything after it is ignored.
        self.is_done = False
        #: Why the rest cannot be read; the events before it are valid.
        self.failure: FramingFailure | None = None

    def end(self) -> None:
        """Note that ``[DONE]`` has come."""
        self.is_done = True
        self._oddities.add(Oddity.DONE)

    def take_value(self, name: str, value: Any, events: list[StreamEvent]) -> None:
        """Take a decoded JSON value."""
        if type(value) is dict:
            if not value and name.lower() in _ENDS:
                self.end()
                return
            if name and self._names_are_types and "type" not in value:
                value["type"] = name
            events.append((name, value))
        elif type(value) is list:
            for item in value:
                if isinstance(item, dict):
                    self.take_value(name, item, events)
        elif type(value) is str:
            self._take_string(name, value, events)

    def take_text(self, name: str, text: bytes, events: list[StreamEvent]) -> None:
        """Take data that is not one JSON value."""
        stripped = text.strip()
        word = stripped[:20].decode("utf-8", "replace").lower()
        if name and names_error(name) and not stripped.startswith((b"{", b"[")):
            events.append((name, as_error(text_of(text).strip() or _NO_WORDS)))
        elif not stripped:
            self._oddities.add(Oddity.EMPTY_EVENT)
        elif word in _ENDS:
            self.end()
        elif frames := _FRAMES.match(stripped):
            # A proxy that frames once more what was framed.
            self._oddities.add(Oddity.ENCODED_TWICE)
            self._take_framed(name, stripped[frames.end() :], events)
        elif word in _SILENT or name in _SILENT or word.startswith(":"):
            self._oddities.add(Oddity.KEEPALIVE_WORD)
        elif word.startswith("error:"):
            self.take_error(stripped[6:].lstrip(), events)
        elif (values := json_text.split(text)) is not None:
            if len(values) > 1:
                self._oddities.add(Oddity.MERGED_EVENTS)
            for value in values:
                self.take_value(name, value, events)
        else:
            self.failure = Unreadable(name, text)

    def take_error(self, text: bytes, events: list[StreamEvent]) -> None:
        """Take an error that stood behind ``error:``, as JSON or in words."""
        self._oddities.add(Oddity.ERROR_FIELD)
        try:
            error, _ = json_text.parse(text)
        except ValueError:
            error = text_of(text)
        events.append(("error", as_error(error)))

    def _take_string(self, name: str, value: str, events: list[StreamEvent]) -> None:
        if value.lstrip().startswith("{"):
            self._oddities.add(Oddity.ENCODED_TWICE)
            self.take_text(name, value.encode("utf-8", "replace"), events)
        elif value.lower() in _ENDS:
            self.end()
        elif name == "error":
            events.append((name, as_error(value)))

    def _take_framed(self, name: str, text: bytes, events: list[StreamEvent]) -> None:
        try:
            value, _ = json_text.parse(text)
        except ValueError:
            self.take_text(name, text, events)
        else:
            self.take_value(name, value, events)


def text_of(data: bytes) -> str:
    """Return ``data`` as clean text."""
    return clean(data.decode("utf-8", "replace"))


def as_error(value: Any) -> dict[str, Any]:
    """Return ``value``, an error outside of ``data:``, in the form that it has there."""
    if isinstance(value, dict):
        return value if value.get("error") else {"error": value}
    return {"error": {"message": str(value)}}
