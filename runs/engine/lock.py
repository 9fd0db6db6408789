"""The data folder's lock. It makes the embedded server the only user of the folder's SQLite file.

A process that holds the lock at its start may treat every active run as left by a dead process.
"""

import fcntl
from pathlib import Path
from typing import IO

#: The lock lasts as long as its file is open: as long as this process lives.
_held: list[IO[str]] = []


class AlreadyRunning(Exception):  # noqa: N818 - it names what happened
    """Another server uses this data folder."""


def hold(folder: Path) -> None:
    """Take the lock of ``folder`` until this process ends.

    Raises:
        AlreadyRunning: another process holds the lock.
    """
    file = (folder / "server.lock").open("a")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.close()
        raise AlreadyRunning from None
    _held.append(file)


def is_held() -> bool:
    """Return whether this process holds the lock."""
    return bool(_held)
