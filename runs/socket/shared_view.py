"""What one socket looks at through shares, and its presence in the conversations that it follows."""

from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

from concurrency.tasks import spawn
from concurrency.threads import readers
from providers.types import Json
from runs.access import shares_in_use
from runs.models import Run, Share
from runs.services import Onlooker
from runs.socket import presence, server_frames
from runs.socket.presence import Person
from runs.socket.subscriptions import Subscriptions

#: The name of somebody with a link.
GUEST = "a guest"


def told(share: Share | None) -> dict[str, Any]:
    """Return what the ``ok`` of a subscription tells of the share; nothing to the owner."""
    if share is None:
        return {}
    owner = share.conversation.owner.get_username()
    return {"shared": {"owner": owner, "may_stop": share.may_stop}}


class SharedViews:
    """The shares that one socket uses, and the conversations in which it is present."""

    def __init__(
        self,
        onlooker: Onlooker,
        *,
        name: str,
        connection_id: str,
        subscriptions: Subscriptions,
        send_text: Callable[[str], Awaitable[None]],
        lost: Callable[[], None],
    ) -> None:
        """Take the socket's parts.

        Args:
            onlooker: the user, or the link that opened the socket.
            name: the user's name; empty for a link.
            connection_id: the socket's.
            subscriptions: the socket's.
            send_text: sends one frame to the client.
            lost: called when a link that opened the socket is not valid any more.
        """
        self._onlooker = onlooker
        self._name = name
        self._connection_id = connection_id
        self._subscriptions = subscriptions
        self._send_text = send_text
        self._lost = lost
        #: By share in use: its conversation, and the function that ends the use.
        self._shares: dict[int, tuple[UUID, Callable[[], None]]] = {}
        self._present: set[UUID] = set()
        self._is_closed = False

    def use(self, share: Share | None) -> None:
        """Look through a share from now on: once it is not valid any more, what it shows ends."""
        if share is not None and share.pk not in self._shares and not self._is_closed:
            stop = shares_in_use.use(share.pk, self._lose)
            self._shares[share.pk] = share.conversation_id, stop

    def enter(self, conversation_id: UUID, share: Share | None, *, is_told: bool) -> None:
        """Note that the socket follows a conversation; with ``is_told`` it receives who else does."""
        if self._is_closed:
            return
        kind = "owner" if share is None else "guest" if self._onlooker.user_id is None else "user"
        self._present.add(conversation_id)
        person = Person(name=self._name, kind=kind)
        tell = self._tell_presence if is_told else None
        presence.current().enter(conversation_id, self._connection_id, person, tell)

    def leave(self, conversation_id: UUID) -> None:
        """Note that the socket does not follow a conversation any more."""
        self._present.discard(conversation_id)
        presence.current().leave(conversation_id, self._connection_id)

    def close(self) -> None:
        """Forget everything: the socket closes. Commands that are still running add nothing any more."""
        self._is_closed = True
        for _, stop in self._shares.values():
            stop()
        self._shares.clear()
        for conversation_id in tuple(self._present):
            self.leave(conversation_id)

    def _tell_presence(self, conversation_id: UUID, people: list[Json]) -> None:
        frame = {"type": "presence", "conversation_id": str(conversation_id), "people": people}
        spawn(self._send(frame), name="presence")

    async def _send(self, frame: Json) -> None:
        await self._send_text(server_frames.dump(frame))

    def _lose(self, share_id: int) -> None:
        if (used := self._shares.pop(share_id, None)) is None:
            return
        conversation_id, stop = used
        stop()
        if self._onlooker.user_id is None:
            self._lost()
        else:
            spawn(self._end(conversation_id), name=f"end of a share of {conversation_id}")

    async def _end(self, conversation_id: UUID) -> None:
        """Stop what a user was shown of a conversation, and say so."""
        self.leave(conversation_id)
        await self._subscriptions.unfollow(conversation_id)
        for run_id in await readers.run(_runs_of, conversation_id, self._subscriptions.watched):
            await self._subscriptions.stop(run_id)
        await self._send({"type": "unshared", "conversation_id": str(conversation_id)})


def _runs_of(conversation_id: UUID, run_ids: frozenset[UUID]) -> list[UUID]:
    runs = Run.objects.filter(conversation_id=conversation_id, pk__in=run_ids)
    return list(runs.values_list("pk", flat=True))
