"""Executes the commands by which a client follows a run, a conversation or the list of conversations, or stops it."""

from collections.abc import Awaitable, Callable
from uuid import UUID

from providers.types import Json
from runs import services
from runs.errors import Forbidden, ServiceError
from runs.services import Onlooker
from runs.socket import server_frames, shared_view
from runs.socket.client_frames import Subscribe, Unsubscribe
from runs.socket.frame_parsing import BadFrame
from runs.socket.run_ids import RunIds
from runs.socket.shared_view import SharedViews
from runs.socket.subscriptions import Subscriptions

#: Starts delivery, or ``None``. Called after ``ok`` was sent, so that events follow the answer.
type Follow = Callable[[], None] | None

#: The answer to a subscription to a run whose events retention has deleted.
_EVENTS_DELETED = (
    "The events of this run were deleted because of their age. Its messages are in its conversation."
)


class Following:
    """Executes these commands for one socket. Each method answers the client, and returns what starts the delivery."""

    def __init__(
        self,
        user_id: int,
        onlooker: Onlooker,
        *,
        subscriptions: Subscriptions,
        shared: SharedViews,
        ids: RunIds,
        send_text: Callable[[str], Awaitable[None]],
    ) -> None:
        """Take the socket's parts; ``user_id`` is whose list of conversations ``onlooker`` sees."""
        self._user_id = user_id
        self._onlooker = onlooker
        self._subscriptions = subscriptions
        self._shared = shared
        self._ids = ids
        self._send_text = send_text

    async def subscribe(self, frame: Subscribe, run_id: UUID) -> Follow:
        """Deliver a run's events from the place that the frame names.

        Raises:
            NotFound: the onlooker may not see such a run.
            BadFrame: the place is beyond the run's last event.
        """
        position = await services.locate_run(self._onlooker, run_id)
        after = frame.after or 0
        if after > position.last_seq:
            raise BadFrame("bad_frame", f"after is beyond the run's last seq, {position.last_seq}.")
        await self._subscriptions.stop(run_id)
        self._shared.use(position.share)
        pruned = {"events": "deleted", "message": _EVENTS_DELETED} if position.is_pruned else {}
        await self._send_text(
            server_frames.ok(frame.id, run_id=run_id, status=position.status, seq=position.last_seq, **pruned)
        )
        return lambda: self.watch(run_id, position, after=after)

    async def follow(self, frame: Subscribe, conversation_id: UUID) -> Follow:
        """Deliver a conversation's active run, and each run that begins in it.

        Raises:
            NotFound: the onlooker may not see such a conversation.
        """
        # Check who looks first, because a follower is notified of new runs at once. Then look up the active
        # run again: one may have begun meanwhile.
        await services.locate_conversation(self._onlooker, conversation_id)
        self._subscriptions.follow(conversation_id)
        try:
            place = await services.locate_conversation(self._onlooker, conversation_id)
        except ServiceError:
            await self._subscriptions.unfollow(conversation_id)
            raise
        self._shared.use(place.share)
        active = place.active
        values: Json = shared_view.told(place.share)
        if active is not None:
            await self._ids.learn(active.run_id)
            values |= {"run_id": active.run_id, "status": active.status, "seq": active.last_seq}
        outline = await services.outline(self._onlooker, conversation_id)
        await self._send_text(
            server_frames.ok(frame.id, conversation_id=conversation_id, **values, **outline)
        )
        self._shared.enter(conversation_id, place.share, is_told=frame.presence)
        if active is None:
            return None
        return lambda: self.watch(active.run_id, active, conversation_id=conversation_id)

    async def follow_list(self, frame_id: str) -> Follow:
        """Tell the entries of the user's list of conversations that change.

        Raises:
            Forbidden: the onlooker came by a link.
        """
        if self._onlooker.user_id is None:
            raise Forbidden("Whoever has a link has no list of conversations.")
        self._subscriptions.follow_list(self._user_id)
        await self._send_text(server_frames.ok(frame_id, list=True))
        return None

    async def unfollow_list(self, frame_id: str) -> Follow:
        """Tell nothing of the list any more."""
        self._subscriptions.unfollow_list()
        await self._send_text(server_frames.ok(frame_id, list=True))
        return None

    async def unsubscribe(self, frame: Unsubscribe, run_id: UUID) -> Follow:
        """Stop the delivery of a run. Raises ``NotFound`` as ``subscribe`` does."""
        await services.locate_run(self._onlooker, run_id)
        await self._subscriptions.stop(run_id)
        await self._send_text(server_frames.ok(frame.id, run_id=run_id))
        return None

    async def unfollow(self, frame_id: str, conversation_id: UUID) -> Follow:
        """Stop the delivery of a conversation. Raises ``NotFound`` as ``follow`` does, after it has stopped."""
        self._shared.leave(conversation_id)
        await self._subscriptions.unfollow(conversation_id)
        await services.locate_conversation(self._onlooker, conversation_id)
        await self._send_text(server_frames.ok(frame_id, conversation_id=conversation_id))
        return None

    def watch(
        self,
        run_id: UUID,
        position: services.Position | None = None,
        *,
        after: int = 0,
        conversation_id: UUID | None = None,
    ) -> None:
        """Start delivery of a run's events; ``position`` is ``None`` for a run that has just begun."""
        self._subscriptions.watch(
            run_id,
            after=after,
            last_seq=position.last_seq if position else 0,
            finished=position.is_finished if position else False,
            conversation_id=conversation_id,
        )
