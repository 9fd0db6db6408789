"""Where an attack of ``benchmarks.attacks`` goes, for how long, and what it has counted."""

import asyncio
import base64
import contextlib
import random
import re
import time
from collections import Counter
from dataclasses import dataclass, field

#: Bytes that are written at once.
PIECE = 64 * 1024
_CODE = re.compile(rb'"code":"(\w+)"')


@dataclass(kw_only=True, slots=True)
class Attacker:
    """Where an attack goes, for how long, and what it has counted."""

    port: int
    #: An API token of the attacking user; a stranger does not use it.
    token: str
    seconds: float
    chance: random.Random
    counts: Counter[str] = field(default_factory=Counter)
    _end: float = 0.0

    def is_on(self) -> bool:
        """Return whether the attack goes on."""
        self._end = self._end or time.monotonic() + self.seconds
        return time.monotonic() < self._end

    def left(self) -> float:
        """Return the seconds that are left of the attack."""
        return max(0.0, self._end - time.monotonic()) if self.is_on() else 0.0

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection("127.0.0.1", self.port)

    async def socket(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Open a WebSocket of the attacking user and wait for its first frame."""
        reader, writer = await self.connect()
        key = base64.b64encode(self.chance.randbytes(16)).decode()
        writer.write(
            f"GET /ws/ HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n"
            f"Authorization: Bearer {self.token}\r\n\r\n".encode()
        )
        await reader.readuntil(b"\r\n\r\n")
        first = await reader.readuntil(b"}")
        self.counts["ready" if b'"ready"' in first else "refused"] += 1
        return reader, writer

    async def count_answers(self, reader: asyncio.StreamReader) -> None:
        """Read to the end; count the codes of errors, pongs and bytes."""
        with contextlib.suppress(ConnectionError):
            while piece := await reader.read(PIECE):
                self.counts["bytes read"] += len(piece)
                self.counts["pong"] += piece.count(b'"pong"')
                self.counts["ok"] += piece.count(b'"type":"ok"')
                for code in _CODE.findall(piece):
                    self.counts[code.decode()] += 1
        self.counts["closed"] += 1

    async def flood(self, piece: bytes, frames: int, *, per_second: float | None = None) -> None:
        """Send ``piece``, which holds ``frames``, over one socket, as fast as it is taken or at a rate."""
        reader, writer = await self.socket()
        reading = asyncio.create_task(self.count_answers(reader))
        begin, sent = time.monotonic(), 0
        with contextlib.suppress(ConnectionError, TimeoutError):
            while self.is_on() and not reading.done():
                writer.write(piece)
                sent += frames
                async with asyncio.timeout(self.seconds):
                    await writer.drain()
                if per_second is not None:
                    await asyncio.sleep(max(0.0, begin + sent / per_second - time.monotonic()))
        self.counts["frames"] += sent
        writer.close()
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)
