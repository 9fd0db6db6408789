"""The registry of this process's open sockets. ``runs.access.sign_out`` uses it to close them."""

import asyncio
import threading
from collections.abc import Callable, Container
from dataclasses import dataclass

from runs.access.authentication import Identity, is_current


@dataclass(frozen=True, slots=True, eq=False)
class _Socket:
    identity: Identity
    loop: asyncio.AbstractEventLoop
    close: Callable[[], None]


_sockets: set[_Socket] = set()
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


def count(user_id: int) -> int:
    """Return how many sockets of a user are open in this process."""
    with _lock:
        return sum(socket.identity.user_id == user_id for socket in _sockets)


def identities() -> set[Identity]:
    """Return who has opened the open sockets of this process."""
    with _lock:
        return {socket.identity for socket in _sockets}


def close(lapsed: Container[Identity]) -> None:
    """Close the sockets whose identity is among ``lapsed``. From any thread."""
    with _lock:
        sockets = [socket for socket in _sockets if socket.identity in lapsed]
    for socket in sockets:
        socket.loop.call_soon_threadsafe(socket.close)


def close_refused(concerned: Callable[[Identity], bool]) -> None:
    """Close the sockets that ``concerned`` selects and whose credentials are no longer valid.

    Reads the database once or twice per socket. Call it after the change is committed, from a thread that may
    read the database.
    """
    with _lock:
        sockets = [socket for socket in _sockets if concerned(socket.identity)]
    for socket in sockets:
        if not is_current(socket.identity):
            socket.loop.call_soon_threadsafe(socket.close)
