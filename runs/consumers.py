"""The WebSocket: frames in, frames out, nothing else.

A handler hands over and returns: what a frame asks for is done in a task of its own, in order for
frames that name the same run. Nothing here touches the thread that Channels shares between all
sockets, and a run outlives the socket that started it.
"""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from typing import Any, assert_never
from uuid import UUID

from channels.consumer import AsyncConsumer
from channels.exceptions import StopConsumer
from django.conf import settings
from uuid6 import uuid7

from providers.catalog import CatalogError
from runs import auth, frames, services, supervisor
from runs.feed import DROP_ABOVE
from runs.frames import BadFrame
from runs.services import ServiceError, StartRequest
from runs.subscriptions import Subscriptions
from runs.tasks import spawn
from runs.threads import readers

logger = logging.getLogger("runnel.socket")

#: Bad frames in a row after which the socket is closed.
PATIENCE = 20
#: Frames of one socket that may be in work at the same time.
MAX_IN_WORK = 512
#: Seconds that a socket has for its last events, and again for its last bytes, when the server stops.
GOODBYE = 1.0
#: Close codes, as docs/protocol.md lists them.
SIGNED_OUT = 4401
TOO_SLOW = 4408
RESTARTING = 4409
TOO_MANY_BAD_FRAMES = 4400
RATE_LIMITED = 4429


class Unsupported(ServiceError):  # noqa: N818 - the protocol's name for it
    """This is part of the protocol and not offered here yet."""

    code = "unsupported"


