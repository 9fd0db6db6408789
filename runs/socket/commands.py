"""Executes client commands and sends exactly one answer to each.

Commands that name the same run or conversation are executed in the order of their arrival; others run
concurrently. This module does not import Channels and does not use the socket directly.
"""

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from functools import partial
from uuid import UUID

from uuid6 import uuid7

from concurrency.log_context import bound
from runs import limits, services
from runs.errors import NotFound, ServiceError
from runs.models.audit import Actor
from runs.services import Onlooker
from runs.socket import queue_commands, refusals, server_frames
from runs.socket.client_frames import Ack, Cancel, QueueFrame, Resolve, Show, Start, Subscribe, Unsubscribe
from runs.socket.following import Follow, Following
from runs.socket.queue_frames import QueueSend
from runs.socket.requests import start_request
from runs.socket.run_ids import RunIds
from runs.socket.serial_executor import SerialExecutor
from runs.socket.shared_view import GUEST, SharedViews
from runs.socket.storage_notes import told_if_storage_waits
from runs.socket.subscriptions import Subscriptions
from runs.states import RunStatus

type Command = Start | Subscribe | Unsubscribe | Cancel | Resolve | Show | QueueFrame
type Work = Callable[[], Awaitable[Follow]]

#: The key of commands about the list of conversations.
LIST = UUID(int=0)


