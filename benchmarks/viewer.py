"""A WebSocket client with little CPU cost: it searches the bytes for stamps and parses no frames."""

import asyncio
import base64
import json
import os
import re
import time
from typing import Any

from benchmarks.figures import LONGEST_STAMP, STAMP, Figures

_ENDS = (b'"type":"RUN_FINISHED"', b'"type":"RUN_ERROR"', b'{"type":"error"')

#: A ping frame's first two bytes: what it is, and how long its payload is.
_PING = re.compile(rb"\x89[\x00-\x7d]", re.DOTALL)


class Viewer(asyncio.Protocol):
    """A socket that starts one run and reads it to its end."""

    def __init__(self, *, port: int, token: str, frame: dict[str, Any], figures: Figures) -> None:
        self._request = (
            f"GET /ws/ HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Key: {base64.b64encode(os.urandom(16)).decode()}\r\n"
            f"Sec-WebSocket-Version: 13\r\nAuthorization: Bearer {token}\r\n\r\n"
        ).encode()
        self._frame = _masked(json.dumps(frame).encode())
        self._figures = figures
        self._tail = b""
        self._transport: asyncio.Transport | None = None
        loop = asyncio.get_running_loop()
        self.is_ready = loop.create_future()
        self.has_ended = loop.create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.write(self._request)

    def start(self) -> None:
        """Start the run."""
        assert self._transport is not None
        self._transport.write(self._frame)

    def leave(self) -> None:
        """Abort the connection without a close frame."""
        assert self._transport is not None
        self._transport.abort()

    def data_received(self, data: bytes) -> None:
        now = time.monotonic() * 1e3
        self._answer_pings(data)
        seen = self._tail + data
        if not self.is_ready.done():
            if b'"type":"ready"' in seen:
                self.is_ready.set_result(None)
            self._tail = seen[-64:]
            return
        ages = self._figures.ages
        before = len(ages)
        end = 0
        for stamp in STAMP.finditer(seen):
            ages.append(now - int(stamp[1]) / 1e3)
            end = stamp.end()
        self._figures.tokens += len(ages) - before
        # Keep enough bytes for a divided stamp or end mark, but no stamp that was counted.
        self._tail = seen[max(end, len(seen) - max(LONGEST_STAMP, *map(len, _ENDS))) :]
        if any(mark in seen for mark in _ENDS) and not self.has_ended.done():
            if _ENDS[2] in seen or _ENDS[1] in seen:
                self.has_ended.set_exception(RuntimeError(seen.decode(errors="replace")[-500:]))
            else:
                self.has_ended.set_result(None)

    def _answer_pings(self, data: bytes) -> None:
        """Send a pong for whatever looks like a ping: the server closes sockets that send none, and ignores others."""
        for ping in _PING.finditer(data):
            payload = data[ping.end() : ping.end() + ping[0][1]]
            if len(payload) == ping[0][1] and self._transport is not None:
                self._transport.write(bytes([0x8A, 0x80 | len(payload)]) + bytes(4) + payload)

    def connection_lost(self, error: Exception | None) -> None:
        for future in (self.is_ready, self.has_ended):
            if not future.done():
                future.set_exception(ConnectionError(f"closed after {self._tail!r}"))
                # Mark the exception as retrieved: nobody awaits it after ``leave``.
                future.exception()


def _masked(payload: bytes) -> bytes:
    """Return a text frame, masked with zeros (RFC 6455, section 5.3)."""
    length = bytes([0x80 | len(payload)]) if len(payload) < 126 else b"\xfe" + len(payload).to_bytes(2)
    return b"\x81" + length + bytes(4) + payload
