"""What viewers follow: live fan-out inside the process, replay from the log, and no gap between.

Only what is committed gets here. A viewer that keeps up is fed from memory; one that is new, was
away or lags is caught up from the log, in pages and no faster than it reads; one that reads
nothing is dropped. Knows no socket: a viewer is given a ``Client``.
"""

import asyncio
import contextlib
import logging
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import Enum
from typing import Protocol
from uuid import UUID

from concurrency.tasks import spawn
from concurrency.threads import readers
from runs.log.journal import Committed
from runs.models import Run, RunEvent
from runs.states import TERMINAL

logger = logging.getLogger("runnel.feed")

#: Bytes that a client may leave unread before live delivery to it pauses, and when it goes on.
PAUSE_ABOVE = 1024 * 1024
RESUME_BELOW = 256 * 1024
#: Bytes that a client may leave unread before it is dropped.
DROP_ABOVE = 8 * 1024 * 1024
#: Characters read from the log at a time, and frames kept in memory for a viewer.
PAGE = 512 * 1024
MAX_QUEUED = 1024
#: Frames that one viewer is sent before others have a turn.
FRAMES_PER_TURN = 64
#: Seconds that a client may read nothing before it is dropped.
STALLED = 120.0
#: Seconds between two looks at a client that does not read, and at a run that another process drives.
LOOK_AGAIN = 0.05
POLL = 1.0


#: Hears of a conversation that has a new run, by their ids.
type RunBegan = Callable[[UUID, UUID], None]


class Client(Protocol):
    """Who gets the frames."""

    async def send_frame(self, run_id: UUID, seq: int, frame: str) -> None:
        """Hand over the frame of one event."""
        ...

    async def send_lag(self, run_id: UUID, behind: int) -> None:
        """Say that live delivery of a run pauses, ``behind`` events before its end."""
        ...

    def unread(self) -> int:
        """Return how many bytes have been handed over and not been read yet, as far as is known."""
        ...

    async def drop(self) -> None:
        """End the connection: it reads too slowly."""
        ...

    async def fail(self) -> None:
        """End the connection: we could not go on, and the client may come back."""
        ...

    def viewer_ended(self, run_id: UUID) -> None:
        """Hear that a run has been delivered to its end."""
        ...


class _Source(Enum):
    """Where more events of a run will come from."""

    #: This process drives the run: every commit passes through here.
    HERE = "here"
    #: Another process may: the log is looked at now and then.
    LOG = "log"
    #: None will come.
    ENDED = "ended"


@dataclass(slots=True, eq=False)
class _Channel:
    """One run as this process sees it."""

    last_seq: int
    source: _Source
    #: Bytes published so far: the difference tells how far behind a viewer is.
    published: int = 0
    viewers: set["Viewer"] = field(default_factory=set)


class Feed:
    """All runs that are live here or are being watched here."""

    def __init__(self) -> None:
        self._channels: dict[UUID, _Channel] = {}
        self._conversations: dict[UUID, set[RunBegan]] = {}

    def open(self, run_id: UUID, conversation_id: UUID) -> None:
        """Expect commits of a run that this process drives, and tell who follows its conversation."""
        channel = self._channels.setdefault(run_id, _Channel(0, _Source.HERE))
        channel.source = _Source.HERE
        for tell in tuple(self._conversations.get(conversation_id, ())):
            tell(conversation_id, run_id)

    def follow(self, conversation_id: UUID, tell: RunBegan) -> None:
        """Call ``tell`` for every run that begins in the conversation from now on."""
        self._conversations.setdefault(conversation_id, set()).add(tell)

    def unfollow(self, conversation_id: UUID, tell: RunBegan) -> None:
        """Stop calling ``tell``."""
        followers = self._conversations.get(conversation_id, set())
        followers.discard(tell)
        if not followers:
            self._conversations.pop(conversation_id, None)

    def close(self, run_id: UUID, *, has_ended: bool) -> None:
        """This process drives the run no more: viewers get the rest and are done.

        Where it could not write the run's end, somebody else will: viewers go on from the log.
        """
        channel = self._channels.get(run_id)
        if channel is None:
            return
        channel.source = _Source.ENDED if has_ended else _Source.LOG
        for viewer in channel.viewers:
            viewer.wake.set()
        if not channel.viewers:
            del self._channels[run_id]

    def publish(self, batch: Committed) -> None:
        """Hand a committed batch to everybody who watches its run."""
        channel = self._channels.get(batch.run_id)
        if channel is None:
            return
        channel.last_seq = batch.last_seq
        channel.published += sum(map(size_of, batch.frames))
        for viewer in channel.viewers:
            viewer.offer(batch)

    def watch(self, run_id: UUID, client: Client, *, after: int, last_seq: int, finished: bool) -> "Viewer":
        """Return a viewer of a run from ``after`` on; ``last_seq`` and ``finished`` as just read."""
        source = _Source.ENDED if finished else _Source.LOG
        channel = self._channels.setdefault(run_id, _Channel(last_seq, source))
        channel.last_seq = max(channel.last_seq, last_seq)
        viewer = Viewer(self, run_id, channel, client, after)
        channel.viewers.add(viewer)
        return viewer

    def leave(self, viewer: "Viewer") -> None:
        """Forget a viewer, and the run if nobody is left and nothing more is expected."""
        channel = viewer.channel
        channel.viewers.discard(viewer)
        is_current = self._channels.get(viewer.run_id) is channel
        if is_current and not channel.viewers and channel.source is not _Source.HERE:
            del self._channels[viewer.run_id]

    def __len__(self) -> int:
        return len(self._channels)


