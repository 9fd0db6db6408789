"""The emulator: a loopback HTTP server that speaks all four wires."""

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

#: Bytes: small, so that a slow reader slows an unpaced answer down, as it would across a network.
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
        """Return an emulator that listens on 127.0.0.1; port 0 takes a free port.

        ``recordings`` is the folder of recorded streams. ``inspectable`` serves the exchanges at
        ``/_log`` and ``/_active``, to everybody on this machine.

        Raises:
            OSError: the port is taken.
        """
        emulator = cls(recordings=recordings, inspectable=inspectable)
        # The new context keeps connections from inheriting the context variables of the first caller.
        await asyncio.create_task(emulator._listen(port), name="emulator-listen", context=Context())
        return emulator

    @property
    def exchanges(self) -> deque[EmulatedExchange]:
        """Return the last exchanges, oldest first; older ones are dropped (``exchanges.KEPT``)."""
        return self._log.exchanges

    @property
    def active(self) -> tuple[EmulatedExchange, ...]:
        """Return the exchanges whose answer is not complete."""
        return tuple(self._log.active.values())

    async def wait_for(
        self, predicate: Callable[[EmulatedExchange], bool], timeout: float = 5.0
    ) -> EmulatedExchange:
        """Return the oldest kept exchange for which ``predicate`` is true; wait for it if necessary.

        Raises:
            TimeoutError: no exchange fitted within ``timeout`` seconds.
        """
        return await self._log.wait_for(predicate, timeout)

    async def close(self) -> None:
        """Stop listening and abort all connections. A second call has no effect."""
        if self._server is None:
            return
        server, self._server = self._server, None
        server.close()
        tasks = tuple(self._serving)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for writer in self._writers:
            # If a peer reads nothing, its connection and the buffered answer would stay for ever.
            writer.transport.abort()
        await server.wait_closed()

    async def _listen(self, port: int) -> None:
        # As asyncio.start_server, but with a protocol that watches the peer.
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
