"""A keyed serial executor. Jobs with the same key run in order; jobs with different keys run concurrently."""

import asyncio
from collections.abc import Awaitable, Callable

from concurrency.tasks import spawn


class SerialExecutor:
    """Runs one task per job.

    A job starts when the previous job with the same key has ended, whether that one succeeded or failed.
    """

    def __init__(self) -> None:
        self._unfinished: set[asyncio.Task[None]] = set()
        self._last: dict[str, asyncio.Task[None]] = {}

    def __len__(self) -> int:
        """Return the number of jobs that wait or run."""
        return len(self._unfinished)

    def __contains__(self, key: object) -> bool:
        """Return whether a job with ``key`` waits or runs."""
        return key in self._last

    def submit(self, key: str, work: Callable[[], Awaitable[None]], *, after: str = "") -> None:
        """Schedule ``work`` after all jobs that were submitted earlier with the key ``key`` or ``after``.

        Returns at once. An exception in ``work`` is logged and does not stop later jobs.
        """
        before = [task for name in (key, after) if (task := self._last.get(name)) is not None]

        async def run_in_order() -> None:
            if before:
                await asyncio.wait(before)
            await work()

        task = spawn(run_in_order(), name=f"job of {key}")
        self._last[key] = task
        self._unfinished.add(task)
        task.add_done_callback(lambda done: self._remove(key, done))

    def _remove(self, key: str, task: asyncio.Task[None]) -> None:
        self._unfinished.discard(task)
        if self._last.get(key) is task:
            del self._last[key]
