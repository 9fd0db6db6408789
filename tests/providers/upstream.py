"""A loopback server that does what a test tells it, and sees when its peer goes away."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from weakref import WeakSet

EVENT_STREAM = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n"

type Behaviour = Callable[[asyncio.StreamWriter], Awaitable[None]]


@dataclass
class Upstream:
    behave: Behaviour
    origin: str = ""
    #: Each request as it came, head and body.
    requests: list[bytes] = field(default_factory=list)
    asked: asyncio.Event = field(default_factory=asyncio.Event)
    #: Set whenever no connection is open.
    deserted: asyncio.Event = field(default_factory=asyncio.Event)
    open: int = 0
    _writers: WeakSet[asyncio.StreamWriter] = field(default_factory=WeakSet)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.open += 1
        self._writers.add(writer)
        self.deserted.clear()
        answer = asyncio.create_task(self._answer(reader, writer))
        try:
            await answer
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            self.open -= 1
            if not self.open:
                self.deserted.set()
            writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(
            (
                int(line.split(b":")[1])
                for line in head.lower().split(b"\r\n")
                if line.startswith(b"content-length")
            ),
            0,
        )
        self.requests.append(head + await reader.readexactly(length))
        self.asked.set()
        behaviour = asyncio.ensure_future(self.behave(writer))
        gone = asyncio.create_task(reader.read())
        try:
            await asyncio.wait({behaviour, gone}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (behaviour, gone):
                task.cancel()
            await asyncio.gather(behaviour, gone, return_exceptions=True)

    def cut(self) -> None:
        """Abort every connection that a test has left open: its server would wait for them for ever."""
        for writer in self._writers:
            writer.transport.abort()


@asynccontextmanager
async def upstream(behave: Behaviour) -> AsyncIterator[Upstream]:
    server = Upstream(behave)
    listener = await asyncio.start_server(server.serve, "127.0.0.1", 0)
    host, port = listener.sockets[0].getsockname()
    server.origin = f"http://{host}:{port}"
    async with listener:
        try:
            yield server
        finally:
            listener.close()
            server.cut()


def answering(status: str, body: bytes, *headers: str) -> Behaviour:
    """Answer with ``status``, ``body`` and ``headers``, and close."""

    async def behave(writer: asyncio.StreamWriter) -> None:
        head = [f"HTTP/1.1 {status}", f"content-length: {len(body)}", "connection: close", *headers]
        writer.write("\r\n".join(head).encode() + b"\r\n\r\n" + body)
        await writer.drain()

    return behave


def streaming(*frames: bytes, then: Behaviour | None = None, head: bool = True) -> Behaviour:
    """Answer with an event stream of ``frames``, then do ``then``, or close. Leave out its head if it has been sent."""

    async def behave(writer: asyncio.StreamWriter) -> None:
        writer.write((EVENT_STREAM if head else b"") + b"".join(frames))
        await writer.drain()
        if then is not None:
            await then(writer)

    return behave


async def forever(writer: asyncio.StreamWriter) -> None:
    """Say nothing more, and keep the connection."""
    await asyncio.Event().wait()


async def reset(writer: asyncio.StreamWriter) -> None:
    """Abort the connection."""
    # A reset may overtake what is still in flight.
    await asyncio.sleep(0.1)
    writer.transport.abort()


def in_turn(*behaviours: Behaviour) -> Behaviour:
    """Treat each request by the next of ``behaviours``, and all that come later by the last."""
    left = list(behaviours)

    async def behave(writer: asyncio.StreamWriter) -> None:
        await (left.pop(0) if len(left) > 1 else left[0])(writer)

    return behave
