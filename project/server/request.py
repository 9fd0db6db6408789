"""One HTTP request: its body goes from a file to the application piece by piece, never as a whole through memory."""

import asyncio
import io
from typing import Any, override

from daphne.http_protocol import WebRequest
from twisted.internet.interfaces import IPushProducer
from zope.interface import implementer

from project.application import Application
from project.server import admission
from project.server.bodies import IN_MEMORY, IS_READ, new_file, receive_from
from project.server.bounds import BodyFiles


@implementer(IPushProducer)
class Request(WebRequest):
    """A request whose body counts while it comes, and whose answer waits for a client that reads slowly."""

    #: What came of the body, for Twisted; Daphne gets an empty one.
    content: Any

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._received = 0
        #: What counts the body while it is in a file.
        self._counts_file: BodyFiles | None = None
        self.args: dict[bytes, list[bytes]] = {}
        self.body: Any = None
        #: Set while the client reads what it is sent.
        self.has_room = asyncio.Event()
        self.has_room.set()

    @override
    def gotLength(self, length: int | None) -> None:
        # Twisted makes a file for each body that is announced as long, before anything of it comes.
        self.content = new_file()

    @override
    def handleContentChunk(self, data: bytes) -> None:
        self._received += len(data)
        if self._received > self.channel.body_limit:
            self.channel.refuse_size()
            return
        if self._received > IN_MEMORY and self._counts_file is None:
            if not self.channel.connections.body_files.take():
                self.channel.refuse(admission.TOO_MANY)
                return
            self._counts_file = self.channel.connections.body_files
        super().handleContentChunk(data)

    @override
    def requestReceived(self, command: bytes, path: bytes, version: bytes) -> None:
        # As Twisted does, but without reading forms: that takes seconds of the event loop, and Django reads them.
        self.content.seek(0)
        self.method, self.uri, self.clientproto = command, path, version
        self.path = path.partition(b"?")[0]
        self.client, self.host = self.channel.getPeer(), self.channel.getHost()
        if self.requestHeaders.hasHeader(b"Transfer-Encoding"):
            # Django reads a form only if it is told how long it is.
            self.requestHeaders.removeHeader(b"Transfer-Encoding")
            self.requestHeaders.setRawHeaders(b"Content-Length", [str(self._received).encode()])
        self.process()

    @override
    def process(self) -> Any:
        # Daphne takes the path's prefix from whoever sends this header.
        self.requestHeaders.removeHeader(b"Daphne-Root-Path")
        channel, transport = self.channel, self.channel.transport
        # Daphne would put the whole body into a queue at once.
        self.body, self.content = self.content, io.BytesIO()
        done = super().process()
        if transport is not None and transport.protocol is not channel:
            channel.connections.upgrade(transport)
        return done

    @override
    def handle_reply(self, message: Any) -> None:
        if message.get("type") == "http.response.start" and not self.finished and self.channel is not None:
            self.registerProducer(self, True)
        super().handle_reply(message)

    @override
    def finish(self) -> None:
        if self.producer is not None:
            self.unregisterProducer()
        self._close_body()
        super().finish()

    @override
    def connectionLost(self, reason: Any) -> None:
        self.has_room.set()
        self._close_body()
        super().connectionLost(reason)

    def _close_body(self) -> None:
        for file in (self.body, self.content):
            if file is not None:
                file.close()
        if self._counts_file is not None:
            self._counts_file.give_back()
            self._counts_file = None

    def pauseProducing(self) -> None:  # noqa: N802 - Twisted's name
        """Make the application wait: the client has not read what it was sent."""
        self.has_room.clear()
        if self.channel is not None:
            # Its connection makes room for a new one, as one does that does not send its request.
            self.channel.connections.wait(self.channel.transport)

    def resumeProducing(self) -> None:  # noqa: N802 - Twisted's name
        """Let the application go on."""
        if self.channel is not None:
            self.channel.connections.work(self.channel.transport)
        self.has_room.set()

    def stopProducing(self) -> None:  # noqa: N802 - Twisted's name
        """Let the application go on: the connection is lost."""
        self.has_room.set()


def with_body_from_file(application: Application) -> Application:
    """Return ``application``, which receives a request's body from its file in pieces."""

    async def wrapped(scope: Any, receive: Any, send: Any) -> None:
        request = next(iter(getattr(send, "args", ())), None)
        if isinstance(request, Request) and request.body is not None:
            scope, receive = scope | {IS_READ: True}, receive_from(request.body, receive)
        await application(scope, receive, send)

    return wrapped
