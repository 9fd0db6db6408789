"""The emulator: a loopback upstream that speaks the wires of all four providers."""

import asyncio
import socket
from collections import deque
from collections.abc import Callable
from contextvars import Context
from pathlib import Path
from typing import Self
from weakref import WeakSet

from emulator.attempts import AttemptCounter
from emulator.connection import Connection, PeerWatch
from emulator.exchanges import EmulatedExchange, ExchangeLog
from emulator.http1 import MAX_HEAD
from emulator.recordings import Recordings

#: Bytes; small, so that an answer flat out feels a slow reader as it would across a network.
_SEND_BUFFER = 64 * 1024


class Emulator:
    """A running emulator. It belongs to the loop that started it."""

    def __init__(self, *, recordings: Path | None = None, inspectable: bool = False) -> None:
        self._recordings = Recordings(recordings)
        self._inspectable = inspectable
        self._log = ExchangeLog()
        self._attempts = AttemptCounter()
        self._serving: set[asyncio.Task[None]] = set()
        self._writers: WeakSet[asyncio.StreamWriter] = WeakSet()
        self._server: asyncio.Server | None = None
        self.origin = ""

    @classmethod
    async def start(cls, *, port: int = 0, recordings: Path | None = None, inspectable: bool = False) -> Self:
        """Listen on 127.0.0.1 and return; port 0 takes a free one.

        ``recordings`` is the folder that holds recorded streams. ``inspectable`` serves what was
        asked at ``/_log`` and ``/_active``, to anybody on this machine. Raise ``OSError`` when the
        port is taken.
        """
        emulator = cls(recordings=recordings, inspectable=inspectable)
        # In a context of its own: connections must not inherit the request that happened to be first.
        await asyncio.create_task(emulator._listen(port), name="emulator-listen", context=Context())
        return emulator

    @property
    def exchanges(self) -> deque[EmulatedExchange]:
        """What was asked, oldest first; only so many are kept."""
        return self._log.exchanges

    @property
    def active(self) -> tuple[EmulatedExchange, ...]:
        """The exchanges whose answer is under way."""
        return tuple(self._log.active.values())

    async def wait_for(
        self, predicate: Callable[[EmulatedExchange], bool], timeout: float = 5.0
    ) -> EmulatedExchange:
        """Return the oldest kept exchange that fits, now or later.

        Raise ``TimeoutError`` when there is none after ``timeout`` seconds.
        """
        return await self._log.wait_for(predicate, timeout)

    async def close(self) -> None:
        """Stop listening and cut what is under way. Twice is once."""
        if self._server is None:
            return
        server, self._server = self._server, None
        server.close()
        tasks = tuple(self._serving)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for writer in self._writers:
            # A peer that reads nothing would keep what was answered, and its connection, for ever.
            writer.transport.abort()
        await server.wait_closed()

    async def _listen(self, port: int) -> None:
        # What asyncio.start_server does, with a protocol that watches the peer.
        self._server = await asyncio.get_running_loop().create_server(self._accept, "127.0.0.1", port)
        listener = self._server.sockets[0]
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER)
        self.origin = f"http://127.0.0.1:{listener.getsockname()[1]}"

    def _accept(self) -> PeerWatch:
        connection = Connection(
            log=self._log,
            recordings=self._recordings,
            attempts=self._attempts,
            inspectable=self._inspectable,
        )

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.current_task()
            if task is None or self._server is None:
                writer.transport.abort()
                return
            self._serving.add(task)
            self._writers.add(writer)
            try:
                await connection.serve(reader, writer)
            finally:
                self._serving.discard(task)

        return PeerWatch(asyncio.StreamReader(limit=MAX_HEAD), serve, gone=connection.peer_gone)
