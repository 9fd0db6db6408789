"""Delivers the events of runs to viewers, live or from the event log, in order and without gaps.

The feed receives committed events only. A viewer that keeps up gets its frames from memory. A viewer that
is new or lags gets pages of the log, no faster than its client reads. A client that stops reading is
dropped. The feed sends through the ``Client`` protocol and does not depend on sockets.
"""

import asyncio
import contextlib
import logging
import sys
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum
from typing import Protocol
from uuid import UUID

from django.db import InterfaceError, OperationalError

from concurrency.tasks import spawn
from concurrency.threads import readers
from providers.types import Json
from runs.log.doorbells import Doorbells
from runs.log.followers import Followers
from runs.log.news import News
from runs.log.polling import StatePoll
from runs.log.rows import read_page
from runs.log.run_log import Committed

logger = logging.getLogger("runnel.feed")

#: Unread bytes of a client above which live delivery pauses.
PAUSE_ABOVE = 1024 * 1024
#: Unread bytes of a client at which live delivery resumes.
RESUME_BELOW = 256 * 1024
#: Unread bytes of a client, plus the bytes published during a pause, above which it is dropped.
DROP_ABOVE = 8 * 1024 * 1024
#: Frames that are queued in memory for one viewer.
MAX_QUEUED = 1024
#: Frames that one viewer gets before the event loop runs other tasks.
FRAMES_PER_TURN = 64
#: Seconds without any reading after which a client is dropped.
STALLED = 120.0
#: Seconds between two checks of a client's unread bytes.
UNREAD_INTERVAL = 0.05
#: Seconds until the log is read again after the database was away.
READ_AGAIN = 0.5
#: Seconds for which the first events of a run that another process drives wait for a viewer.
KEPT_OPENING = 2.0
#: Seconds between two queries for the states of the runs that other processes drive.
POLL = 0.3


class Client(Protocol):
    """The receiving side of a viewer, for example a WebSocket."""

    async def send_frame(self, run_id: UUID, seq: int, frame: str) -> None:
        """Send the frame of one event."""
        ...

    async def send_lag(self, run_id: UUID, behind: int) -> None:
        """Report that live delivery of a run pauses, ``behind`` events before the newest one."""
        ...

    def unread(self) -> int:
        """Return how many sent bytes the client has not read yet, as far as the server can know."""
        ...

    async def send_note(self, run_id: UUID, seq: int, name: str, value: Json) -> None:
        """Send a ``CUSTOM`` event after the event ``seq`` that is in no log: why nothing follows, or that it does again."""
        ...

    async def drop(self) -> None:
        """Close the connection because the client reads too slowly."""
        ...

    async def fail(self) -> None:
        """Close the connection after an error of the server; the client may reconnect."""
        ...

    def viewer_ended(self, run_id: UUID) -> None:
        """Remove the viewer of a run: its last event was delivered, or the run was deleted."""
        ...


class _Source(Enum):
    """The source of a run's next events."""

    #: This process drives the run and publishes every commit.
    HERE = "here"
    #: Another process may drive the run; the feed polls its state.
    LOG = "log"
    #: The run has ended; there are no more events.
    ENDED = "ended"


@dataclass(slots=True, eq=False)
class _Channel:
    """The state of one run in this process, with its viewers."""

    last_seq: int
    source: _Source
    #: Whether the process that drives the run has sent no heartbeat for a while.
    is_silent: bool = False
    #: Whether that process has said that it cannot save anything, and whether the viewers were told that saving waits.
    is_stalled: bool = False
    is_told_waiting: bool = False
    #: Bytes published so far; a paused viewer measures its growth.
    published: int = 0
    #: The first batch of a run that begins here, for the viewer that its start will bring.
    opening: Committed | None = None
    viewers: set["Viewer"] = field(default_factory=set)

    def wake_viewers(self) -> None:
        """Let each viewer look for events, or for the end."""
        for viewer in self.viewers:
            viewer.wake.set()