class RunConsumer(AsyncConsumer):
    """One socket."""

    # An alias without a layer: sockets follow the feed, and an idle one costs the layer nothing.
    channel_layer_alias = ""

    def __init__(self) -> None:
        self.connection_id = str(uuid7())
        self.identity: auth.Identity | None = None
        self._bad_frames = 0
        self._is_open = False
        self._closed = asyncio.Event()
        self._in_work: set[asyncio.Task[None]] = set()
        self._last: dict[str, asyncio.Task[None]] = {}
        self._subscriptions = Subscriptions(
            send_text=self._send_text,
            unsent=self._unsent,
            too_slow=lambda: self._close(TOO_SLOW),
            failed=lambda: self._close(RESTARTING),
            run_began=self._run_began,
        )
        self._forget: Callable[[], None] = lambda: None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Serve the socket; a server that stops cancels this at once, and ``close_all`` ends it."""
        _open.add(self)
        try:
            await super().__call__(scope, receive, send)
        except asyncio.CancelledError:
            if supervisor.current().draining and self._is_open:
                await self._closed.wait()
            raise
        finally:
            _open.discard(self)
            await self._leave()

    async def say_goodbye(self) -> None:
        """Close because the server stops, when the answers and the runs' last events are out."""
        await _soon(lambda: not self._in_work and not len(self._subscriptions))
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
        handshake = auth.read_handshake(self.scope)
        here = supervisor.current()
        await here.ready()
        await self.send({"type": "websocket.accept", "subprotocol": handshake.subprotocol})
        self._is_open = True
        try:
            identity = await readers.run(auth.identify, handshake)
            self._forget = auth.register_socket(identity, self._signed_out)
            # Whoever signed out before this socket was registered is noticed here.
            await readers.run(auth.identify, handshake)
        except auth.Refused as refused:
            await self._close(refused.close_code)
            return
        self.identity = identity
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
        if self.identity is None or not self._is_open:
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
            await self._act_on(frame)

    async def _act_on(self, frame: frames.ClientFrame) -> None:
        match frame:
            case frames.Ping():
                named = {} if frame.id is None else {"id": frame.id}
                await self._send_text(frames.dump({"type": "pong", **named}))
            case frames.Ack():
                self._subscriptions.acknowledge(UUID(frame.run_id), frame.seq)
            case frames.Start():
                run_id = UUID(frame.run_id) if frame.run_id else uuid7()
                self._enqueue(str(run_id), lambda: self._answer(frame.id, self._start(frame, run_id)))
            case frames.Subscribe():
                self._enqueue(_key(frame), lambda: self._answer(frame.id, self._subscribe(frame)))
            case frames.Unsubscribe():
                self._enqueue(_key(frame), lambda: self._answer(frame.id, self._unsubscribe(frame)))
            case frames.Cancel():
                self._enqueue(str(UUID(frame.run_id)), lambda: self._answer(frame.id, self._cancel(frame)))
            case frames.Resolve():
                self._enqueue(str(UUID(frame.run_id)), lambda: self._answer(frame.id, self._resolve(frame)))
            case _:
                assert_never(frame)

    def _enqueue(self, key: str, work: Callable[[], Awaitable[None]]) -> None:
        """Do ``work`` after everything that was asked before about the same run or conversation."""
        if len(self._in_work) >= MAX_IN_WORK:
            spawn(self._close(RATE_LIMITED), name=f"close {self.connection_id}")
            return
        before = self._last.get(key)

        async def in_turn() -> None:
            if before is not None:
                await asyncio.wait([before])
            await work()

        task = spawn(in_turn(), name=f"frame {key}")
        self._last[key] = task
        self._in_work.add(task)
        task.add_done_callback(lambda done: self._done(key, done))

    def _done(self, key: str, task: asyncio.Task[None]) -> None:
        self._in_work.discard(task)
        if self._last.get(key) is task:
            del self._last[key]

    async def _answer(self, frame_id: str, work: Awaitable[Callable[[], None] | None]) -> None:
        """Answer a command exactly once; ``work`` sends its own ``ok`` and returns what follows it."""
        try:
            follow = await work
        except (ServiceError, CatalogError) as failure:
            retryable = getattr(failure, "retryable", False)
            await self._send_text(
                frames.error(failure.code, failure.message, frame_id=frame_id, retryable=retryable)
            )
        except BadFrame as bad:
            await self._send_text(frames.error(bad.code, bad.message, frame_id=frame_id))
        except Exception:
            logger.exception("a frame of %s failed", self.connection_id)
            message = "Something went wrong on our side. Try again."
            await self._send_text(frames.error("internal", message, frame_id=frame_id, retryable=True))
        else:
            if follow is not None:
                follow()

    async def _start(self, frame: frames.Start, run_id: UUID) -> Callable[[], None]:
        started = await services.start(self._user_id, _start_request(frame, run_id))
        position = None
        if started.state == "exists":
            position = await services.locate_run(self._user_id, run_id)
        await self._send_text(
            frames.ok(
                frame.id,
                run_id=started.run_id,
                conversation_id=started.conversation_id,
                state=started.state,
                status=started.status,
            )
        )
        return lambda: self._watch(run_id, position)

    async def _subscribe(self, frame: frames.Subscribe) -> Callable[[], None]:
        if frame.run_id is not None:
            run_id = UUID(frame.run_id)
            position = await services.locate_run(self._user_id, run_id)
            after = frame.after or 0
            if after > position.last_seq:
                raise BadFrame("bad_frame", f"after is beyond the run's last seq, {position.last_seq}.")
            await self._subscriptions.stop(run_id)
            await self._send_text(
                frames.ok(frame.id, run_id=run_id, status=position.status, seq=position.last_seq)
            )
            return lambda: self._watch(run_id, position, after=after)
        conversation_id = UUID(frame.conversation_id)
        # Whose it is comes first: who follows it hears at once of a run that begins.
        await services.locate_conversation(self._user_id, conversation_id)
        self._subscriptions.follow(conversation_id)
        try:
            active = await services.locate_conversation(self._user_id, conversation_id)
        except ServiceError:
            await self._subscriptions.unfollow(conversation_id)
            raise
        values = {"run_id": active.run_id, "status": active.status, "seq": active.last_seq} if active else {}
        await self._send_text(frames.ok(frame.id, conversation_id=conversation_id, **values))
        if active is None:
            return lambda: None
        return lambda: self._watch(active.run_id, active, conversation_id=conversation_id)

    async def _unsubscribe(self, frame: frames.Unsubscribe) -> None:
        if frame.run_id is not None:
            run_id = UUID(frame.run_id)
            await services.locate_run(self._user_id, run_id)
            await self._subscriptions.stop(run_id)
            await self._send_text(frames.ok(frame.id, run_id=run_id))
        else:
            conversation_id = UUID(frame.conversation_id)
            await self._subscriptions.unfollow(conversation_id)
            await services.locate_conversation(self._user_id, conversation_id)
            await self._send_text(frames.ok(frame.id, conversation_id=conversation_id))

    async def _cancel(self, frame: frames.Cancel) -> None:
        run_id = UUID(frame.run_id)
        state = await services.cancel(self._user_id, run_id, mode=frame.mode, reason=frame.reason)
        await self._send_text(frames.ok(frame.id, run_id=run_id, state=state))

    async def _resolve(self, frame: frames.Resolve) -> None:
        await services.locate_run(self._user_id, UUID(frame.run_id))
        raise Unsupported("Approvals are not offered here yet: no run waits for one.")

    @property
    def _user_id(self) -> int:
        if self.identity is None:
            raise RuntimeError("no frame is taken before the handshake")
        return self.identity.user_id

    def _run_began(self, conversation_id: UUID, run_id: UUID) -> None:
        """Watch a new run of a followed conversation, when the frames that led to it have been answered."""
        before = self._last.get(str(conversation_id))

        async def watch() -> None:
            if before is not None:
                await asyncio.wait([before])
            self._watch(run_id, conversation_id=conversation_id)

        self._enqueue(str(run_id), watch)

    def _watch(
        self,
        run_id: UUID,
        position: services.Position | None = None,
        *,
        after: int = 0,
        conversation_id: UUID | None = None,
    ) -> None:
        """Deliver a run's events; ``position`` is ``None`` for one that has just begun."""
        self._subscriptions.watch(
            run_id,
            after=after,
            last_seq=position.last_seq if position else 0,
            finished=position.is_finished if position else False,
            conversation_id=conversation_id,
        )

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
            await self.base_send({"type": "websocket.close", "code": code})
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


