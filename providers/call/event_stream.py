"""Turns the bytes of an answer into events, by the rules of the WHATWG's event streams. Pure.

Servers send more than these rules know: an error in a field of its own or as bare JSON between the events, JSON
instead of a stream, a web page, ``[DONE]``. ``EventStream`` understands these too and keeps in ``oddities`` what it
met. However the bytes are cut into pieces, the events are the same. It knows no wire.
Source: https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream
"""

import re
from typing import Any

from providers.call import event_errors, json_text, size_errors
from providers.call.event_errors import text_of
from providers.call.json_text import JsonSplitter
from providers.call.lines import BYTE_ORDER_MARK, LineSplitter
from providers.call.oddities import Oddity
from providers.errors import LLMError
from providers.errors.events import names_error
from providers.errors.pages import is_page

#: An event's name (empty without one) and its data, a JSON object.
type StreamEvent = tuple[str, dict[str, Any]]

_DONE = b"[DONE]"
#: The prefixes of data that was framed again, once or many times.
_FRAMES = re.compile(rb"(?:data:\s*+)++", re.IGNORECASE)
#: What may stand before a field in a stream that somebody has indented or joined from several streams.
_BEFORE_FIELDS = b" \t" + BYTE_ORDER_MARK
#: Data or names that say only that the connection lives, or nothing.
_KEEPALIVES = frozenset(
    {"ping", "pong", "keepalive", "keep-alive", "keep_alive", "heartbeat", "undefined", "none"}
)
#: Other ways to say ``[DONE]``: as data, or as the name of an empty event.
_ENDS = frozenset({"[done]", "done", "[end]", "<done>", "end", "eof", "[eof]"})
#: Bytes of foreign text that are kept for the trace.
_KEPT_TEXT = 65_536


