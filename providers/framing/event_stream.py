"""Turns the bytes of an answer into events, by the rules of the WHATWG's event streams. Pure.

Servers send more than these rules know: an error in a field of its own or as bare JSON between the events, JSON
instead of a stream, a web page, ``[DONE]``. ``EventStream`` understands these too and keeps in ``oddities`` what it
met. However the bytes are cut into pieces, the events are the same. It knows no wire.
Source: https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream
"""

from typing import Any

from providers.framing import json_text
from providers.framing.event_data import EventData, StreamEvent, as_error, text_of
from providers.framing.failures import FramingFailure, TooLong
from providers.framing.json_text import JsonSplitter
from providers.framing.lines import BYTE_ORDER_MARK, LineSplitter
from providers.framing.oddities import Oddity
from providers.text.pages import is_page

_DONE = b"[DONE]"
#: What may stand before a field in a stream that somebody has indented or joined from several streams.
_BEFORE_FIELDS = b" \t" + BYTE_ORDER_MARK
#: Bytes of foreign text that are kept for the trace.
_KEPT_TEXT = 65_536


class EventStream:
    """Reads one answer. Call ``feed`` with each piece of it, then ``finish``, and look at ``failure`` after each."""

    def __init__(self, *, longest_event: int, names_are_types: bool = False) -> None:
        """Take the bytes that an event may have, and whether an event's name stands for a ``type`` that is missing."""
        self._longest_event = longest_event
        self._names_are_types = names_are_types
        self._name = ""
        #: The values of the event's ``data`` fields.
        self._fields: list[bytes] = []
        #: Lines inside the event that are no fields.
        self._loose: list[bytes] = []
        #: Bytes in ``_fields`` and ``_loose``.
        self._held = 0
        #: Reads JSON that stands on several lines without ``data:``.
        self._json: JsonSplitter | None = None
        self._text: list[bytes] = []
        self._text_length = 0
        self._is_stream = False
        #: What stood in the answer beside plain events.
        self.oddities: set[Oddity] = set()
        self._lines = LineSplitter(self.oddities)
        self._data = EventData(self.oddities, names_are_types=names_are_types)

    @property
    def is_done(self) -> bool:
        """Whether ``[DONE]`` has come; everything after it is ignored."""
        return self._data.is_done

    @property
    def failure(self) -> FramingFailure | None:
        """Why the rest cannot be read; the events before it are valid."""
        return self._data.failure

    @property
    def foreign_text(self) -> str:
        """The lines that were neither fields of an event stream nor JSON, at most 64 KiB of them."""
        return b"\n".join(self._text).decode("utf-8", "replace")

    @property
    def is_inside_event(self) -> bool:
        """Whether data of an event has come that is not complete yet."""
        return bool(self._fields or self._json or self._lines.is_inside_field)

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
        if self._fields:
            self._end_unterminated(events)
        if self._json is not None:
            self._abandon_json()
            self.oddities.add(Oddity.CUT)
        return events

    def _take_lines(self, lines: list[bytes], events: list[StreamEvent]) -> None:
        fields, data = self._fields, self._data
        for line in lines:
            if self._json is not None:
                self._continue_json(line, events)
            elif line[:6] == b"data: " and line[6:12] != _DONE:
                fields.append(line[6:])
                self._held += len(line) - 6
                continue
            elif line[:1] == b":":
                self.oddities.add(Oddity.COMMENT)
            elif line:
                self._take_field(line, events)
            elif len(fields) == 1 and not self._loose and (value := json_text.plain_object(fields[0])):
                self._take_plain(value, events)
            elif fields or self._name:
                self._dispatch(events)
            if data.is_done or data.failure is not None:
                return
        if self._held + (self._json.held if self._json else 0) > self._longest_event:
            self._fail_for_size()

    def _fail_for_size(self) -> None:
        self._lines.clear()
        self._fields.clear()
        self._json = None
        self._data.failure = TooLong(self._longest_event)

    def _take_field(self, line: bytes, events: list[StreamEvent]) -> None:
        field, colon, value = line.partition(b":")
        value = value.removeprefix(b" ")
        match field:
            case b"":
                self.oddities.add(Oddity.COMMENT)
            case b"data" if value.startswith(_DONE):
                self._note_done(events)
            case b"data":
                self._fields.append(value)
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
        if self._fields:
            self._dispatch(events)
        self._data.end()

    def _take_plain(self, value: dict[str, Any], events: list[StreamEvent]) -> None:
        """Take the event that a blank line has ended, if its data is one JSON object; the short way for most events."""
        if self._held > self._longest_event:
            self._fail_for_size()
            return
        self._fields.clear()
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
        fields = self._fields
        text = fields[0] if len(fields) == 1 else b"\n".join(fields)
        if len(fields) > 1:
            self.oddities.add(Oddity.MULTI_LINE_DATA)
        fields.clear()
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
            self._data.take_text(name, text, events)
        else:
            if is_lenient:
                self.oddities.add(Oddity.LENIENT_JSON)
            self._data.take_value(name, value, events)
        if loose:
            self._take_loose(name, loose, events)

    def _take_loose(self, name: str, text: bytes, events: list[StreamEvent]) -> None:
        values = json_text.split(text)
        for value in values or ():
            self.oddities.add(Oddity.BARE_JSON)
            self._data.take_value(name, value, events)
        if values is None:
            self._keep_text(text)

    def _take_error_field(self, value: bytes, events: list[StreamEvent]) -> None:
        """Take an error that stands in a field of its own, as llama.cpp sends it, maybe on several lines."""
        if value.startswith(b"{") and json_text.plain_object(value) is None:
            self.oddities.add(Oddity.ERROR_FIELD)
            self._begin_json("error", value, events)
        else:
            self._data.take_error(value, events)

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
        elif self._fields:
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
        self._data.take_value(self._name, as_error(value) if is_field else value, events)

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
        before, is_json = len(events), self._fields[0].lstrip()[:1] in (b"{", b"[", b'"')
        self._dispatch(events)
        if len(events) > before:
            self.oddities.add(Oddity.UNTERMINATED)
        elif self.failure is not None and is_json:
            self._data.failure = None
            self.oddities.add(Oddity.CUT)