class Feed:
    """Connects the runs that this process drives or watches with their viewers."""

    def __init__(self, *, poll: float = POLL) -> None:
        """Take the seconds between two queries for the states of runs that other processes drive."""
        self._channels: dict[UUID, _Channel] = {}
        self._elsewhere = StatePoll(self._take_state, interval=poll)
        self._news = News(self._read_seq, self._take_news)
        self.followers = Followers()
        self._is_waiting = False
        self.doorbells = Doorbells(lambda: self._elsewhere.run_ids, self._driven_seq)

    def expect(self, run_id: UUID) -> None:
        """Keep the first events of a run that is about to be stored here, until ``open`` or ``close``."""
        self._channels.setdefault(run_id, _Channel(0, _Source.HERE))

    def open(self, run_id: UUID, conversation_id: UUID) -> None:
        """Begin live delivery of a run that this process drives, and notify its conversation's followers."""
        channel = self._channels.setdefault(run_id, _Channel(0, _Source.HERE))
        self._set_source(run_id, channel, _Source.HERE)
        self.followers.began(conversation_id, run_id)

    def lags(self) -> list[int]:
        """Return for each viewer how many committed events it has not got yet."""
        return [
            max(channel.last_seq - viewer.cursor, 0)
            for channel in self._channels.values()
            for viewer in channel.viewers
        ]

    def close(self, run_id: UUID, *, has_ended: bool) -> None:
        """End live delivery of a run, because this process has stopped driving it.

        Args:
            run_id: the run.
            has_ended: True if the run's end is committed: viewers get the remaining events and finish.
                False if another process must end the run: the feed then polls its state.
        """
        channel = self._channels.get(run_id)
        if channel is None:
            return
        if not channel.viewers:
            del self._channels[run_id]
            return
        self._set_source(run_id, channel, _Source.ENDED if has_ended else _Source.LOG)
        channel.wake_viewers()

    def hand_over(self, run_id: UUID) -> None:
        """Leave a run that was stored here to another process. Its first events are kept for the viewer of its start."""
        channel = self._channels.setdefault(run_id, _Channel(0, _Source.HERE))
        self._set_source(run_id, channel, _Source.LOG)
        if not channel.viewers:
            asyncio.get_running_loop().call_later(KEPT_OPENING, self._forget_unwatched, run_id, channel)

    def _forget_unwatched(self, run_id: UUID, channel: _Channel) -> None:
        is_current = self._channels.get(run_id) is channel
        if is_current and not channel.viewers and channel.source is not _Source.HERE:
            del self._channels[run_id]
            self._set_source(run_id, channel, _Source.ENDED)

    def publish(self, batch: Committed) -> None:
        """Queue a committed batch for every viewer of its run, and ring where others are."""
        self.doorbells.committed(batch.run_id, batch.last_seq)
        channel = self._channels.get(batch.run_id)
        if channel is None:
            return
        channel.last_seq = batch.last_seq
        channel.opening = batch if batch.first_seq == 1 else None
        channel.published += sum(map(size_of, batch.frames))
        for viewer in channel.viewers:
            viewer.offer(batch)

    def watch(self, run_id: UUID, client: Client, *, after: int, last_seq: int, finished: bool) -> "Viewer":
        """Return a new viewer of a run; call its ``start`` to begin delivery.

        Args:
            run_id: the run.
            client: receives the frames.
            after: the seq of the last event that the client has; delivery begins at the next one.
            last_seq: the run's newest seq, as just read from the database.
            finished: whether the run has ended, as just read from the database.
        """
        channel = self._channels.get(run_id)
        if channel is None:
            channel = self._channels[run_id] = _Channel(last_seq, _Source.ENDED)
            self._set_source(run_id, channel, _Source.ENDED if finished else _Source.LOG)
        channel.last_seq = max(channel.last_seq, last_seq)
        viewer = Viewer(self, run_id, channel, client, after)
        channel.viewers.add(viewer)
        if channel.opening is not None and not after:
            viewer.offer(channel.opening)
        return viewer

    def tell_waiting(self, is_waiting: bool) -> None:
        """Tell all viewers of runs that have not ended that nothing can be saved now, or that it can be again."""
        self._is_waiting = is_waiting
        for channel in self._channels.values():
            self._tell_waiting(channel)

    def take_stalled(self, run_id: UUID, is_waiting: bool) -> None:
        """Tell the viewers of a run the same of the process that drives it: a worker may be the only one that writes."""
        channel = self._channels.get(run_id)
        if channel is not None and channel.source is _Source.LOG:
            channel.is_stalled = is_waiting
            self._tell_waiting(channel)

    def _tell_waiting(self, channel: _Channel) -> None:
        is_waiting = self._is_waiting or channel.is_stalled
        if channel.source is not _Source.ENDED and channel.is_told_waiting != is_waiting:
            channel.is_told_waiting = is_waiting
            for viewer in channel.viewers:
                viewer.tell("storage_waiting", {"waiting": is_waiting})

    def leave(self, viewer: "Viewer") -> None:
        """Remove a viewer, and its channel if it was the last one and this process does not drive the run."""
        channel = viewer.channel
        channel.viewers.discard(viewer)
        self._forget_unwatched(viewer.run_id, channel)

    def _set_source(self, run_id: UUID, channel: _Channel, source: _Source) -> None:
        channel.source = source
        if source is _Source.LOG:
            self._elsewhere.add(run_id)
            self.doorbells.watch(run_id)
        else:
            self._elsewhere.remove(run_id)

    def ring(self, run_id: UUID, last_seq: int) -> None:
        """Take the newest seq of a run from the process that drives it; it may be late, wrong, or of no interest here."""
        channel = self._channels.get(run_id)
        if channel is not None and channel.source is _Source.LOG:
            self._take_state(run_id, last_seq, False, channel.is_silent)

    def _driven_seq(self, run_id: UUID) -> int:
        channel = self._channels.get(run_id)
        return channel.last_seq if channel is not None and channel.source is _Source.HERE else 0

    def _take_state(self, run_id: UUID, last_seq: int, has_ended: bool, is_silent: bool) -> None:
        """Take the state of a run that another process drives; read what is new of it."""
        channel = self._channels[run_id]
        if is_silent != channel.is_silent and not has_ended:
            channel.is_silent = is_silent
            for viewer in channel.viewers:
                viewer.tell("worker_silent", {"silent": is_silent})
        if last_seq > channel.last_seq:
            # Whatever it has said before, it saves now.
            channel.is_stalled = False
            self._tell_waiting(channel)
            self._news.want(run_id, last_seq)
        elif has_ended:
            channel.last_seq = last_seq
            self._set_source(run_id, channel, _Source.ENDED)
            channel.wake_viewers()

    def _read_seq(self, run_id: UUID) -> int:
        channel = self._channels.get(run_id)
        return channel.last_seq if channel is not None and channel.source is _Source.LOG else sys.maxsize

    def _take_news(self, run_id: UUID, batches: list[Committed], last_seq: int) -> None:
        """Offer what another process has committed to the viewers of its run."""
        channel = self._channels.get(run_id)
        if channel is None or channel.source is not _Source.LOG:
            return
        for batch in batches:
            channel.last_seq = max(channel.last_seq, batch.last_seq)
            for viewer in channel.viewers:
                viewer.offer(batch)
        if channel.last_seq < last_seq:
            # More than one query reads: the viewers read their own pages.
            channel.last_seq = last_seq
            channel.wake_viewers()

    def __len__(self) -> int:
        return len(self._channels)


