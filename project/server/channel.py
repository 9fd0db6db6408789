"""One HTTP connection: limits the size and the time of what comes in before the request is known."""

import asyncio
import json
import logging
import math
from http import HTTPStatus
from typing import Any, override

from twisted.web import http

from concurrency.tasks import spawn
from project.server.bounds import BODY_BYTES, FORM_BYTES, Bounds
from project.server.connections import NO_ROOM, Connections
from runs.access import addresses
from runs.http import upload_admission

logger = logging.getLogger("runnel.server")

_MEGABYTE = 1024 * 1024
#: Seconds for which a refused body is read on and thrown away, so that its sender reads the answer and is not
#: reset: of a stranger, and of a signed-in user.
_LINGER_SECONDS = 2.0
_LINGER_SECONDS_OF_USER = 30.0
#: Seconds after which a long body may be sent again when there were too many.
_AGAIN = 5.0
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
        #: Whether a signed-in user sends the current request.
        self._is_known = False
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
        self._is_reading, self._is_known = True, False
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
        try:
            admission = await upload_admission.admit(upload, headers, self.length, self._peer())
        except Exception:
            logger.exception("an upload's sender could not be looked up")
            self.refuse(HTTPStatus.SERVICE_UNAVAILABLE, "internal", "Try again in a moment.")
            return
        if self.transport is None or not self.transport.connected:
            return
        self._is_known = not isinstance(admission, upload_admission.Refusal) or admission.of_user
        if isinstance(admission, upload_admission.Refusal):
            self.refuse(
                admission.status, admission.code, admission.message, retry_after=admission.retry_after
            )
            return
        self.connections.work(self.transport)
        held, self._held = self._held or [], None
        self._take_body(admission + FORM_BYTES)
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
        self._start_deadline(self.bounds.body_seconds * max(1, -(-expected // _MEGABYTE)))
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
        limit = max((self.body_limit - FORM_BYTES) // _MEGABYTE, 1)
        self.refuse(
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
            "too_large",
            f"A request may have {limit} MB here, and no more.",
        )

    def refuse_file(self) -> None:
        """Refuse the body of the current request: too many other long ones are coming in."""
        self.refuse(
            HTTPStatus.SERVICE_UNAVAILABLE,
            "busy",
            "Too many long requests are coming in. Try again in a moment.",
            retry_after=_AGAIN,
        )

    def refuse(
        self, status: HTTPStatus, code: str, message: str, *, retry_after: float | None = None
    ) -> None:
        """Answer before the request is complete, and close the connection. ``retry_after`` is in seconds."""
        if self._is_refused or self.transport is None:
            return
        self._is_refused = True
        self._is_reading = False
        body = json.dumps({"code": code, "message": message}).encode()
        self._write_answer(status, body, retry_after)
        self._stop_deadline()
        self._held = None
        self.connections.wait(self.transport)
        self.transport.resumeProducing()
        self.transport.loseWriteConnection()
        linger = _LINGER_SECONDS_OF_USER if self._is_known else _LINGER_SECONDS
        self._deadline = self.callLater(linger, self._abort)

    def _write_answer(self, status: HTTPStatus, body: bytes, retry_after: float | None) -> None:
        fields = {
            "Content-Type": "application/json",
            "Content-Length": str(len(body)),
            "Cache-Control": "no-store",
            "X-Content-Type-Options": "nosniff",
            "Connection": "close",
        }
        if retry_after is not None:
            fields["Retry-After"] = str(math.ceil(retry_after))
        head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
        self.transport.write(f"HTTP/1.1 {status.value} {status.phrase}\r\n{head}\r\n".encode() + body)

    def _start_deadline(self, seconds: float) -> None:
        self._stop_deadline()
        self._deadline = self.callLater(seconds, self._take_too_long)

    def _stop_deadline(self) -> None:
        if self._deadline is not None and self._deadline.active():
            self._deadline.cancel()
        self._deadline = None

    def _take_too_long(self) -> None:
        self._deadline = None
        self.refuse(HTTPStatus.REQUEST_TIMEOUT, "timeout", "The request took too long to arrive.")

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
