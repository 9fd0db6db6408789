"""Reads the binary frames in which Amazon's ``InvokeModel`` streams events. Pure.

Each frame is: its length and its headers' length (4 bytes each), a checksum of these, the headers, the payload, and a
checksum of all before. The payload of a ``chunk`` is JSON whose ``bytes`` is an event in base64; any other message
is an error.
Source: https://smithy.io/2.0/aws/amazon-eventstream.html
"""

import struct
from base64 import b64decode
from typing import Any
from zlib import crc32

from providers.framing import json_text
from providers.framing.event_data import StreamEvent
from providers.framing.failures import Damaged, FramingFailure, TooLong
from providers.framing.oddities import Oddity

_PRELUDE = struct.Struct(">III")
_CHECKSUM = struct.Struct(">I")
_STRING = 7


class AwsFrames:
    """Reads one answer. It has the same methods and attributes as ``EventStream``."""

    foreign_text = ""

    def __init__(self, *, longest_event: int) -> None:
        """Take the bytes that a frame may have."""
        self._longest_event = longest_event
        self._buffer = bytearray()
        self.oddities: set[Oddity] = set()
        self.is_done = False
        self.failure: FramingFailure | None = None

    @property
    def is_inside_event(self) -> bool:
        """Whether part of a frame has come that is not complete yet."""
        return bool(self._buffer)

    def feed(self, piece: bytes) -> list[StreamEvent]:
        """Return the events that ``piece``, the next bytes of the answer, completes."""
        events: list[StreamEvent] = []
        self._buffer += piece
        while self.failure is None and len(self._buffer) >= _PRELUDE.size:
            length, headers_length, checksum = _PRELUDE.unpack_from(self._buffer)
            if crc32(self._buffer[:8]) != checksum or length < headers_length + 16:
                self.failure = Damaged("A frame's prelude is damaged.")
            elif length > self._longest_event:
                self.failure = TooLong(self._longest_event)
            elif len(self._buffer) < length:
                break
            else:
                frame = bytes(self._buffer[:length])
                del self._buffer[:length]
                self._take(frame, headers_length, events)
        return events

    def finish(self) -> list[StreamEvent]:
        """Return no events: a frame without its end is dropped."""
        if self._buffer:
            self.oddities.add(Oddity.CUT)
        return []

    def _take(self, frame: bytes, headers_length: int, events: list[StreamEvent]) -> None:
        payload = frame[_PRELUDE.size + headers_length : -_CHECKSUM.size]
        try:
            if (crc32(frame[: -_CHECKSUM.size]),) != _CHECKSUM.unpack_from(frame, len(frame) - 4):
                raise ValueError("the checksum of a frame is wrong")
            headers = _headers(frame[_PRELUDE.size : _PRELUDE.size + headers_length])
            value = json_text.parse(payload)[0] if payload else {}
            if headers.get(":message-type", "event") == "event":
                if isinstance(value, dict) and "bytes" in value:
                    value = json_text.parse(b64decode(value["bytes"]))[0]
                    if isinstance(value, dict):
                        events.append(("", value))
                return
        except (ValueError, TypeError, IndexError, struct.error) as exc:
            self.failure = Damaged(f"A frame is damaged: {exc}")
            return
        name = headers.get(":exception-type") or headers.get(":error-code") or "error"
        message = headers.get(":error-message") or (value.get("message") if isinstance(value, dict) else "")
        events.append(("error", {"type": "error", "error": {"type": name, "message": message or name}}))


def _headers(data: bytes) -> dict[str, Any]:
    """Return the headers that are strings; in these messages all are."""
    headers = {}
    at = 0
    while at < len(data):
        end = at + 1 + data[at]
        name = data[at + 1 : end].decode()
        if data[end] != _STRING:
            raise ValueError(f"the header {name} is no string")
        (length,) = struct.unpack_from(">H", data, end + 1)
        at = end + 3 + length
        headers[name] = data[end + 3 : at].decode("utf-8", "replace")
    return headers
