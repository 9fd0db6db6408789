"""Threads that own database connections, so that no socket waits for another one's query.

Channels runs all ORM work of all sockets on one shared thread; the journal and every read that
belongs to a stream use these instead.
"""

import asyncio
import contextlib
import functools
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from django.db import InterfaceError, OperationalError, connections


class DatabaseThreads:
    """A small pool of threads, each of which keeps its connection while it works."""

    def __init__(self, name: str, *, workers: int) -> None:
        self._name = name
        self._workers = workers
        self._pool: ThreadPoolExecutor | None = None

    async def run[**P, T](self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Return what ``function`` returns; it runs on one of the threads."""
        if self._pool is None:
            self._pool = ThreadPoolExecutor(
                self._workers, thread_name_prefix=self._name, initializer=_keep_no_queries
            )
        call = functools.partial(function, *args, **kwargs)
        return await asyncio.wrap_future(self._pool.submit(_guarded, call))

    async def close(self) -> None:
        """Finish what was submitted, close the connections, end the threads. May be used again."""
        pool, self._pool = self._pool, None
        if pool is None:
            return
        # Each thread can close only its own: none is done before all of them have come here.
        together = threading.Barrier(self._workers)
        closing = [pool.submit(_close_connections, together) for _ in range(self._workers)]
        await asyncio.gather(*map(asyncio.wrap_future, closing))
        pool.shutdown(wait=True)


def _keep_no_queries() -> None:
    """Switch off what ``DEBUG`` switches on: a memory of the last 9,000 statements, answers included.

    Django forgets them at every request, but none begins on these threads.
    """
    for connection in connections.all():
        vars(connection)["make_debug_cursor"] = connection.make_cursor


def _guarded[T](call: Callable[[], T]) -> T:
    try:
        return call()
    except (OperationalError, InterfaceError):
        # The server may have gone away; the next call connects anew.
        for connection in connections.all(initialized_only=True):
            if not connection.in_atomic_block:
                connection.close_if_unusable_or_obsolete()
        raise


def _close_connections(together: threading.Barrier) -> None:
    connections.close_all()
    # A pool may have fewer threads than it may have: then nobody waits for the others for long.
    with contextlib.suppress(threading.BrokenBarrierError):
        together.wait(timeout=1.0)


#: Reads that belong to sockets: log pages, sign-in, ownership.
readers = DatabaseThreads("runnel-read", workers=4)
