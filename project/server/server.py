"""The server: Daphne's, on a socket that is bound already, with our connections and requests."""

import asyncio
from collections.abc import Callable
from socket import socket
from typing import Any, override

from autobahn.twisted import websocket
from autobahn.websocket import protocol
from daphne.http_protocol import HTTPFactory
from daphne.server import Server as DaphneServer
from daphne.ws_protocol import WebSocketFactory
from twisted.internet import tcp
from twisted.logger import globalLogBeginner

from project.server.bounds import BACKLOG, FRAME_BYTES, Bounds
from project.server.channel import Channel, drained
from project.server.connections import Connections
from project.server.request import Request, with_body_from_file

#: Connections that are accepted in one turn of the loop, each of which takes some tenths of a millisecond.
_ACCEPTED_AT_ONCE = 16


def _plain(value: Any) -> Any:
    """Return a value as it is."""
    return value


# For each frame Autobahn prepares coloured words of a line that is then not written.
for _module in (websocket, protocol):
    vars(_module).update(hltype=_plain, hlval=_plain)


class _Transport(tcp.Server):
    """A connection that is counted until it is closed, whatever protocol it speaks by then."""

    @override
    def connectionLost(self, reason: Any) -> None:
        self.server.factory.connections.leave(self)
        super().connectionLost(reason)


class _Port(tcp.Port):
    transport = _Transport

    @property
    def numberAccepts(self) -> int:  # noqa: N802 - Twisted's name
        """How many connections are accepted in one turn."""
        return _ACCEPTED_AT_ONCE

    @numberAccepts.setter
    def numberAccepts(self, number: int) -> None:  # noqa: N802 - Twisted's name
        """Ignore what Twisted sets: the more wait, the more it would accept in one turn."""


class _Factory(HTTPFactory):
    protocol = Channel

    def __init__(self, server: "Server", bounds: Bounds) -> None:
        super().__init__(server)
        self.bounds = bounds
        self.connections = Connections(bounds)

    @override
    def buildProtocol(self, addr: Any) -> Any:
        channel = super().buildProtocol(addr)
        channel.requestFactory = Request
        channel.bounds, channel.connections = self.bounds, self.connections
        return channel


class Server(DaphneServer):
    """Serves an ASGI application with bounds on connections, requests and answers."""

    def __init__(
        self, application: Any, *, reserved: socket, bounds: Bounds, ready: Callable[[], None]
    ) -> None:
        """Take the application, a bound socket, the bounds, and what to call when connections are accepted."""
        super().__init__(
            with_body_from_file(application),
            endpoints=["reserved"],
            ready_callable=ready,
            server_name="runnel",
            websocket_max_message_size=FRAME_BYTES,
            websocket_max_frame_size=FRAME_BYTES,
        )
        self._reserved = reserved
        self._bounds = bounds

    @override
    def run(self) -> None:
        # As Daphne does, apart from the factory, and from the socket, which Daphne would bind itself.
        from twisted.internet import reactor  # the one that Daphne has installed

        running: Any = reactor
        self.connections: dict[Any, Any] = {}
        self.http_factory = _Factory(self, self._bounds)
        self.ws_factory = WebSocketFactory(self, server=self.server_name)
        self.ws_factory.setProtocolOptions(
            autoPingTimeout=self.ping_timeout,
            allowNullOrigin=True,
            openHandshakeTimeout=self.websocket_handshake_timeout,
            maxMessagePayloadSize=self.websocket_max_message_size,
            maxFramePayloadSize=self.websocket_max_frame_size,
        )
        globalLogBeginner.beginLoggingTo([lambda _: None], redirectStandardIO=False, discardBuffer=True)
        running.callLater(1, self.application_checker)
        running.callLater(2, self.timeout_checker)
        self._listen(running)
        asyncio.set_event_loop(running._asyncioEventloop)
        running.addSystemEventTrigger("before", "shutdown", self.kill_all_applications)
        self.ready_callable()
        running.run(installSignalHandlers=self.signal_handlers)

    def _listen(self, reactor: Any) -> None:
        self._reserved.listen(BACKLOG)
        self._reserved.setblocking(False)
        port = _Port._fromListeningDescriptor(
            reactor, self._reserved.fileno(), self._reserved.family, self.http_factory
        )
        self._reserved.close()
        port.startListening()

    @override
    def kill_all_applications(self) -> Any:
        # Daphne takes it for granted that each request has come so far that an application answers it.
        self.connections = {
            protocol: details
            for protocol, details in self.connections.items()
            if "application_instance" in details
        }
        return super().kill_all_applications()

    @override
    async def handle_reply(self, protocol: Any, message: Any) -> None:
        await super().handle_reply(protocol, message)
        if isinstance(protocol, Request) and not protocol.has_room.is_set():
            await drained(protocol, self._bounds.stalled_seconds)
