"""A thread that repeats one short piece of database work, whatever the event loop and the other threads do."""

import contextlib
import logging
import threading
from collections.abc import Callable

from django.db import connection, connections

from concurrency.threads import close_stale, keep_no_query_log

logger = logging.getLogger("runnel.periodic")


class PeriodicThread:
    """Calls ``work`` every ``interval`` seconds on a thread with a database connection of its own.

    A statement of ``work`` waits at most ``patience`` seconds for the database. After a failure, which is
    logged, ``work`` is called again after ``retry`` seconds at the latest.
    """

    def __init__(
        self,
        name: str,
        work: Callable[[], None],
        *,
        interval: float,
        patience: float,
        retry: float,
        before: Callable[[], None] | None = None,
    ) -> None:
        """Prepare the thread; all times are in seconds. ``before`` is called first, also if the database is away then."""
        self._name = name
        self._work = work
        self._before = before
        self._interval = interval
        self._patience = patience
        self._retry = min(retry, interval)
        self._is_over = False
        self._wake = threading.Event()
        # A daemon: a process that forgets to stop it can end all the same.
        self._thread = threading.Thread(target=self._repeat, name=name, daemon=True)

    def start(self) -> None:
        """Begin; the first call of ``work`` follows after ``interval``."""
        self._thread.start()

    def stop(self) -> None:
        """Let the thread end after the current call of ``work``. May be called from the thread itself."""
        self._is_over = True
        self._wake.set()

    def wake(self) -> None:
        """Let ``work`` be called now, or once more if it is under way. From any thread."""
        self._wake.set()

    def join(self) -> None:
        """Wait for the thread's end after ``stop``, a little longer than ``patience``: a database may hang for ever."""
        if self._thread.is_alive():
            self._thread.join(self._patience + 1)

    def _repeat(self) -> None:
        keep_no_query_log()
        pause = self._interval
        limited: object = None
        try:
            while True:
                self._wake.wait(pause)
                self._wake.clear()
                if self._is_over:
                    return
                if self._before is not None:
                    self._before()
                try:
                    close_stale()
                    if connection.connection is None or connection.connection is not limited:
                        limit_waiting(self._patience)
                        limited = connection.connection
                    self._work()
                    pause = self._interval
                except Exception:
                    logger.exception("%s failed; the next attempt follows in %g s", self._name, self._retry)
                    # A connection that the database has closed is of no use any more.
                    with contextlib.suppress(Exception):
                        connection.close()
                    pause = self._retry
        finally:
            connections.close_all()


def limit_waiting(seconds: float) -> None:
    """Let the statements of this thread's connection wait for locks for ``seconds`` and no longer.

    On PostgreSQL, whole statements end after that time.

    Raises:
        DatabaseError: the database did not answer.
    """
    milliseconds = max(1, round(seconds * 1000))
    name = "statement_timeout" if connection.vendor == "postgresql" else "busy_timeout"
    with connection.cursor() as cursor:
        cursor.execute(f"{'SET' if connection.vendor == 'postgresql' else 'PRAGMA'} {name} = {milliseconds}")
