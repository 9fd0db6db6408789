"""The lock that a process holds while it migrates the database, so that several first starts at once are one.

It is a file beside SQLite's, or in the data folder; and on PostgreSQL, which processes with other folders use too,
an advisory lock.
"""

import fcntl
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from django.db.backends.base.base import BaseDatabaseWrapper

#: The advisory lock's number, in the database that is migrated.
_NUMBER = int.from_bytes(b"runnel")
_FILE = "migration.lock"

#: Databases whose lock this process holds: a command that holds it may call another one that takes it.
_held: set[str] = set()


@contextmanager
def held(connection: BaseDatabaseWrapper, folder: Path, *, on_wait: Callable[[], None]) -> Iterator[None]:
    """Hold the lock inside the ``with`` block, after waiting for the process that has it.

    Args:
        connection: a connection to the database. Its transactions are not touched: the lock has another connection.
        folder: the data folder.
        on_wait: called once if another process holds the lock.

    Raises:
        DatabaseError: the database cannot be reached.
        OSError: the lock's file cannot be written.
    """
    if connection.alias in _held:
        yield
        return
    with ExitStack() as stack:
        told = iter([on_wait])

        def tell_once() -> None:
            for tell in told:
                tell()

        stack.enter_context(_file_lock(_place(connection, folder) / _FILE, tell_once))
        if connection.vendor == "postgresql":
            stack.enter_context(_advisory_lock(connection, tell_once))
        _held.add(connection.alias)
        stack.callback(_held.discard, connection.alias)
        yield


def is_held(connection: BaseDatabaseWrapper) -> bool:
    """Return whether some process migrates the database now, on PostgreSQL; of others it is not known."""
    if connection.vendor != "postgresql":
        return False
    with connection.cursor() as cursor:
        # If it is free, this holds it for the length of the statement.
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [_NUMBER])
        return bool(cursor.fetchone() == (False,))


def _place(connection: BaseDatabaseWrapper, folder: Path) -> Path:
    name = Path(str(connection.settings_dict["NAME"]))
    return name.parent if connection.vendor == "sqlite" and name.is_absolute() else folder


@contextmanager
def _file_lock(path: Path, on_wait: Callable[[], None]) -> Iterator[None]:
    with path.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            on_wait()
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


@contextmanager
def _advisory_lock(connection: BaseDatabaseWrapper, on_wait: Callable[[], None]) -> Iterator[None]:
    """Hold the lock of the session of a connection of its own; PostgreSQL ends it with the session."""
    own = connection.copy()
    try:
        with own.cursor() as cursor:
            cursor.execute("SELECT pg_try_advisory_lock(%s)", [_NUMBER])
            if cursor.fetchone() != (True,):
                on_wait()
                cursor.execute("SELECT pg_advisory_lock(%s)", [_NUMBER])
        yield
    finally:
        own.close()