class Viewer:
    """One client's view of one run: a cursor that only grows."""

    def __init__(self, feed: Feed, run_id: UUID, channel: _Channel, client: Client, after: int) -> None:
        self.run_id = run_id
        self.channel = channel
        self.cursor = after
        self.wake = asyncio.Event()
        self._holders = 0
        self._may_deliver = asyncio.Event()
        self._may_deliver.set()
        self._feed = feed
        self._client = client
        self._queue: deque[Committed] = deque()
        self._queued = 0
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to deliver."""
        self._task = spawn(self._follow(), name=f"viewer {self.run_id}")

    async def stop(self) -> None:
        """Deliver nothing more."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        self._feed.leave(self)

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Deliver nothing that is committed from now on until this is left; the queue and the log keep it."""
        self._holders += 1
        self._may_deliver.clear()
        try:
            yield
        finally:
            self._holders -= 1
            if not self._holders:
                self._may_deliver.set()

    def offer(self, batch: Committed) -> None:
        """Take a live batch, or let it lie where it is: in the log."""
        if self._queued + len(batch.frames) > MAX_QUEUED:
            self._queue.clear()
            self._queued = 0
        else:
            self._queue.append(batch)
            self._queued += len(batch.frames)
        self.wake.set()

    async def _follow(self) -> None:
        try:
            while True:
                await self._may_deliver.wait()
                self.wake.clear()
                if self._queue and self._queue[0].first_seq <= self.cursor + 1:
                    batch = self._queue.popleft()
                    self._queued -= len(batch.frames)
                    await self._deliver(batch.first_seq, batch.frames)
                elif self.cursor < self.channel.last_seq:
                    if not await self._catch_up():
                        self._client.viewer_ended(self.run_id)
                        return
                elif self.channel.source is _Source.ENDED:
                    self._client.viewer_ended(self.run_id)
                    return
                elif self.channel.source is _Source.HERE:
                    await self.wake.wait()
                else:
                    await self._poll()
        except Exception:
            logger.exception("a viewer of run %s failed", self.run_id)
            await self._client.fail()
        finally:
            self._feed.leave(self)

    async def _deliver(self, first_seq: int, frames: list[str]) -> None:
        for seq, frame in enumerate(frames, first_seq):
            if seq <= self.cursor:
                continue
            if self._client.unread() > PAUSE_ABOVE:
                await self._wait_for_reader()
            await self._client.send_frame(self.run_id, seq, frame)
            self.cursor = seq
            if seq % FRAMES_PER_TURN == 0:
                # A server's send need not wait for anything: a long replay would hold up everybody.
                await asyncio.sleep(0)

    async def _catch_up(self) -> bool:
        """Deliver a page of the log; False when there is none, because the run was deleted."""
        self._queue.clear()
        self._queued = 0
        pages = await readers.run(read_page, self.run_id, self.cursor)
        for first_seq, frames in pages:
            await self._deliver(first_seq, frames)
        return bool(pages)

    async def _wait_for_reader(self) -> None:
        """Pause until the client has read enough; drop it when too much piles up meanwhile."""
        await self._client.send_lag(self.run_id, self.channel.last_seq - self.cursor)
        start = self.channel.published
        least, give_up_at = self._client.unread(), time.monotonic() + STALLED
        while (unread := self._client.unread()) > RESUME_BELOW:
            if unread < least:
                least, give_up_at = unread, time.monotonic() + STALLED
            behind = unread + self.channel.published - start
            if behind > DROP_ABOVE or time.monotonic() > give_up_at:
                await self._client.drop()
                raise asyncio.CancelledError
            await asyncio.sleep(LOOK_AGAIN)

    async def _poll(self) -> None:
        """Look for news of a run that another process drives; wait a little where there is none."""
        last_seq, has_ended = await readers.run(_read_state, self.run_id)
        if self.channel.source is not _Source.LOG:
            return
        if has_ended:
            self.channel.last_seq, self.channel.source = last_seq, _Source.ENDED
        elif last_seq != self.channel.last_seq:
            self.channel.last_seq = last_seq
        else:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(POLL):
                    await self.wake.wait()


def size_of(frame: str) -> int:
    """Return the bytes of a frame."""
    return len(frame) if frame.isascii() else len(frame.encode())


def read_page(run_id: UUID, after: int) -> list[tuple[int, list[str]]]:
    """Return batches of a run that end after seq ``after``, about ``PAGE`` characters of them."""
    pages = []
    size = 0
    rows = RunEvent.objects.filter(run_id=run_id, last_seq__gt=after).order_by("first_seq")
    for first_seq, text in rows.values_list("first_seq", "frames")[:256].iterator(chunk_size=16):
        pages.append((first_seq, text.split("\n")))
        size += len(text)
        if size > PAGE:
            break
    return pages


def _read_state(run_id: UUID) -> tuple[int, bool]:
    row = Run.objects.filter(pk=run_id).values_list("last_seq", "status").first()
    return (0, True) if row is None else (row[0], row[1] in TERMINAL)