class EventStream:
    """Reads one answer. Call ``feed`` with each piece of it, then ``finish``, and look at ``failure`` after each."""

    def __init__(self, *, longest_event: int, names_are_types: bool = False) -> None:
        """Take the bytes that an event may have, and whether an event's name stands for a ``type`` that is missing."""
        self._longest_event = longest_event
        self._names_are_types = names_are_types
        self._name = ""
        self._data: list[bytes] = []
        #: Lines inside the event that are no fields.
        self._loose: list[bytes] = []
        #: Bytes in ``_data`` and ``_loose``.
        self._held = 0
        #: Reads JSON that stands on several lines without ``data:``.
        self._json: JsonSplitter | None = None
        self._text: list[bytes] = []
        self._text_length = 0
        self._is_stream = False
        #: What stood in the answer beside plain events.
        self.oddities: set[Oddity] = set()
        self._lines = LineSplitter(self.oddities)
        #: Whether ``[DONE]`` has come; everything after it is ignored.
        self.is_done = False
        #: Why the rest cannot be read; the events before it are valid.
        self.failure: LLMError | None = None

    @property
    def foreign_text(self) -> str:
        """The lines that were neither fields of an event stream nor JSON, at most 64 KiB of them."""
        return b"\n".join(self._text).decode("utf-8", "replace")

    @property
    def is_inside_event(self) -> bool:
        """Whether data of an event has come that is not complete yet."""
        return bool(self._data or self._json or self._lines.is_inside_field)

    def feed(self, piece: bytes) -> list[StreamEvent]:
        """Return the events that ``piece``, the next bytes of the answer, completes."""
        events: list[StreamEvent] = []
        if self.is_done or self.failure is not None:
            return events
        if lines := self._lines.feed(piece):
            self._take_lines(lines, events)
        if self._lines.held and self._held + self._lines.held > self._longest_event:
            self._fail_for_size()
        return events

    def finish(self) -> list[StreamEvent]:
        """Return the events that the end of the answer completes."""
        events: list[StreamEvent] = []
        if self.is_done or self.failure is not None:
            return events
        if lines := self._lines.finish():
            self._take_lines(lines, events)
        if self._data:
            self._end_unterminated(events)
        if self._json is not None:
            self._abandon_json()
            self.oddities.add(Oddity.CUT)
        return events

    def _take_lines(self, lines: list[bytes], events: list[StreamEvent]) -> None:
        data = self._data
        for line in lines:
            if self._json is not None:
                self._continue_json(line, events)
            elif line[:6] == b"data: " and line[6:12] != _DONE:
                data.append(line[6:])
                self._held += len(line) - 6
                continue
            elif line[:1] == b":":
                self.oddities.add(Oddity.COMMENT)
            elif line:
                self._take_field(line, events)
            elif len(data) == 1 and not self._loose and (value := json_text.plain_object(data[0])):
                self._take_plain(value, events)
            elif data or self._name:
                self._dispatch(events)
            if self.is_done or self.failure is not None:
                return
        if self._held + (self._json.held if self._json else 0) > self._longest_event:
            self._fail_for_size()

    def _fail_for_size(self) -> None:
        self._lines.clear()
        self._data.clear()
        self._json = None
        self.failure = size_errors.event(self._longest_event)

    def _take_field(self, line: bytes, events: list[StreamEvent]) -> None:
        field, colon, value = line.partition(b":")
        value = value.removeprefix(b" ")
        match field:
            case b"":
                self.oddities.add(Oddity.COMMENT)
            case b"data" if value.startswith(_DONE):
                self._note_done(events)
            case b"data":
                self._data.append(value)
                self._held += len(value)
            case b"event":
                self._name = value.decode("utf-8", "replace").strip()
            case b"id":
                self.oddities.add(Oddity.ID)
            case b"retry":
                self.oddities.add(Oddity.RETRY)
            case b"error" if colon:
                self._take_error_field(value, events)
            case _:
                self._take_foreign_line(line, events)

    def _note_done(self, events: list[StreamEvent]) -> None:
        if self._data:
            self._dispatch(events)
        self.is_done = True
        self.oddities.add(Oddity.DONE)

    def _take_plain(self, value: dict[str, Any], events: list[StreamEvent]) -> None:
        """Take the event that a blank line has ended, if its data is one JSON object; the short way for most events."""
        if self._held > self._longest_event:
            self._fail_for_size()
            return
        self._data.clear()
        self._held = 0
        self._is_stream = True
        name, self._name = self._name, ""
        if name and self._names_are_types and "type" not in value:
            value["type"] = name
        events.append((name, value))

    def _dispatch(self, events: list[StreamEvent]) -> None:
        """Take the event that a blank line has ended."""
        if self._held > self._longest_event:
            self._fail_for_size()
            return
        name, self._name = self._name, ""
        lines = self._data
        text = lines[0] if len(lines) == 1 else b"\n".join(lines)
        if len(lines) > 1:
            self.oddities.add(Oddity.MULTI_LINE_DATA)
        lines.clear()
        self._held = 0
        self._is_stream = True
        loose = b"\n".join(self._loose)
        self._loose.clear()
        try:
            value, is_lenient = json_text.parse(text)
        except ValueError:
            if loose:
                # A server that prefixes only the first line of JSON that it has spread over several.
                text, loose = text + b"\n" + loose, b""
            self._take_text(name, text, events)
        else:
            if is_lenient:
                self.oddities.add(Oddity.LENIENT_JSON)
            self._take_value(name, value, events)
        if loose:
            self._take_loose(name, loose, events)

    def _take_loose(self, name: str, text: bytes, events: list[StreamEvent]) -> None:
        values = json_text.split(text)
        for value in values or ():
            self.oddities.add(Oddity.BARE_JSON)
            self._take_value(name, value, events)
        if values is None:
            self._keep_text(text)

    def _take_value(self, name: str, value: Any, events: list[StreamEvent]) -> None:
        if type(value) is dict:
            if not value and name.lower() in _ENDS:
                self._note_done(events)
                return
            if name and self._names_are_types and "type" not in value:
                value["type"] = name
            events.append((name, value))
        elif type(value) is list:
            for item in value:
                if isinstance(item, dict):
                    self._take_value(name, item, events)
        elif type(value) is str:
            self._take_string(name, value, events)

    def _take_string(self, name: str, value: str, events: list[StreamEvent]) -> None:
        if value.lstrip().startswith("{"):
            self.oddities.add(Oddity.ENCODED_TWICE)
            self._take_text(name, value.encode("utf-8", "replace"), events)
        elif value.lower() in _ENDS:
            self._note_done(events)
        elif name == "error":
            events.append((name, event_errors.as_event(value)))

    def _take_text(self, name: str, text: bytes, events: list[StreamEvent]) -> None:
        """Take the data of an event that is not one JSON value."""
        stripped = text.strip()
        word = stripped[:20].decode("utf-8", "replace").lower()
        if name and names_error(name) and not stripped.startswith((b"{", b"[")):
            events.append((name, event_errors.from_words(text)))
        elif not stripped:
            self.oddities.add(Oddity.EMPTY_EVENT)
        elif word in _ENDS:
            self._note_done(events)
        elif frames := _FRAMES.match(stripped):
            # A proxy that frames once more what was framed.
            self.oddities.add(Oddity.ENCODED_TWICE)
            self._take_again(name, stripped[frames.end() :], events)
        elif word in _KEEPALIVES or name in _KEEPALIVES or word.startswith(":"):
            self.oddities.add(Oddity.KEEPALIVE_WORD)
        elif word.startswith("error:"):
            self._take_error_field(stripped[6:].lstrip(), events)
        elif (values := json_text.split(text)) is not None:
            if len(values) > 1:
                self.oddities.add(Oddity.MERGED_EVENTS)
            for value in values:
                self._take_value(name, value, events)
        else:
            self.failure = event_errors.unreadable(name, text)

    def _take_again(self, name: str, text: bytes, events: list[StreamEvent]) -> None:
        try:
            value, _ = json_text.parse(text)
        except ValueError:
            self._take_text(name, text, events)
        else:
            self._take_value(name, value, events)

    def _take_error_field(self, value: bytes, events: list[StreamEvent]) -> None:
        """Take an error that stands in a field of its own, as llama.cpp sends it."""
        self.oddities.add(Oddity.ERROR_FIELD)
        try:
            error, _ = json_text.parse(value)
        except ValueError:
            if value.startswith(b"{"):
                self._begin_json("error", value, events)
                return
            error = text_of(value)
        events.append(("error", event_errors.as_event(error)))

    def _take_foreign_line(self, line: bytes, events: list[StreamEvent]) -> None:
        text = line.lstrip(_BEFORE_FIELDS)
        if Oddity.WEB_PAGE in self.oddities:
            self._keep_text(line)
        elif text != line and text.startswith((b"data:", b"event:")):
            if BYTE_ORDER_MARK in line[: len(line) - len(text)]:
                self.oddities.add(Oddity.BYTE_ORDER_MARK)
            self._take_field(text, events)
        elif text.startswith(_DONE):
            self._note_done(events)
        elif not text:
            return
        elif self._data:
            self._loose.append(line)
            self._held += len(line)
        elif text[:1] in (b"{", b"["):
            self._begin_json(self._name, text, events)
        else:
            if not self._is_stream and is_page(text_of(text[:40])):
                self.oddities.add(Oddity.WEB_PAGE)
            self._keep_text(line)

    def _begin_json(self, name: str, line: bytes, events: list[StreamEvent]) -> None:
        self._name = name
        try:
            value, _ = json_text.parse(line)
        except ValueError:
            self._json = JsonSplitter()
            self._continue_json(line, events)
        else:
            self._take_bare_value(value, events)
            self._name = ""

    def _continue_json(self, line: bytes, events: list[StreamEvent]) -> None:
        splitter = self._json
        if splitter is None or line.startswith((b"data:", b"event:", b":")):
            # It was none, or it was cut off, and the stream goes on.
            self._abandon_json()
            self._take_lines([line], events)
            return
        try:
            for text in splitter.feed(line):
                self._take_bare_value(json_text.parse(text)[0], events)
        except ValueError:
            self._keep_text(line)
        if not splitter.is_open:
            if splitter.is_broken or not splitter.has_split:
                self._keep_text(line)
            self._json = None
            self._name = ""

    def _take_bare_value(self, value: Any, events: list[StreamEvent]) -> None:
        is_field = self._name == "error" and Oddity.ERROR_FIELD in self.oddities
        if not is_field:
            self.oddities.add(Oddity.BARE_JSON if self._is_stream else Oddity.WHOLE_JSON)
        self._take_value(self._name, event_errors.as_event(value) if is_field else value, events)

    def _abandon_json(self) -> None:
        if self._json is not None:
            self._keep_text(self._json.rest)
            self._json = None
            self._name = ""

    def _keep_text(self, line: bytes) -> None:
        self.oddities.add(Oddity.FOREIGN_TEXT)
        if self._text_length < _KEPT_TEXT:
            self._text.append(line[: _KEPT_TEXT - self._text_length])
            self._text_length += len(line)

    def _end_unterminated(self, events: list[StreamEvent]) -> None:
        """Take the last event, which no blank line has ended, unless it is cut."""
        before, is_json = len(events), self._data[0].lstrip()[:1] in (b"{", b"[", b'"')
        self._dispatch(events)
        if len(events) > before:
            self.oddities.add(Oddity.UNTERMINATED)
        elif self.failure is not None and is_json:
            self.failure = None
            self.oddities.add(Oddity.CUT)
