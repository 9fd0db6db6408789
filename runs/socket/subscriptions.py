"""The subscriptions of one socket: watched runs, each with a cursor, followed conversations, the user's list.

This module connects the feed to a socket. It does not import Channels and does not check permissions: the
caller checks that the user may see a run before it subscribes.
"""

import contextlib
from collections.abc import Awaitable, Callable, Iterator
from uuid import UUID

from concurrency.tasks import spawn
from providers.types import Json
from runs.engine import supervisor
from runs.errors import RateLimited
from runs.log.followers import Follower
from runs.log.viewer import DROP_ABOVE, Viewer, size_of
from runs.socket import server_frames

#: Seconds after which a client may try again that follows too much. When a run ends is not known.
_ASK_AGAIN = 5.0


class Subscriptions:
    """The ``viewer.Client`` of one socket."""

    def __init__(
        self,
        *,
        send_text: Callable[[str], Awaitable[None]],
        unsent: Callable[[], int],
        too_slow: Callable[[], Awaitable[None]],
        failed: Callable[[], Awaitable[None]],
        follower: Follower,
    ) -> None:
        """Set the callbacks.

        Args:
            send_text: sends one frame to the client.
            unsent: returns the bytes that the server has buffered for the client.
            too_slow: closes the connection because the client does not read.
            failed: closes the connection after an error in delivery.
            follower: is notified of what happens in followed conversations.
        """
        self._send_text = send_text
        self._unsent = unsent
        self._too_slow = too_slow
        self._failed = failed
        self._follower = follower
        self._viewers: dict[UUID, Viewer] = {}
        #: By followed conversation: the runs that are watched only because of it.
        self._conversations: dict[UUID, set[UUID]] = {}
        #: The user whose list is followed.
        self._list_of: int | None = None
        #: Places of commands that are being executed.
        self._held_places = 0
        self._acknowledged = _Acknowledged()
        self._is_closed = False

    def __len__(self) -> int:
        """Return the number of watched runs."""
        return len(self._viewers)

    def watch(
        self,
        run_id: UUID,
        *,
        after: int = 0,
        last_seq: int = 0,
        finished: bool = False,
        conversation_id: UUID | None = None,
    ) -> None:
        """Start delivery of a run's events, unless the run is watched already or the socket is closed.

        Args:
            run_id: the run.
            after: the last seq that the client has; delivery starts with the next one.
            last_seq: the run's last seq when it was looked up.
            finished: whether the run had ended by then.
            conversation_id: if given, the run is watched only while this conversation is followed.
        """
        if self._is_closed or run_id in self._viewers:
            return
        if conversation_id is not None:
            if conversation_id not in self._conversations:
                return
            self._conversations[conversation_id].add(run_id)
        feed = supervisor.current().feed
        viewer = feed.watch(run_id, self, after=after, last_seq=last_seq, finished=finished)
        self._viewers[run_id] = viewer
        viewer.start()

    @contextlib.contextmanager
    def room_for(self, key: UUID, *, most: int) -> Iterator[None]:
        """Hold a place for one more run or conversation inside the ``with`` block, in which it is added.

        Raises:
            RateLimited: the socket follows ``most`` of them already, and this is not one of them.
        """
        followed = len(self._viewers) + len(self._conversations) + self._held_places
        is_new = key not in self._viewers and key not in self._conversations
        if is_new and followed >= most:
            raise RateLimited(
                f"One connection may follow {most:,} runs and conversations, and this one does. Unsubscribe from "
                "some, or open another connection.",
                limit="subscriptions",
                retry_after=_ASK_AGAIN,
            )
        self._held_places += is_new
        try:
            yield
        finally:
            self._held_places -= is_new

    @contextlib.contextmanager
    def delivery_paused(self, run_id: UUID) -> Iterator[None]:
        """Pause delivery of a run inside the ``with`` block: a command's answer must precede its events."""
        viewer = self._viewers.get(run_id)
        with contextlib.nullcontext() if viewer is None else viewer.paused_delivery():
            yield

    async def stop(self, run_id: UUID) -> None:
        """Stop delivery of a run."""
        viewer = self._viewers.get(run_id)
        self.viewer_ended(run_id)
        if viewer is not None:
            await viewer.stop()

    def follow(self, conversation_id: UUID) -> None:
        """Notify the follower of what happens in a conversation from now on."""
        if not self._is_closed and conversation_id not in self._conversations:
            self._conversations[conversation_id] = set()
            supervisor.current().feed.followers.follow(conversation_id, self._follower)

    async def unfollow(self, conversation_id: UUID) -> None:
        """Stop following a conversation, and stop the runs that were watched only because of it."""
        run_ids = self._conversations.pop(conversation_id, None)
        if run_ids is None:
            return
        supervisor.current().feed.followers.unfollow(conversation_id, self._follower)
        for run_id in run_ids:
            await self.stop(run_id)

    def follow_list(self, user_id: int) -> None:
        """Send a ``list_entry`` frame for each entry of the user's list that changes from now on."""
        if self._is_closed or self._list_of is not None:
            return
        self._list_of = user_id
        supervisor.current().listings.follow(user_id, self._entry_changed)

    def unfollow_list(self) -> None:
        """Send no more ``list_entry`` frames."""
        if self._list_of is not None:
            supervisor.current().listings.unfollow(self._list_of, self._entry_changed)
            self._list_of = None

    def _entry_changed(self, entry: Json) -> None:
        spawn(self._send_entry(entry), name="an entry of the list")

    async def _send_entry(self, entry: Json) -> None:
        if self._unsent() > DROP_ABOVE:
            await self._too_slow()
        else:
            await self._send_text(server_frames.dump({"type": "list_entry", "entry": entry}))

    @property
    def watched(self) -> frozenset[UUID]:
        """The watched runs."""
        return frozenset(self._viewers)

    def is_following(self, conversation_id: UUID) -> bool:
        """Return whether a conversation is followed."""
        return conversation_id in self._conversations

    def is_watching(self, run_id: UUID) -> bool:
        """Return whether a run is watched."""
        return run_id in self._viewers

    def acknowledge(self, run_id: UUID, seq: int) -> None:
        """Record that the client has read a watched run's events up to ``seq``."""
        if run_id in self._viewers:
            self._acknowledged.note(run_id, seq)

    async def close(self) -> None:
        """End all subscriptions. Commands that are still running cannot add new ones."""
        self._is_closed = True
        self.unfollow_list()
        for conversation_id in list(self._conversations):
            await self.unfollow(conversation_id)
        for run_id in list(self._viewers):
            await self.stop(run_id)

    async def send_frame(self, run_id: UUID, seq: int, frame: str) -> None:
        """Send the frame of one event to the client."""
        self._acknowledged.sent(run_id, seq, size_of(frame))
        await self._send_text(frame)

    async def send_lag(self, run_id: UUID, behind: int) -> None:
        """Send a ``lag`` frame: live delivery pauses ``behind`` events before the run's last one."""
        await self._send_text(server_frames.dump({"type": "lag", "run_id": str(run_id), "behind": behind}))

    async def send_note(self, run_id: UUID, seq: int, name: str, value: Json) -> None:
        """Send an event that is in no log, and has the number of the one before it."""
        await self._send_text(server_frames.note(run_id, seq, name, value))

    def unread(self) -> int:
        """Return the bytes that the client has not read: buffered or not acknowledged, the larger number."""
        return max(self._unsent(), self._acknowledged.outstanding)

    async def drop(self) -> None:
        """Close the connection because the client does not read."""
        await self._too_slow()

    async def fail(self) -> None:
        """Close the connection after an error in delivery."""
        await self._failed()

    def viewer_ended(self, run_id: UUID) -> None:
        """Remove a run, for example after its last event was delivered."""
        self._viewers.pop(run_id, None)
        self._acknowledged.forget(run_id)
        for run_ids in self._conversations.values():
            run_ids.discard(run_id)


class _Acknowledged:
    """Counts the bytes that were sent and not yet acknowledged.

    A run is counted from its first ``ack`` on: many clients never send one.
    """

    def __init__(self) -> None:
        #: Bytes.
        self.outstanding = 0
        #: By run: the bytes of each unacknowledged frame, by seq.
        self._sent: dict[UUID, dict[int, int]] = {}

    def sent(self, run_id: UUID, seq: int, size: int) -> None:
        """Count ``size`` bytes as sent, if the client has acknowledged this run before."""
        if run_id in self._sent:
            self._sent[run_id][seq] = size
            self.outstanding += size

    def note(self, run_id: UUID, seq: int) -> None:
        """Record an ``ack`` for all events up to ``seq``."""
        unacknowledged = self._sent.setdefault(run_id, {})
        for earlier in [number for number in unacknowledged if number <= seq]:
            self.outstanding -= unacknowledged.pop(earlier)

    def forget(self, run_id: UUID) -> None:
        """Stop counting a run."""
        self.outstanding -= sum(self._sent.pop(run_id, {}).values())
