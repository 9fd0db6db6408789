"""What an application may know of its client's connection, and do to it, whatever the server.

ASGI says nothing of either. Daphne's ``send`` is a partial with the connection's protocol, uvicorn's is bound to an
object that has the transport; of granian's nothing is known.
"""

import asyncio
import contextlib
import socket
import struct
from functools import partial
from typing import Any

from project.application import Application

#: Members of a scope: a function that breaks the connection at once, whatever is unsent, and one that returns how many
#: bytes the client has not taken yet. The second is there under Daphne only, whose ``send`` does not wait for a client.
ABORT = "runnel.abort"
UNSENT = "runnel.unsent"
#: The connection's transport, where asyncio serves it.
TRANSPORT = "runnel.transport"


def describe_connection(application: Application) -> Application:
    """Return ``application``, which finds what is known of its connection in its scope. ``send`` must be the server's own."""

    async def wrapped(scope: Any, receive: Any, send: Any) -> None:
        await application(scope | _members(send), receive, send)

    return wrapped


def _members(send: Any) -> dict[str, Any]:
    protocol: Any = next(iter(getattr(send, "args", ())), None)
    if protocol is None:
        transport = getattr(getattr(send, "__self__", None), "transport", None)
        if not isinstance(transport, asyncio.Transport):
            return {ABORT: _do_nothing}
        return {ABORT: partial(abort, transport), TRANSPORT: transport}
    # A request has its connection's channel, a WebSocket the connection itself.
    transport = getattr(getattr(protocol, "channel", protocol), "transport", None)
    if transport is None:
        return {ABORT: _do_nothing}
    return {ABORT: transport.abortConnection, UNSENT: lambda: _unsent(transport)}


def abort(transport: asyncio.Transport) -> None:
    """Break a connection, and forget what the kernel has not sent: to a client that reads slowly it would send for minutes."""
    opened = transport.get_extra_info("socket")
    if opened is not None and opened.family in {socket.AF_INET, socket.AF_INET6}:
        # Its client may have closed it.
        with contextlib.suppress(OSError):
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()


def _do_nothing() -> None:
    """Stand for what cannot be done to a connection of which nothing is known."""


def _unsent(transport: Any) -> int:
    """Return the bytes in a Twisted transport's buffers (``twisted.internet.abstract``)."""
    waiting = getattr(transport, "dataBuffer", b"")
    return len(waiting) - getattr(transport, "offset", 0) + getattr(transport, "_tempDataLen", 0)
