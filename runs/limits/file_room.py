"""Room in memory for files: what the requests of all runs in this process carry at the same time. Other runs wait.

A request repeats the files of its conversation, and a run keeps them for its next step. Each megabyte of files takes
four to five of memory: as Base64, as the JSON of the request, and while it is sent.
"""

import asyncio
from collections import deque

from django.conf import settings

from concurrency.per_loop import PerLoop
from providers.errors import LLMOwnLimitError
from providers.errors.stop_signal import StopSignal, wait_for

_MEGABYTE = 1024 * 1024
#: Seconds that a run waits for its turn.
PATIENCE = 60.0


class FileRoom:
    """So many bytes, granted in the order of the requests."""

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._taken = 0
        self._waiting: deque[tuple[asyncio.Future[None], int]] = deque()

    def acquire(self, size: int) -> asyncio.Future[None]:
        """Return a future that resolves when ``size`` bytes are granted. Pass it to ``give_back()`` afterwards."""
        ticket: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((ticket, size))
        self._grant()
        return ticket

    def take(self, size: int) -> None:
        """Take ``size`` bytes at once, even if there is no room."""
        self._taken += size

    def give_back(self, size: int, ticket: asyncio.Future[None] | None = None) -> None:
        """Give back ``size`` bytes that were taken, or those of ``ticket``, or cancel its wait."""
        if ticket is not None and not ticket.done():
            self._waiting.remove((ticket, size))
            ticket.cancel()
        else:
            self._taken -= size
        self._grant()

    def _grant(self) -> None:
        """Grant what fits. A request that is larger than the whole room fits into the empty one."""
        while self._waiting and (not self._taken or self._taken + self._waiting[0][1] <= self._capacity):
            ticket, size = self._waiting.popleft()
            self._taken += size
            ticket.set_result(None)


_of_this_loop = PerLoop(lambda: FileRoom(settings.RUNNEL_MEDIA_PROCESS_MB * _MEGABYTE))


class RunRoom:
    """The part of the room that one run has."""

    def __init__(self, cancel: StopSignal) -> None:
        """Take the stop signal of the run, which ends a wait."""
        self._cancel = cancel
        self._size = 0

    async def reserve(self, size: int) -> None:
        """Have ``size`` bytes from now on, or more; wait for them if the run has none yet.

        A run that has some does not wait: two of them could wait for each other.

        Raises:
            LLMOwnLimitError: there is no room within ``PATIENCE`` seconds.
            RunCancelled: the run was stopped during the wait.
        """
        room = _of_this_loop.get()
        if self._size or not size:
            room.take(max(0, size - self._size))
            self._size = max(size, self._size)
            return
        ticket = room.acquire(size)
        is_in = ticket.done()
        try:
            is_in = is_in or await wait_for(ticket, cancel=self._cancel, seconds=PATIENCE)
        finally:
            if is_in:
                self._size = size
            else:
                room.give_back(size, ticket)
        if not is_in:
            raise LLMOwnLimitError(
                f"This server has room for {settings.RUNNEL_MEDIA_PROCESS_MB} MB of files at the same time, and other "
                "conversations have it. Try again in a moment, or start a conversation without files.",
                detail={"limit": "RUNNEL_MEDIA_PROCESS_MB", "value": settings.RUNNEL_MEDIA_PROCESS_MB},
            )

    def release(self) -> None:
        """Give everything back."""
        if self._size:
            _of_this_loop.get().give_back(self._size)
            self._size = 0
