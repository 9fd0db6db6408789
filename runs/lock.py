"""The data folder's lock: the embedded server is alone with its SQLite file.

Whoever holds it knows that every run which is active at its start was left by a dead process.
"""

import fcntl
from pathlib import Path
from typing import IO

_held: IO[str] | None = None


class AlreadyRunning(Exception):  # noqa: N818 - it names what happened
    """Another server uses this data folder."""


def hold(folder: Path) -> None:
    """Take the lock of ``folder`` until this process ends, or raise ``AlreadyRunning``."""
    global _held
    file = (folder / "server.lock").open("a")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.close()
        raise AlreadyRunning from None
    _held = file


def is_held() -> bool:
    """Tell whether this process is alone with its data folder."""
    return _held is not None
