"""The registry of this process's open sockets. ``runs.access.sign_out`` uses it to close them."""

import asyncio
import threading
from collections.abc import Callable, Container
from dataclasses import dataclass

from runs import bus
from runs.access.authentication import Identity, is_current
from runs.bus import Kind


@dataclass(frozen=True, slots=True, eq=False)
class _Socket:
    identity: Identity
    loop: asyncio.AbstractEventLoop
    close: Callable[[], None]


_sockets: set[_Socket] = set()
#: How often sockets were looked for whose rights have ended.
_searches = 0
_lock = threading.Lock()


def register_socket(identity: Identity, close: Callable[[], None]) -> Callable[[], None]:
    """Register an open socket of the running loop. Return a function that removes it again."""
    socket = _Socket(identity, asyncio.get_running_loop(), close)
    with _lock:
        _sockets.add(socket)

    def unregister() -> None:
        with _lock:
            _sockets.discard(socket)

    return unregister


def searches() -> int:
    """Return how often this process looked for sockets whose rights have ended.

    A search finds no socket that is registered after it. If the number has changed since a socket's identity was
    read, the identity has to be read again.
    """
    return _searches


def count(user_id: int) -> int:
    """Return how many sockets of a user are open in this process."""
    with _lock:
        return sum(socket.identity.user_id == user_id for socket in _sockets)


def total() -> int:
    """Return how many sockets are open in this process."""
    return len(_sockets)


def identities() -> set[Identity]:
    """Return who has opened the open sockets of this process."""
    with _lock:
        return {socket.identity for socket in _sockets}


def close(lapsed: Container[Identity]) -> None:
    """Close the sockets whose identity is among ``lapsed``. From any thread."""
    for socket in _find(lambda identity: identity in lapsed):
        socket.loop.call_soon_threadsafe(socket.close)


def close_refused(concerned: Callable[[Identity], bool]) -> None:
    """Close the sockets that ``concerned`` selects and whose credentials are no longer valid. Let other processes look.

    Reads the database once or twice per socket. Call it after the change is committed, from a thread that may
    read the database.
    """
    for socket in _find(concerned):
        if not is_current(socket.identity):
            socket.loop.call_soon_threadsafe(socket.close)
    bus.send(Kind.SIGNED_OUT, {})


def _find(concerned: Callable[[Identity], bool]) -> list[_Socket]:
    global _searches  # noqa: PLW0603 - one count for the process
    with _lock:
        _searches += 1
        return [socket for socket in _sockets if concerned(socket.identity)]
