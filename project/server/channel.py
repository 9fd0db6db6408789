"""One HTTP connection: limits the size and the time of what comes in before the request is known."""

import asyncio
from typing import Any, override

from twisted.web import http

from concurrency.tasks import spawn
from project.server import admission
from project.server.bounds import BODY_BYTES, Bounds
from project.server.connections import NO_ROOM, Connections
from runs.access import addresses
from runs.http import upload_admission

#: Bytes of a body that are kept while its sender is looked up.
_HELD_BYTES = 256 * 1024


class Channel(http.HTTPChannel):
    """Refuses bodies that are too large, as soon as that is known, and closes connections that take too long."""

    # Set by the factory, before the connection is made.
    bounds: Bounds
    connections: Connections

    def __init__(self) -> None:
        super().__init__()
        self._deadline: Any = None
        #: Whether a request was refused: what still comes is thrown away.
        self._is_refused = False
        #: What came of a body while its sender is looked up; ``None`` while nobody is.
        self._held: list[bytes] | None = None
        self._is_reading = False
        #: Bytes that the body of the current request may have.
        self.body_limit = BODY_BYTES

    @override
    def connectionMade(self) -> None:
        super().connectionMade()
        address = addresses.counted(self._peer())
        if not self.connections.enter(self.transport, address or ""):
            self._is_refused = True
            self.transport.write(NO_ROOM)
            self.transport.loseConnection()
            return
        self._start_deadline(self.bounds.header_seconds)

    def _peer(self) -> str | None:
        """Return the address at the other end, ``None`` for a Unix socket, which has none."""
        return getattr(self.transport.getPeer(), "host", None)

    @override
    def dataReceived(self, data: bytes) -> None:
        if self._is_refused:
            return
        if self._deadline is None and not self._handlingRequest and not self._is_reading:
            # The first bytes of a further request on this connection.
            self._start_deadline(self.bounds.header_seconds)
        super().dataReceived(data)

    @override
    def allHeadersReceived(self) -> None:
        self._stop_deadline()
        if self.length == 0:
            super().allHeadersReceived()
            return
        self._is_reading, self.body_limit = True, BODY_BYTES
        if (upload := upload_admission.upload_of(self._command, self._path)) is not None:
            self._held = []
            self.transport.pauseProducing()
            spawn(self._admit(upload, self.requests[-1]), name="upload admission")
            return
        self._take_body(BODY_BYTES)

    async def _admit(self, upload: upload_admission.Upload, request: Any) -> None:
        """Look up who uploads. Then read the body, or refuse it."""
        headers = {
            name.decode("latin-1").lower(): b", ".join(values).decode("latin-1")
            for name, values in request.requestHeaders.getAllRawHeaders()
        }
        most = await admission.most_of_upload(upload, headers, self.length, self._peer())
        if self.transport is None or not self.transport.connected:
            return
        if isinstance(most, upload_admission.Refusal):
            self.refuse(most)
            return
        self.connections.work(self.transport)
        held, self._held = self._held or [], None
        self._take_body(most)
        self.transport.resumeProducing()
        if held and not self._is_refused:
            super().rawDataReceived(b"".join(held))

    def _take_body(self, limit: int) -> None:
        """Read the body of the current request, of at most ``limit`` bytes."""
        self.body_limit = limit
        if self.length is not None and self.length > limit:
            self.refuse_size()
            return
        expected = limit if self.length is None else self.length
        self._start_deadline(admission.seconds_for(expected, self.bounds.body_seconds))
        super().allHeadersReceived()

    @override
    def rawDataReceived(self, data: bytes) -> None:
        if self._is_refused:
            return
        if self._held is not None:
            self._held.append(data)
            if sum(map(len, self._held)) > _HELD_BYTES:
                self.transport.pauseProducing()
            return
        super().rawDataReceived(data)

    @override
    def allContentReceived(self) -> None:
        if self._is_refused:
            return
        self._is_reading = False
        self._stop_deadline()
        self.connections.work(self.transport)
        super().allContentReceived()

    @override
    def requestDone(self, request: Any) -> None:
        self.connections.wait(self.transport)
        super().requestDone(request)

    def refuse_size(self) -> None:
        """Refuse the body of the current request, of which more has come or is announced than it may have."""
        self.refuse(admission.too_long(self.body_limit))

    def refuse(self, refusal: upload_admission.Refusal) -> None:
        """Answer before the request is complete, and close the connection."""
        if self._is_refused or self.transport is None:
            return
        self._is_refused = True
        self._is_reading = False
        headers, body = admission.answer(refusal)
        head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        status = f"HTTP/1.1 {refusal.status.value} {refusal.status.phrase}\r\n"
        self.transport.write(f"{status}{head}\r\n".encode() + body)
        self._stop_deadline()
        self._held = None
        self.connections.wait(self.transport)
        self.transport.resumeProducing()
        self.transport.loseWriteConnection()
        self._deadline = self.callLater(admission.linger_seconds(refusal, self.body_limit), self._abort)

    def _start_deadline(self, seconds: float) -> None:
        self._stop_deadline()
        self._deadline = self.callLater(seconds, self._take_too_long)

    def _stop_deadline(self) -> None:
        if self._deadline is not None and self._deadline.active():
            self._deadline.cancel()
        self._deadline = None

    def _take_too_long(self) -> None:
        self._deadline = None
        self.refuse(admission.TOO_SLOW)

    def _abort(self) -> None:
        self._deadline = None
        if self.transport is not None:
            self.transport.abortConnection()

    @override
    def connectionLost(self, reason: Any) -> None:
        self._stop_deadline()
        self._is_refused = True
        super().connectionLost(reason)


async def drained(request: Any, seconds: float) -> None:
    """Wait until the client has read most of what was sent to it; close the connection if it reads nothing.

    Args:
        request: the request that is answered.
        seconds: how long the client may read nothing.
    """
    try:
        await asyncio.wait_for(request.has_room.wait(), seconds)
    except TimeoutError:
        if request.channel is not None and request.channel.transport is not None:
            request.channel.transport.abortConnection()
