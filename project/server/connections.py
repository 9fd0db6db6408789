"""The open connections of the server. When there are too many, the one that has waited longest makes room.

A connection waits while its request is incomplete, and between two requests. Somebody who opens connections and
sends nothing on them loses them again; somebody who sends a request gets an answer.
"""

from collections import Counter
from typing import Any

from project.server.bounds import BodyFiles, Bounds

#: The response to a client for whom there is no place.
NO_ROOM = (
    b"HTTP/1.1 503 Service Unavailable\r\nContent-Type: text/plain\r\nRetry-After: 5\r\n"
    b"Connection: close\r\n\r\nThere are too many connections. Try again in a moment.\n"
)


class Connections:
    """All connections of one server, by their Twisted transports."""

    def __init__(self, bounds: Bounds) -> None:
        self._bounds = bounds
        #: The address of each connection.
        self._addresses: dict[Any, str] = {}
        #: Connections of an address that are no WebSockets.
        self._counts: Counter[str] = Counter()
        #: Waiting connections, the longest waiting first: all, and those of each address.
        self._waiting: dict[Any, None] = {}
        self._waiting_of: dict[str, dict[Any, None]] = {}
        self._sockets: set[Any] = set()
        #: Connections above the last descriptor that are no WebSockets. While there are any, each new connection takes
        #: the place of another, also where a lower descriptor has become free: else their number would grow further.
        self._above: set[Any] = set()
        #: Connections that were told to close.
        self._going: set[Any] = set()
        self.body_files = BodyFiles(bounds.body_files)

    def __len__(self) -> int:
        return len(self._addresses) - len(self._going)

    def enter(self, transport: Any, address: str) -> bool:
        """Add a new connection, which waits for its first request. Return ``False`` if there is no room."""
        self._addresses[transport] = address
        self._counts[address] += 1
        bounds = self._bounds
        if transport.fileno() > bounds.last_descriptor:
            self._above.add(transport)
        is_full = len(self) > bounds.connections or bool(self._above)
        is_crowded = not bounds.behind_proxy and self._counts[address] > bounds.per_address
        if (is_crowded and not self._evict(self._waiting_of.get(address))) or (
            is_full and not is_crowded and not self._evict(self._waiting)
        ):
            self._close(transport)
            return False
        self.wait(transport)
        return True

    def wait(self, transport: Any) -> None:
        """Note that a connection waits for a request, or for the rest of one."""
        if transport in self._addresses and transport not in self._going:
            self._waiting[transport] = None
            self._waiting_of.setdefault(self._addresses[transport], {})[transport] = None

    def work(self, transport: Any) -> None:
        """Note that a request is complete, or that its sender is known: the connection keeps its place."""
        self._waiting.pop(transport, None)
        address = self._addresses.get(transport, "")
        if (same := self._waiting_of.get(address)) is not None:
            same.pop(transport, None)
            if not same:
                del self._waiting_of[address]

    def upgrade(self, transport: Any) -> None:
        """Note that a connection is a WebSocket now, which the limits of its user count."""
        self.work(transport)
        if transport in self._addresses and transport not in self._sockets:
            self._sockets.add(transport)
            self._above.discard(transport)
            self._uncount(self._addresses[transport])

    def leave(self, transport: Any) -> None:
        """Remove a closed connection."""
        self.work(transport)
        self._above.discard(transport)
        address = self._addresses.pop(transport, None)
        if address is None:
            return
        if transport in self._sockets:
            self._sockets.discard(transport)
        elif transport not in self._going:
            self._uncount(address)
        self._going.discard(transport)

    def _evict(self, waiting: dict[Any, None] | None) -> bool:
        """Close the connection that has waited longest; return whether there was one."""
        if not waiting:
            return False
        oldest = next(iter(waiting))
        self._close(oldest)
        oldest.abortConnection()
        return True

    def _close(self, transport: Any) -> None:
        self.work(transport)
        self._above.discard(transport)
        if transport not in self._going and transport not in self._sockets:
            self._going.add(transport)
            self._uncount(self._addresses[transport])

    def _uncount(self, address: str) -> None:
        self._counts[address] -= 1
        if not self._counts[address]:
            del self._counts[address]
