"""The WebSocket: frames in, frames out, nothing else.

A handler hands over to ``runs.socket.commands`` and returns. Nothing here touches the thread that Channels
shares between all sockets, and a run outlives the socket that started it.
"""

import asyncio
import contextlib
from collections.abc import Callable
from typing import Any
from uuid import UUID

from channels.consumer import AsyncConsumer
from channels.exceptions import StopConsumer
from django.conf import settings
from uuid6 import uuid7

from concurrency.tasks import spawn
from concurrency.threads import readers
from runs.access import authentication
from runs.engine import supervisor
from runs.log.feed import DROP_ABOVE
from runs.socket import frames
from runs.socket.client_frames import Ack, ClientFrame, Ping
from runs.socket.commands import Commands
from runs.socket.frames import BadFrame
from runs.socket.subscriptions import Subscriptions

#: Bad frames in a row after which the socket is closed.
PATIENCE = 20
#: Frames of one socket that may be in work at the same time.
MAX_IN_WORK = 512
#: Seconds that a socket has for its last events, and again for its last bytes, when the server stops.
GOODBYE = 1.0
#: Close codes, as docs/reference/protocol.md lists them.
SIGNED_OUT = 4401
TOO_SLOW = 4408
RESTARTING = 4409
TOO_MANY_BAD_FRAMES = 4400
RATE_LIMITED = 4429


class RunConsumer(AsyncConsumer):
    """One socket."""

    # An alias without a layer: sockets follow the feed, and an idle one costs the layer nothing.
    channel_layer_alias = ""

    def __init__(self) -> None:
        self.connection_id = str(uuid7())
        #: ``None`` until it is known who is at the other end.
        self._commands: Commands | None = None
        self._bad_frames = 0
        self._is_open = False
        self._closed = asyncio.Event()
        self._subscriptions = Subscriptions(
            send_text=self._send_text,
            unsent=self._unsent,
            too_slow=lambda: self._close(TOO_SLOW),
            failed=lambda: self._close(RESTARTING),
            run_began=self._run_began,
        )
        self._forget: Callable[[], None] = lambda: None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Serve the socket. A server that stops cancels this at once; ``close_all`` ends it."""
        _open.add(self)
        # A task of its own, so that being cancelled loses no frame that has just been received.
        serving = spawn(super().__call__(scope, receive, send), name=f"socket {self.connection_id}")
        # Who has left is told nothing more, and not waited for.
        serving.add_done_callback(lambda _: self._closed.set())
        try:
            await asyncio.shield(serving)
        except asyncio.CancelledError:
            if supervisor.current().draining and self._is_open:
                await self._closed.wait()
            raise
        finally:
            serving.cancel()
            await asyncio.wait({serving})
            _open.discard(self)
            await self._leave()

    async def say_goodbye(self) -> None:
        """Close because the server stops, when the answers and the runs' last events are out."""
        await _soon(lambda: not self._commands and not self._subscriptions)
        await self._close(RESTARTING)
        await _soon(lambda: not self._unsent())

    async def dispatch(self, message: dict[str, Any]) -> None:
        """Handle one ASGI message, without the hop to the shared thread that Channels would take."""
        match message["type"]:
            case "websocket.connect":
                await self._connect()
            case "websocket.receive":
                await self._receive(message)
            case "websocket.disconnect":
                self._is_open = False
                await self._leave()
                raise StopConsumer

    async def _connect(self) -> None:
        handshake = authentication.read_handshake(self.scope)
        here = supervisor.current()
        await here.ready()
        await self.send({"type": "websocket.accept", "subprotocol": handshake.subprotocol})
        self._is_open = True
        try:
            identity = await readers.run(authentication.identify, handshake)
            self._forget = authentication.register_socket(identity, self._signed_out)
            # Whoever signed out before this socket was registered is noticed here.
            await readers.run(authentication.identify, handshake)
        except authentication.HandshakeRefused as refused:
            await self._close(refused.close_code)
            return
        self._commands = Commands(
            identity.user_id, subscriptions=self._subscriptions, send_text=self._send_text
        )
        await self._send_text(
            frames.dump(
                {
                    "type": "ready",
                    "protocol": frames.PROTOCOL,
                    "agui": frames.AGUI,
                    "connection_id": self.connection_id,
                    "user": {"id": identity.user_id, "username": identity.username},
                    "limits": {
                        "frame_bytes": frames.FRAME_BYTES,
                        "runs": settings.RUNNEL_MAX_RUNS_PER_USER,
                    },
                }
            )
        )

    async def _receive(self, message: dict[str, Any]) -> None:
        if self._commands is None or not self._is_open:
            return
        if self._unsent() > DROP_ABOVE:
            # Every frame has an answer: one who sends and does not read would fill the memory.
            await self._close(TOO_SLOW)
            return
        try:
            frame = _read_frame(message)
        except BadFrame as bad:
            self._bad_frames += 1
            await self._send_text(frames.error(bad.code, bad.message, frame_id=bad.frame_id))
            if self._bad_frames >= PATIENCE:
                await self._close(TOO_MANY_BAD_FRAMES)
        else:
            self._bad_frames = 0
            await self._act_on(frame, self._commands)

    async def _act_on(self, frame: ClientFrame, commands: Commands) -> None:
        match frame:
            case Ping():
                named = {} if frame.id is None else {"id": frame.id}
                await self._send_text(frames.dump({"type": "pong", **named}))
            case _ if len(commands) >= MAX_IN_WORK:
                await self._close(RATE_LIMITED)
            case Ack():
                commands.acknowledge(frame)
            case _:
                commands.take(frame)

    def _run_began(self, conversation_id: UUID, run_id: UUID) -> None:
        if self._commands is not None:
            self._commands.run_began(conversation_id, run_id)

    def _signed_out(self) -> None:
        spawn(self._close(SIGNED_OUT), name=f"close {self.connection_id}")

    def _unsent(self) -> int:
        """Return the bytes that the server holds for this client, where it can tell."""
        unsent: Callable[[], int] | None = self.scope.get("runnel.unsent")
        return unsent() if unsent is not None else 0

    async def _send_text(self, text: str) -> None:
        if self._is_open:
            await self.base_send({"type": "websocket.send", "text": text})

    async def _close(self, code: int) -> None:
        if self._is_open:
            self._is_open = False
            try:
                await self.base_send({"type": "websocket.close", "code": code})
            finally:
                self._closed.set()

    async def _leave(self) -> None:
        """Let go of everything but the runs."""
        self._forget()
        await self._subscriptions.close()


_open: set[RunConsumer] = set()


async def close_all() -> None:
    """Close every socket, telling its client to come back. Called when the runs have ended."""
    await asyncio.gather(*(consumer.say_goodbye() for consumer in tuple(_open)))


async def _soon(is_so: Callable[[], bool]) -> None:
    """Wait until it is so, but not for ever."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(GOODBYE):
            while not is_so():  # noqa: ASYNC110 - nobody tells when a transport's buffer is empty
                await asyncio.sleep(0.005)


def _read_frame(message: dict[str, Any]) -> ClientFrame:
    text = message.get("text")
    if text is None:
        raise BadFrame("bad_frame", "Frames are text, not binary.")
    return frames.parse(text)