class Commands:
    """Executes the commands of one user on one socket."""

    def __init__(
        self,
        user_id: int,
        *,
        subscriptions: Subscriptions,
        send_text: Callable[[str], Awaitable[None]],
        ids: RunIds,
        note_run: Callable[[UUID], None],
        actor: Actor,
        onlooker: Onlooker,
        connection_id: str,
        lost: Callable[[], None],
        token_id: int | None = None,
    ) -> None:
        """Set what the commands need.

        Args:
            user_id: the user who sends them.
            subscriptions: those of the socket.
            send_text: sends an answer.
            ids: the ids of the user's runs.
            note_run: called with each run that a command has started or continued.
            actor: the user, and the address of their socket, for the audit log.
            onlooker: the user, or the link that opened the socket.
            connection_id: the socket's.
            lost: called when a link that opened the socket is not valid any more.
            token_id: the API token that opened the socket; ``None`` for a session.
        """
        self.user_id = user_id
        self._subscriptions = subscriptions
        self._send_text = send_text
        self._ids = ids
        self._note_run = note_run
        self._actor = actor
        self._onlooker = onlooker
        self._token_id = token_id
        self._shared = SharedViews(
            onlooker,
            name=actor.name,
            connection_id=connection_id,
            subscriptions=subscriptions,
            send_text=send_text,
            lost=lost,
        )
        self._following = Following(
            user_id,
            onlooker,
            subscriptions=subscriptions,
            shared=self._shared,
            ids=ids,
            send_text=send_text,
        )
        self._executor = SerialExecutor()
        #: Followed conversations whose outline is about to be sent.
        self._untold: set[UUID] = set()

    def __len__(self) -> int:
        """Return the number of commands that wait or run."""
        return len(self._executor)

    def submit(self, command: Command) -> None:
        """Schedule a command and return at once. The answer follows when the command has been executed."""
        key, work = self._work_of(command)
        room: AbstractAsyncContextManager[None] = contextlib.nullcontext()
        if isinstance(command, Start | Subscribe) and key != LIST:
            room = self._room_for(self._ids.stored(key))
        is_about_run = not isinstance(command, Show) and (
            not isinstance(command, Subscribe | Unsubscribe) or command.run_id is not None
        )
        run_id = key if is_about_run else None

        async def answer() -> None:
            with bound(user_id=self.user_id, run_id=run_id, request_id=command.id):
                await self._answer(command.id, work, room)

        self._executor.submit(str(key), answer)

    def _work_of(self, command: Command) -> tuple[UUID, Work]:
        """Return the key of what is executed in order with a command, and what executes it."""
        match command:
            case Start():
                key = UUID(command.run_id) if command.run_id else uuid7()
                return key, partial(self._start, command, key)
            case Subscribe() | Unsubscribe():
                return self._work_of_following(command)
            case Cancel():
                return self._about_run(command.run_id, partial(self._cancel, command))
            case Resolve():
                return self._about_run(command.run_id, partial(self._resolve, command))
            case Show():
                key = UUID(command.conversation_id)
                return key, self._about_run(command.run_id, partial(self._show, command, key))[1]
            case _:
                key = queue_commands.key_of(command)
                return key, partial(self._ids.found, key, partial(self._change_queue, command))

    def _work_of_following(self, command: Subscribe | Unsubscribe) -> tuple[UUID, Work]:
        match command:
            case Subscribe(list=True):
                return LIST, partial(self._following.follow_list, command.id)
            case Unsubscribe(list=True):
                return LIST, partial(self._following.unfollow_list, command.id)
            case Subscribe(run_id=None):
                key = UUID(command.conversation_id)
                return key, partial(self._following.follow, command, key)
            case Unsubscribe(run_id=None):
                key = UUID(command.conversation_id)
                return key, partial(self._following.unfollow, command.id, key)
            case Subscribe():
                return self._about_run(command.run_id, partial(self._following.subscribe, command))
            case Unsubscribe():
                return self._about_run(command.run_id, partial(self._following.unsubscribe, command))

    def _about_run(self, run_id: str | None, work: Callable[[UUID], Awaitable[Follow]]) -> tuple[UUID, Work]:
        key = UUID(run_id)
        return key, partial(self._ids.found, key, work)

    def close(self) -> None:
        """End what the commands have begun and subscriptions do not know."""
        self._shared.close()

    def acknowledge(self, frame: Ack) -> None:
        """Record an ``ack`` now, or after the pending commands of its run: one of them may subscribe."""
        run_id = UUID(frame.run_id)
        stored = self._ids.stored(run_id)
        if self._subscriptions.is_watching(stored) or str(run_id) not in self._executor:
            self._subscriptions.acknowledge(stored, frame.seq)
            return

        async def acknowledge() -> None:
            self._subscriptions.acknowledge(self._ids.stored(run_id), frame.seq)

        self._executor.submit(str(run_id), acknowledge)

    def run_began(self, conversation_id: UUID, run_id: UUID) -> None:
        """Watch a new run of a followed conversation, after the pending commands of both are answered."""

        async def watch() -> None:
            await self._ids.learn(run_id)
            self._following.watch(run_id, conversation_id=conversation_id)

        self._executor.submit(str(run_id), watch, after=str(conversation_id))

    def conversation_changed(self, conversation_id: UUID, run_id: UUID | None) -> None:
        """Send the outline of a followed conversation, after the pending commands about it and about ``run_id``."""
        if conversation_id in self._untold:
            return
        self._untold.add(conversation_id)

        async def tell() -> None:
            self._untold.discard(conversation_id)
            if self._subscriptions.is_following(conversation_id):
                with contextlib.suppress(ServiceError):
                    outline = await services.outline(self._onlooker, conversation_id)
                    await self._send_text(server_frames.conversation(conversation_id, outline))

        self._executor.submit(str(conversation_id), tell, after=str(run_id or ""))

    @contextlib.asynccontextmanager
    async def _room_for(self, key: UUID) -> AsyncIterator[None]:
        """Hold a place for one more run or conversation that the socket follows. Raises ``RateLimited``."""
        most = (await limits.of_user(self.user_id)).subscriptions
        with self._subscriptions.room_for(key, most=most):
            yield

    async def _answer(self, frame_id: str, work: Work, room: AbstractAsyncContextManager[None]) -> None:
        """Run ``work`` in ``room``. It sends its own ``ok``; send an ``error`` if it fails."""
        try:
            async with room:
                follow = await work()
                if follow is not None:
                    follow()
        except Exception as failure:  # noqa: BLE001 - ``refusals`` logs unexpected errors
            refusal = refusals.answer_to(failure, frame_id=frame_id)
        else:
            return
        await self._send_text(refusal)

    async def _start(self, frame: Start, run_id: UUID) -> Follow:
        request = start_request(frame, run_id, token_id=self._token_id)
        # The start may cancel another run. That run's last events must follow the answer too.
        other = await services.run_to_be_cancelled(self.user_id, request)
        with contextlib.nullcontext() if other is None else self._subscriptions.delivery_paused(other):
            async with told_if_storage_waits(run_id, self._send_text):
                started = await services.start(self.user_id, request)
            self._ids.note(chosen=run_id, stored=started.run_id)
            self._note_run(started.run_id)
            position = None
            if started.state == "exists":
                position = await services.locate_run(self._onlooker, started.run_id)
            await self._send_text(
                server_frames.ok(
                    frame.id,
                    run_id=started.run_id,
                    conversation_id=started.conversation_id,
                    state=started.state,
                    status=started.status,
                )
            )
        return lambda: self._following.watch(started.run_id, position)

    async def _cancel(self, frame: Cancel, run_id: UUID) -> Follow:
        with self._subscriptions.delivery_paused(run_id):
            state = await self._cancelled(frame, run_id)
            await self._send_text(server_frames.ok(frame.id, run_id=run_id, state=state))
        return None

    async def _cancelled(self, frame: Cancel, run_id: UUID) -> str:
        """Cancel a run of the user, or one of somebody else who lets this onlooker do so."""
        try:
            return await services.cancel(
                self.user_id, run_id, mode=frame.mode, reason=frame.reason, name=self._actor.name
            )
        except NotFound:
            return await services.cancel_shared(
                self._onlooker, run_id, name=self._actor.name or GUEST, reason=frame.reason
            )

    async def _resolve(self, frame: Resolve, run_id: UUID) -> Follow:
        resume = [entry.model_dump(exclude_none=True) for entry in frame.resume]
        with self._subscriptions.delivery_paused(run_id):
            await services.resolve(self.user_id, run_id, resume, actor=self._actor)
            self._note_run(run_id)
            await self._send_text(
                server_frames.ok(frame.id, run_id=run_id, state="resolved", status=RunStatus.RUNNING.value)
            )
        return None

    async def _change_queue(self, frame: QueueFrame, key: UUID) -> Follow:
        other = None
        if isinstance(frame, QueueSend):
            other = await services.run_under_way_with(self.user_id, key)
        with contextlib.nullcontext() if other is None else self._subscriptions.delivery_paused(other):
            values = await queue_commands.answer_to(frame, self.user_id, self._token_id)(key)
            await self._send_text(server_frames.ok(frame.id, **values))
        if (run_id := values.get("queued_run_id")) is None:
            return None
        return lambda: self._following.watch(run_id)

    async def _show(self, frame: Show, conversation_id: UUID, run_id: UUID) -> Follow:
        outline = await services.show(self.user_id, conversation_id, run_id)
        await self._send_text(server_frames.ok(frame.id, conversation_id=conversation_id, **outline))
        return None
