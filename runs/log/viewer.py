"""Viewers of runs: each delivers the events of one run to one client, in order and without gaps.

A viewer that keeps up gets its frames from memory. A viewer that is new or lags gets pages of the log, no faster than its
client reads. A client that stops reading is dropped. Viewers send through the ``Client`` protocol and do not depend on sockets.
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

from django.db import InterfaceError, OperationalError

from concurrency.tasks import spawn
from concurrency.threads import readers
from providers.types import Json
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


class Source(Enum):
    """The source of a run's next events."""

    #: This process drives the run and publishes every commit.
    HERE = "here"
    #: Another process may drive the run; the feed polls its state.
    LOG = "log"
    #: The run has ended; there are no more events.
    ENDED = "ended"


@dataclass(slots=True, eq=False)
class Channel:
    """The state of one run in this process, with its viewers."""

    last_seq: int
    source: Source
    #: The newest seq of a run of another process that was heard of; what is behind it may not be readable yet.
    heard_seq: int = 0
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


class Viewer:
    """Delivers one run to one client; ``cursor`` is the seq of the last frame sent and only grows."""

    def __init__(
        self, run_id: UUID, channel: Channel, client: Client, after: int, *, leave: Callable[["Viewer"], None]
    ) -> None:
        """Prepare delivery to ``client`` of what follows the seq ``after``. ``leave`` is called at its end, perhaps twice."""
        self.run_id = run_id
        self.channel = channel
        self.cursor = after
        self.wake = asyncio.Event()
        self._holders = 0
        self._may_deliver = asyncio.Event()
        self._may_deliver.set()
        self._leave = leave
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
        self._leave(self)

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
                elif self.channel.source is Source.ENDED:
                    self._client.viewer_ended(self.run_id)
                    return
                else:
                    await self.wake.wait()
        except Exception:
            logger.exception("a viewer of run %s failed", self.run_id)
            await self._client.fail()
        finally:
            self._leave(self)

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
