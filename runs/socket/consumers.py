"""The Channels consumer of one WebSocket. It reads frames and passes them to ``runs.socket.commands``.

A handler returns at once, because Channels delivers one message at a time. No code here uses the thread that
Channels shares between all sockets. A run continues after the socket that started it has closed.
"""

import asyncio
import contextlib
from collections.abc import Callable
from typing import Any
from uuid import UUID

from channels.consumer import AsyncConsumer
from channels.exceptions import StopConsumer
from uuid6 import uuid7

from concurrency.tasks import spawn
from concurrency.threads import readers
from runs import limits
from runs.access import addresses, authentication, open_sockets, rights, scopes
from runs.access.wrong_tokens import check_token, count_token
from runs.engine import supervisor
from runs.errors import Forbidden, RateLimited
from runs.limits import rates
from runs.log.followers import Follower
from runs.log.viewer import DROP_ABOVE
from runs.models.audit import Actor
from runs.socket import frame_parsing, server_frames
from runs.socket.client_frames import Ack, ClientFrame, Ping
from runs.socket.commands import Commands
from runs.socket.frame_parsing import BadFrame
from runs.socket.run_ids import RunIds
from runs.socket.subscriptions import Subscriptions

#: The socket is closed after this many bad frames in a row.
MAX_BAD_FRAMES = 20
#: The most commands of one socket that may wait or run at the same time.
MAX_UNFINISHED = 512
#: Seconds that a stopping server waits for a socket's last events, and again for its last bytes.
DRAIN_SECONDS = 1.0
#: Seconds after which a user with too many sockets may connect again. When one closes is not known.
SOCKETS_AGAIN = 5.0
#: Close codes; docs/reference/protocol.md explains them.
SIGNED_OUT = 4401
TOO_SLOW = 4408
RESTARTING = 4409
TOO_MANY_BAD_FRAMES = 4400
RATE_LIMITED = 4429


