"""Connections as uvicorn reads them, with what it leaves open: ends and bounds for clients that mean no good."""

import asyncio
from typing import Any, override

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.utils import ClientDisconnected
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import CloseCode, Frame

from project.backpressure import PIECE
from project.connection import abort
from project.server.connections import NO_ROOM

#: Pieces in which a message may come. Each takes fifty bytes of memory, however small it is.
_MOST_PIECES = 1024
#: The response to a head that is no WebSocket's, although it asks for one.
_NO_HANDSHAKE = (
    b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\n"
    b"This is no handshake of a WebSocket.\n"
)


class Connection(H11Protocol):
    """An HTTP connection. ``limit_concurrency`` is how many there may be, those of WebSockets included."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # uvicorn would look at it for each request, and refuse those of connections that it has taken.
        self.limit_concurrency = None

    @override
    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's own
        super().connection_made(transport)
        most = self.config.limit_concurrency
        if most is not None and len(self.connections) > most:
            transport.write(NO_ROOM)
            transport.close()

    @override
    def _should_upgrade(self) -> bool:
        return self.scope["method"] == "GET" and super()._should_upgrade()

    @override
    def send_400_response(self, msg: str) -> None:
        # Nobody can be told once an answer has begun: uvicorn would try, and fail.
        if self.conn.our_state in {h11.IDLE, h11.SEND_RESPONSE}:
            super().send_400_response(msg)
        else:
            self.transport.close()

    @override
    def shutdown(self) -> None:
        if self.cycle is not None and self.cycle.more_body and not self.cycle.response_complete:
            # The rest of its request may never come.
            self.transport.abort()
        else:
            super().shutdown()


class Socket(WebSocketsSansIOProtocol):
    """A WebSocket."""

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        # What is read at once is handled at once: a flood of small frames leaves the loop to others in between.
        transport.max_size = PIECE  # type: ignore[attr-defined]  # asyncio's, which does not declare it

    @override
    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self.conn.handshake_exc is not None and not self.handshake_initiated:
            # What reads WebSockets knows fewer heads than what reads HTTP, and uvicorn waits for what comes of them.
            self.handshake_initiated = self.handshake_complete = self.close_sent = True
            self.transport.write(_NO_HANDSHAKE)
            self.transport.close()

    @override
    def handle_cont(self, event: Frame) -> None:
        if self.close_sent:
            return
        if len(self.frames) >= _MOST_PIECES:
            self.frames = []
            self._fail(CloseCode.MESSAGE_TOO_BIG, "too many pieces")
            return
        super().handle_cont(event)

    @override
    def send_receive_event_to_app(self) -> None:
        if self.curr_msg_data_type == "text":
            try:
                b"".join(self.frames).decode()
            except UnicodeDecodeError:
                # uvicorn would put a traceback into the log.
                self._fail(CloseCode.INVALID_DATA, "no UTF-8")
                return
        super().send_receive_event_to_app()

    def _fail(self, code: CloseCode, reason: str) -> None:
        if not self.close_sent:
            self.conn.fail(code, reason)
            self.handle_parser_exception()

    @override
    def handle_ping(self) -> None:
        if self.writable.is_set():
            super().handle_ping()
        else:
            # A client that reads nothing could fill the memory with answers to its pings.
            self.conn.data_to_send()

    @override
    def keepalive_timeout(self) -> None:
        super().keepalive_timeout()
        # It has said why, and waits until that is read: by a client that has read nothing since the ping.
        abort(self.transport)

    @override
    async def send(self, message: Any) -> None:
        if self.handshake_complete and self.close_sent:
            # As after a disconnect. The application has not heard of it yet.
            raise ClientDisconnected
        await super().send(message)
