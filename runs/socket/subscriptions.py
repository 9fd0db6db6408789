"""What one socket follows: runs with a cursor each, and conversations whose runs it will follow.

Sits between the feed and a socket, and knows neither Channels nor a user: whoever subscribes has
checked that the run may be seen.
"""

import contextlib
from collections.abc import Awaitable, Callable, Iterator
from uuid import UUID

from runs.engine import supervisor
from runs.log.feed import RunBegan, Viewer, size_of
from runs.socket import frames


class Subscriptions:
    """The ``feed.Client`` of one socket."""

    def __init__(
        self,
        *,
        send_text: Callable[[str], Awaitable[None]],
        unsent: Callable[[], int],
        too_slow: Callable[[], Awaitable[None]],
        failed: Callable[[], Awaitable[None]],
        run_began: RunBegan,
    ) -> None:
        """Take how to send, how many bytes the server still holds, and whom to tell what happens."""
        self._send_text = send_text
        self._unsent = unsent
        self._too_slow = too_slow
        self._failed = failed
        self._run_began = run_began
        self._viewers: dict[UUID, Viewer] = {}
        #: For each followed conversation, its runs that are watched because of that.
        self._conversations: dict[UUID, set[UUID]] = {}
        self._acknowledged = _Acknowledged()
        self._is_closed = False

    def __len__(self) -> int:
        """Return how many runs are being delivered."""
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
        """Deliver a run's events after ``after``, unless it is being watched already.

        ``last_seq`` and ``finished`` are where the run stood when it was looked up. With
        ``conversation_id`` it is watched for as long as that conversation is followed.
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
    def held(self, run_id: UUID) -> Iterator[None]:
        """Deliver nothing of a run that is committed while this lasts: an answer goes out first."""
        viewer = self._viewers.get(run_id)
        with contextlib.nullcontext() if viewer is None else viewer.held():
            yield

    async def stop(self, run_id: UUID) -> None:
        """Deliver nothing more of a run."""
        viewer = self._viewers.get(run_id)
        self.viewer_ended(run_id)
        if viewer is not None:
            await viewer.stop()

    def follow(self, conversation_id: UUID) -> None:
        """Hear of every run that begins in a conversation from now on."""
        if not self._is_closed and conversation_id not in self._conversations:
            self._conversations[conversation_id] = set()
            supervisor.current().feed.follow(conversation_id, self._run_began)

    async def unfollow(self, conversation_id: UUID) -> None:
        """Hear of them no more, nor of the runs that were watched because of it."""
        run_ids = self._conversations.pop(conversation_id, None)
        if run_ids is None:
            return
        supervisor.current().feed.unfollow(conversation_id, self._run_began)
        for run_id in run_ids:
            await self.stop(run_id)

    def is_watching(self, run_id: UUID) -> bool:
        """Tell whether a run is being delivered."""
        return run_id in self._viewers

    def acknowledge(self, run_id: UUID, seq: int) -> None:
        """Take an ``ack``."""
        if run_id in self._viewers:
            self._acknowledged.note(run_id, seq)

    async def close(self) -> None:
        """Let go of everything, for good: a frame that is still in work subscribes to nothing more."""
        self._is_closed = True
        for conversation_id in list(self._conversations):
            await self.unfollow(conversation_id)
        for run_id in list(self._viewers):
            await self.stop(run_id)

    async def send_frame(self, run_id: UUID, seq: int, frame: str) -> None:
        """Send an event to the client."""
        self._acknowledged.sent(run_id, seq, size_of(frame))
        await self._send_text(frame)

    async def send_lag(self, run_id: UUID, behind: int) -> None:
        """Say that live delivery pauses."""
        await self._send_text(frames.dump({"type": "lag", "run_id": str(run_id), "behind": behind}))

    def unread(self) -> int:
        """Return the bytes that the client has not read, as far as is known."""
        return max(self._unsent(), self._acknowledged.outstanding)

    async def drop(self) -> None:
        """End the connection of a client that does not read."""
        await self._too_slow()

    async def fail(self) -> None:
        """End the connection of a client that we could not go on serving."""
        await self._failed()

    def viewer_ended(self, run_id: UUID) -> None:
        """Forget a run that has been delivered to its end."""
        self._viewers.pop(run_id, None)
        self._acknowledged.forget(run_id)
        for run_ids in self._conversations.values():
            run_ids.discard(run_id)


class _Acknowledged:
    """How many bytes of the runs that a client acknowledges it has been sent and not confirmed."""

    def __init__(self) -> None:
        self.outstanding = 0
        self._sent: dict[UUID, dict[int, int]] = {}

    def sent(self, run_id: UUID, seq: int, size: int) -> None:
        """Note an event on its way, of a run that the client is known to acknowledge."""
        if run_id in self._sent:
            self._sent[run_id][seq] = size
            self.outstanding += size

    def note(self, run_id: UUID, seq: int) -> None:
        """Take an ``ack`` for everything up to ``seq``."""
        waiting = self._sent.setdefault(run_id, {})
        for earlier in [number for number in waiting if number <= seq]:
            self.outstanding -= waiting.pop(earlier)

    def forget(self, run_id: UUID) -> None:
        """Count a run no more."""
        self.outstanding -= sum(self._sent.pop(run_id, {}).values())