class RunConsumer(AsyncConsumer):
    """Serves one socket."""

    # An empty alias means no channel layer. Sockets get their events from the feed and need no layer.
    channel_layer_alias = ""

    def __init__(self) -> None:
        self.connection_id = str(uuid7())
        #: ``None`` until the user is authenticated.
        self._commands: Commands | None = None
        self._ids: RunIds | None = None
        self._scopes: frozenset[str] = frozenset()
        self._bad_frames = 0
        self._is_open = False
        self._closed = asyncio.Event()
        self._subscriptions = Subscriptions(
            send_text=self._send_text,
            unsent=self._unsent,
            too_slow=lambda: self._close(TOO_SLOW),
            failed=lambda: self._close(RESTARTING),
            follower=Follower(self._run_began, self._conversation_changed),
        )
        self._unregister: Callable[[], None] = lambda: None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Serve the socket until it closes.

        A stopping server cancels this call at once; it then waits until ``close_all`` has closed the socket.
        """
        _open.add(self)
        # A separate task: a cancellation of this call must not lose a frame that was just received.
        serving = spawn(super().__call__(scope, receive, send), name=f"socket {self.connection_id}")
        # Do not wait for a client that has disconnected.
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
            await self._release()

    async def close_for_restart(self) -> None:
        """Send the pending answers and events, then close with ``RESTARTING``.

        Takes at most twice ``DRAIN_SECONDS``.
        """
        await _wait_until(lambda: not self._commands and not self._subscriptions)
        await self._close(RESTARTING)
        await _wait_until(lambda: not self._unsent())

    async def dispatch(self, message: dict[str, Any]) -> None:
        """Handle one ASGI message. Overridden because Channels would switch to its shared thread first.

        Raises:
            StopConsumer: the socket was disconnected; Channels then ends the consumer.
        """
        match message["type"]:
            case "websocket.connect":
                await self._connect()
            case "websocket.receive":
                await self._receive(message)
            case "websocket.disconnect":
                self._is_open = False
                await self._release()
                raise StopConsumer

    async def _connect(self) -> None:
        handshake = authentication.read_handshake(self.scope)
        here = supervisor.current()
        await here.ready()
        await self.send({"type": "websocket.accept", "subprotocol": handshake.subprotocol})
        self._is_open = True
        address = addresses.of_scope(self.scope)
        try:
            if handshake.token is not None:
                await check_token(address, handshake.token)
            searches = open_sockets.searches()
            identity = await readers.run(authentication.identify, handshake)
            self._unregister = open_sockets.register_socket(identity, self._close_signed_out)
            if open_sockets.searches() != searches:
                # A sign-out before the registration did not close this socket.
                await readers.run(authentication.identify, handshake)
        except authentication.HandshakeRefused as refused:
            # A host that is none of ours is refused before the token is looked up.
            if handshake.token is not None and refused.close_code == SIGNED_OUT:
                await count_token(address, handshake.token, is_right=False)
            await self._close(refused.close_code)
            return
        except RateLimited as limited:
            await self._refuse_socket(limited)
            return
        ceilings = await limits.of_user(identity.user_id)
        if open_sockets.count(identity.user_id) > ceilings.sockets:
            await self._refuse_socket(_too_many_sockets(ceilings.sockets))
            return
        if handshake.token is not None:
            await count_token(address, handshake.token, is_right=True)
        self._ids = RunIds(identity.onlooker)
        self._scopes = identity.scopes
        self._commands = Commands(
            identity.user_id,
            subscriptions=self._subscriptions,
            send_text=self._send_text,
            ids=self._ids,
            note_run=lambda run_id: rights.started(run_id, identity),
            actor=Actor(user_id=identity.user_id, name=identity.username, address=address or ""),
            onlooker=identity.onlooker,
            connection_id=self.connection_id,
            lost=self._close_signed_out,
            token_id=identity.token_id,
        )
        await self._send_text(
            server_frames.dump(
                {
                    "type": "ready",
                    "protocol": server_frames.PROTOCOL,
                    "agui": server_frames.AGUI,
                    "connection_id": self.connection_id,
                    "user": {"id": identity.onlooker.user_id, "username": identity.username},
                    "limits": {
                        "frame_bytes": frame_parsing.FRAME_BYTES,
                        **ceilings.shown(),
                        **limits.of_queues(),
                    },
                }
            )
        )

    async def _refuse_socket(self, why: RateLimited) -> None:
        self._unregister()
        await self._send_text(
            server_frames.error(
                why.code, why.message, retryable=True, limit=why.limit, retry_after=why.retry_after
            )
        )
        await self._close(RATE_LIMITED)

    async def _receive(self, message: dict[str, Any]) -> None:
        if self._commands is None or not self._is_open:
            return
        if not await self._has_turn(self._commands.user_id, message):
            return
        if self._unsent() > DROP_ABOVE:
            # Each frame gets an answer. A client that sends without reading would fill the memory.
            await self._close(TOO_SLOW)
            return
        try:
            frame = _read_frame(message)
        except BadFrame as bad:
            self._bad_frames += 1
            await self._send_text(server_frames.error(bad.code, bad.message, frame_id=bad.frame_id))
            if self._bad_frames >= MAX_BAD_FRAMES:
                await self._close(TOO_MANY_BAD_FRAMES)
        else:
            self._bad_frames = 0
            try:
                scopes.check_frame(self._scopes, frame.type)
            except Forbidden as refusal:
                await self._send_text(_refused(frame, refusal))
            else:
                await self._act_on(frame, self._commands)

    async def _has_turn(self, user_id: int, message: dict[str, Any]) -> bool:
        """Wait while the user's frames come too fast. Return whether the socket is still open then."""
        size = len(message.get("text") or message.get("bytes") or "")
        wait = rates.count_frame(user_id, size, per_second=limits.cached(user_id).frames_per_second)
        if wait:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._closed.wait(), wait)
        return self._is_open

    async def _act_on(self, frame: ClientFrame, commands: Commands) -> None:
        match frame:
            case Ping():
                named = {} if frame.id is None else {"id": frame.id}
                await self._send_text(server_frames.dump({"type": "pong", **named}))
            case _ if len(commands) >= MAX_UNFINISHED:
                await self._close(RATE_LIMITED)
            case Ack():
                commands.acknowledge(frame)
            case _:
                commands.submit(frame)

    def _run_began(self, conversation_id: UUID, run_id: UUID) -> None:
        if self._commands is not None:
            self._commands.run_began(conversation_id, run_id)

    def _conversation_changed(self, conversation_id: UUID, run_id: UUID | None) -> None:
        if self._commands is not None:
            self._commands.conversation_changed(conversation_id, run_id)

    def _close_signed_out(self) -> None:
        spawn(self._close(SIGNED_OUT), name=f"close {self.connection_id}")

    def _unsent(self) -> int:
        """Return the bytes that the server has buffered for this client; 0 if it cannot report them."""
        unsent: Callable[[], int] | None = self.scope.get("runnel.unsent")
        return unsent() if unsent is not None else 0

    async def _send_text(self, text: str) -> None:
        if self._is_open:
            shown = text if self._ids is None else self._ids.shown(text)
            await self.base_send({"type": "websocket.send", "text": shown})

    async def _close(self, code: int) -> None:
        if self._is_open:
            self._is_open = False
            try:
                await self.base_send({"type": "websocket.close", "code": code})
            finally:
                self._closed.set()

    async def _release(self) -> None:
        """Unregister the socket and end its subscriptions. Its runs continue."""
        self._unregister()
        if self._commands is not None:
            self._commands.close()
        await self._subscriptions.close()


_open: set[RunConsumer] = set()


async def close_all() -> None:
    """Close every socket with ``RESTARTING``, so that clients reconnect. Call it when the runs have ended."""
    await asyncio.gather(*(consumer.close_for_restart() for consumer in tuple(_open)))


async def _wait_until(is_true: Callable[[], bool]) -> None:
    """Wait until ``is_true()`` returns true, at most ``DRAIN_SECONDS``."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(DRAIN_SECONDS):
            while not is_true():  # noqa: ASYNC110 - a transport has no event for an empty buffer
                await asyncio.sleep(0.005)


def _refused(frame: ClientFrame, refusal: Forbidden) -> str:
    return server_frames.error(refusal.code, refusal.message, frame_id=getattr(frame, "id", None))


def _too_many_sockets(most: int) -> RateLimited:
    return RateLimited(
        f"You may have {most:,} sockets open, and you have as many. Close one, then connect again.",
        limit="sockets",
        retry_after=SOCKETS_AGAIN,
    )


def _read_frame(message: dict[str, Any]) -> ClientFrame:
    text = message.get("text")
    if text is None:
        raise BadFrame("bad_frame", "Frames are text, not binary.")
    return frame_parsing.parse(text)