def _read_frame(message: dict[str, Any]) -> frames.ClientFrame:
    text = message.get("text")
    if text is None:
        raise BadFrame("bad_frame", "Frames are text, not binary.")
    return frames.parse(text)


def _key(frame: frames.Subscribe | frames.Unsubscribe) -> str:
    return str(UUID(frame.run_id or frame.conversation_id))


def _start_request(frame: frames.Start, run_id: UUID) -> StartRequest:
    """Return what a ``start`` frame asks for, or refuse what is not built yet."""
    if frame.tools:
        raise Unsupported("Tools that the client executes are not offered here yet: leave tools out.")
    if frame.budget is not None:
        raise Unsupported("Budgets are not offered here yet: leave budget out.")
    if frame.options is not None and frame.options.max_retries:
        raise Unsupported("Retries are not offered here yet: leave max_retries out, or set it to 0.")
    if isinstance(frame.input, str):
        messages: list[dict[str, Any]] = [{"id": str(run_id), "role": "user", "content": frame.input}]
    else:
        messages = [message.model_dump(exclude_none=True) for message in frame.input]
    for message in messages:
        content = message["content"]
        if not isinstance(content, str) and any(part["type"] != "text" for part in content):
            raise Unsupported("Only text is offered as input yet: leave images and files out.")
    return StartRequest(
        run_id=run_id,
        conversation_id=UUID(frame.conversation_id) if frame.conversation_id else None,
        model=frame.model,
        messages=messages,
        system=frame.system or "",
        options=frame.options.model_dump(exclude_none=True) if frame.options else {},
    )
