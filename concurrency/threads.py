"""Threads that own database connections, so that no socket waits for another socket's query.

Channels runs the ORM work of all sockets on one shared thread. The journal, and every read for a stream, use
these threads instead.
"""

import asyncio
import contextlib
import functools
import select
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from django.db import InterfaceError, OperationalError, connections
from django.db.backends.base.base import BaseDatabaseWrapper

from concurrency.log_context import fresh_context

#: Seconds that ``close`` waits for calls that are under way.
CLOSING = 2.0


class DatabaseThreads:
    """A small pool of threads, each of which keeps its connection while it works."""

    def __init__(self, name: str, *, workers: int) -> None:
        self._name = name
        self._workers = workers
        self._pool: ThreadPoolExecutor | None = None
        #: The connections of the pool's threads.
        self._connections: list[BaseDatabaseWrapper] = []

    async def run[**P, T](self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run ``function`` on one of the threads and return its result.

        Raises:
            Exception: any error that ``function`` raised.
        """
        if self._pool is None:
            self._connections = []
            self._pool = ThreadPoolExecutor(
                self._workers,
                thread_name_prefix=self._name,
                initializer=_begin,
                initargs=(self._connections,),
            )
        call = functools.partial(function, *args, **kwargs)
        return await asyncio.wrap_future(self._pool.submit(fresh_context().run, _guarded, call))

    async def close(self) -> None:
        """Finish the submitted calls, end the threads and close their connections.

        Calls that do not end within ``CLOSING`` seconds are left alone: the database may never answer. A later ``run``
        starts new threads.
        """
        pool, held, self._pool = self._pool, self._connections, None
        if pool is not None:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(CLOSING):
                    await asyncio.to_thread(_end, pool, held)


def keep_no_query_log() -> None:
    """Switch off the query log of this thread's connections, which ``DEBUG`` switches on.

    The query log keeps the last 9,000 statements. Django empties it at each request, but these threads serve
    no requests.
    """
    for connection in connections.all():
        vars(connection)["make_debug_cursor"] = connection.make_cursor


def _begin(held: list[BaseDatabaseWrapper]) -> None:
    """Add the thread's connections to ``held``; they keep no query log."""
    keep_no_query_log()
    for connection in connections.all():
        # `_end` closes the connection from another thread, after this thread has ended.
        connection.inc_thread_sharing()
        held.append(connection)


def _end(pool: ThreadPoolExecutor, held: list[BaseDatabaseWrapper]) -> None:
    pool.shutdown()
    for connection in held:
        connection.close()


def close_stale() -> None:
    """Close connections of this thread that PostgreSQL has closed since their last use: the next call opens new ones.

    It takes no round trip: to a client that asks nothing, a server says nothing but that it closes the connection.
    """
    for connection in connections.all(initialized_only=True):
        link: Any = connection.connection
        if connection.vendor != "postgresql" or link is None or connection.in_atomic_block:
            continue
        said = select.poll()
        if not link.closed:
            said.register(link.fileno(), select.POLLIN)
        if link.closed or said.poll(0):
            connection.close()


def _guarded[T](call: Callable[[], T]) -> T:
    close_stale()
    try:
        return call()
    except (OperationalError, InterfaceError):
        # The database may have closed the connection. Then the next call opens a new one.
        for connection in connections.all(initialized_only=True):
            if not connection.in_atomic_block:
                connection.close_if_unusable_or_obsolete()
        raise


#: Threads for reads on behalf of sockets: log pages, sign-in, ownership.
readers = DatabaseThreads("runnel-read", workers=4)

#: A thread that packs the traces of steps, which takes long in long conversations: no viewer should wait for it.
packers = DatabaseThreads("runnel-traces", workers=1)
