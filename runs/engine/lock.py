"""The data folder's lock. It makes one server the only user of the folder, and of its SQLite file.

A process that holds the lock at its start may treat every active run as left by a dead process. ``serve`` takes it
before it prepares anything, other servers when they start (``project.lifecycle``).
"""

import fcntl
import os
from pathlib import Path
from typing import IO

from django.conf import settings
from django.db import connection

#: The locked files, and the process that has locked them: a fork of it shares the files and holds nothing.
_held: list[IO[str]] = []
_holder: int | None = None


class AlreadyRunning(Exception):  # noqa: N818 - it names what happened
    """Another server uses this data folder."""


def hold_database() -> None:
    """Take the lock of the database if it is a SQLite file: one server is all that it can serve.

    Raises:
        AlreadyRunning: another process holds the lock. The message is a sentence for a person.
        OSError: the lock's file cannot be written.
    """
    if connection.vendor != "sqlite" or is_held():
        return
    folder = settings.RUNNEL_DATA_DIR
    database = Path(str(connection.settings_dict["NAME"]))
    elsewhere = [] if database.parent == folder else [database.with_name(f"{database.name}.lock")]
    try:
        for path in (folder / "server.lock", *elsewhere):
            _lock(path)
    except AlreadyRunning:
        release()
        raise AlreadyRunning(
            f"Another Runnel uses {folder if not elsewhere else database}. Stop it, or set RUNNEL_DATA_DIR."
        ) from None


def hold(folder: Path) -> None:
    """Take the lock of ``folder`` alone, whatever database is used, until this process ends.

    Raises:
        AlreadyRunning: another process holds the lock.
    """
    _lock(folder / "server.lock")


def _lock(path: Path) -> None:
    global _holder  # noqa: PLW0603 - one for the process
    file = path.open("a")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.close()
        raise AlreadyRunning from None
    _held.append(file)
    _holder = os.getpid()


def release() -> None:
    """Give the lock back, if this process holds it."""
    while _held:
        _held.pop().close()


def is_held() -> bool:
    """Return whether this process holds the lock."""
    return bool(_held) and _holder == os.getpid()