class Viewer:
    """Delivers one run to one client; ``cursor`` is the seq of the last frame sent and only grows."""

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
        """Begin delivery in a task."""
        self._task = spawn(self._follow(), name=f"viewer {self.run_id}")

    async def stop(self) -> None:
        """Stop delivery and leave the feed."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        self._feed.leave(self)

    @contextlib.contextmanager
    def paused_delivery(self) -> Iterator[None]:
        """Hold back new batches within the ``with`` block; the queue and the log keep them for later."""
        self._holders += 1
        self._may_deliver.clear()
        try:
            yield
        finally:
            self._holders -= 1
            if not self._holders:
                self._may_deliver.set()

    def offer(self, batch: Committed) -> None:
        """Queue a live batch. If the queue is full, empty it: the viewer then reads from the log."""
        if self._queued + len(batch.frames) > MAX_QUEUED:
            self._queue.clear()
            self._queued = 0
        else:
            self._queue.append(batch)
            self._queued += len(batch.frames)
        self.wake.set()

    def tell(self, name: str, value: Json) -> None:
        """Tell the client why nothing follows, or that it does again."""
        spawn(self._client.send_note(self.run_id, self.cursor, name, value), name="a note", is_shared=True)

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
                else:
                    await self.wake.wait()
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
                # send_frame may never suspend, so a long replay would block the event loop.
                await asyncio.sleep(0)

    async def _catch_up(self) -> bool:
        """Deliver a page of the log; return False if there is none because the run was deleted."""
        self._queue.clear()
        self._queued = 0
        try:
            pages = await readers.run(read_page, self.run_id, self.cursor)
        except (OperationalError, InterfaceError):
            logger.warning("the log of run %s cannot be read: trying again", self.run_id, exc_info=True)
            await asyncio.sleep(READ_AGAIN)
            return True
        for first_seq, frames in pages:
            await self._deliver(first_seq, frames)
        return bool(pages)

    async def _wait_for_reader(self) -> None:
        """Pause until ``RESUME_BELOW`` bytes are unread; drop a client that stalls or falls too far behind.

        Raises:
            asyncio.CancelledError: the client was dropped; this ends the viewer's task.
        """
        await self._client.send_lag(self.run_id, self.channel.last_seq - self.cursor)
        start = self.channel.published
        least, drop_at = self._client.unread(), time.monotonic() + STALLED
        while (unread := self._client.unread()) > RESUME_BELOW:
            if unread < least:
                least, drop_at = unread, time.monotonic() + STALLED
            behind = unread + self.channel.published - start
            if behind > DROP_ABOVE or time.monotonic() > drop_at:
                await self._client.drop()
                raise asyncio.CancelledError
            await asyncio.sleep(UNREAD_INTERVAL)


def size_of(frame: str) -> int:
    """Return the size of a frame in bytes of UTF-8."""
    return len(frame) if frame.isascii() else len(frame.encode())
