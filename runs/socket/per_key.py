"""Work that a socket has asked for: at once, but in order for what names the same thing."""

import asyncio
from collections.abc import Awaitable, Callable

from concurrency.tasks import spawn


class SerialExecutor:
    """Tasks by key; one begins when the one before it under the same key has ended."""

    def __init__(self) -> None:
        self._in_work: set[asyncio.Task[None]] = set()
        self._last: dict[str, asyncio.Task[None]] = {}

    def __len__(self) -> int:
        return len(self._in_work)

    def __contains__(self, key: object) -> bool:
        """Tell whether something is in work under ``key``."""
        return key in self._last

    def take(self, key: str, work: Callable[[], Awaitable[None]], *, after: str = "") -> None:
        """Do ``work`` after all that was taken before under ``key``, and under ``after``."""
        before = [task for name in (key, after) if (task := self._last.get(name)) is not None]

        async def in_turn() -> None:
            if before:
                await asyncio.wait(before)
            await work()

        task = spawn(in_turn(), name=f"turn of {key}")
        self._last[key] = task
        self._in_work.add(task)
        task.add_done_callback(lambda done: self._done(key, done))

    def _done(self, key: str, task: asyncio.Task[None]) -> None:
        self._in_work.discard(task)
        if self._last.get(key) is task:
            del self._last[key]
