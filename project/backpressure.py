"""Reads no further from a WebSocket whose frames wait to be handled.

Daphne puts every frame into a queue without a bound, as fast as a client can send. Here a connection stops
reading at ``MOST_WAITING`` frames, so that a flood fills the client's own buffers instead of our memory, and
its frames cost no more of the loop than their handling.
"""

from collections.abc import Awaitable, Callable
from typing import Any

from project.application import Application
from project.connection import UNSENT

#: Frames of one connection that may wait to be handled. Those of a piece that was read already come on top.
MOST_WAITING = 64
#: Bytes that are read of one connection before the loop serves others. Twisted would read 64 KiB, which are
#: 3,000 small frames.
PIECE = 8 * 1024


def read_what_is_handled(application: Application) -> Application:
    """Wrap a WebSocket application: no connection under Daphne reads far ahead of it."""

    async def wrapped(scope: Any, receive: Any, send: Any) -> None:
        # Daphne's `send` is bound to the connection.
        connection = next(iter(getattr(send, "args", ())), None)
        if hasattr(connection, "onMessage") and hasattr(connection, "transport"):
            receive = _Reading(connection, receive).receive
            _answer_pings(connection, scope[UNSENT])
        await application(scope, receive, send)

    return wrapped


def _answer_pings(connection: Any, unsent: Callable[[], int]) -> None:
    """Leave out pongs while the client reads nothing: it could fill the memory with them."""
    answer: Callable[[bytes], None] = connection.onPing

    def answer_who_reads(payload: bytes) -> None:
        if unsent() < PIECE:
            answer(payload)

    connection.onPing = answer_who_reads


class _Reading:
    """Counts the waiting frames of one connection, and pauses and resumes its transport."""

    def __init__(self, connection: Any, receive: Callable[[], Awaitable[dict[str, Any]]]) -> None:
        self._transport = connection.transport
        self._receive = receive
        self._waiting = 0
        self._is_paused = False
        self._on_message: Callable[[bytes, bool], None] = connection.onMessage
        self._transport.bufferSize = PIECE
        connection.onMessage = self._count

    def _count(self, payload: bytes, is_binary: bool) -> None:
        self._on_message(payload, is_binary)
        self._waiting += 1
        if self._waiting >= MOST_WAITING and not self._is_paused:
            self._is_paused = True
            self._transport.pauseProducing()

    async def receive(self) -> dict[str, Any]:
        """Return the next message of the connection."""
        message = await self._receive()
        if message["type"] == "websocket.receive":
            self._waiting -= 1
            if self._is_paused and self._waiting < MOST_WAITING // 2:
                self._is_paused = False
                self._transport.resumeProducing()
        return message
