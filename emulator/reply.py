"""Sends one HTTP response and records its status and bytes in the exchange."""

import asyncio
import socket
import struct
from collections.abc import Mapping

from emulator.exchanges import EmulatedExchange, ExchangeLog
from emulator.http1 import LAST_CHUNK, format_chunk, format_head
from emulator.wires.frames import ErrorReply, dump

#: ``SO_LINGER`` on, for 0 seconds: closing sends a reset and discards unsent bytes.
_NO_LINGER = struct.pack("ii", 1, 0)


class Reply:
    """Writes the answer of ``exchange``, in one piece or in chunks."""

    def __init__(self, writer: asyncio.StreamWriter, log: ExchangeLog, exchange: EmulatedExchange) -> None:
        self._writer = writer
        self._log = log
        self._exchange = exchange

    @property
    def is_open(self) -> bool:
        """Return whether the headers have been sent."""
        return self._exchange.status is not None

    async def whole(
        self, status: int, content_type: str, body: bytes, headers: Mapping[str, str] | None = None
    ) -> None:
        """Send a complete response."""
        length = {"content-type": content_type, "content-length": str(len(body))}
        self._writer.write(format_head(status, {**length, **(headers or {})}) + body)
        self._note(status=status, sent=len(body))
        await self._flushed()

    async def refuse(self, error: ErrorReply) -> None:
        """Send a provider's own error."""
        await self.whole(error.status, "application/json", dump(error.body), error.headers)

    async def open(self, headers: Mapping[str, str], *, status: int = 200) -> None:
        """Send the status and the headers of an answer whose body follows in chunks."""
        self._writer.write(
            format_head(status, {**headers, "cache-control": "no-cache", "transfer-encoding": "chunked"})
        )
        self._note(status=status)
        await self._writer.drain()

    async def write(self, data: bytes) -> None:
        """Send ``data`` as one chunk. Wait while the socket's buffer is full, and let other tasks run."""
        self._writer.write(format_chunk(data))
        self._note(sent=len(data))
        await self._writer.drain()
        # `drain` does not wait while the socket accepts all bytes.
        await asyncio.sleep(0)

    async def end(self) -> None:
        """End the body; return when the operating system has accepted the last byte."""
        self._writer.write(LAST_CHUNK)
        await self._flushed()

    def reset(self) -> None:
        """Abort the connection: the peer reads a reset."""
        connection = self._writer.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
        self._writer.transport.abort()

    def break_off(self) -> None:
        """Close the connection after the bytes written so far, even if the body is not complete."""
        self._writer.close()

    def _note(self, *, status: int | None = None, sent: int = 0) -> None:
        if status is not None:
            self._exchange.status = status
        self._exchange.bytes_sent += sent
        self._log.notify()

    async def _flushed(self) -> None:
        transport = self._writer.transport
        transport.set_write_buffer_limits(high=0)
        await self._writer.drain()
        transport.set_write_buffer_limits()
