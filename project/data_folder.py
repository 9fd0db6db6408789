"""The one folder in which everything lies that this installation keeps, for its owner's eyes only.

Knows the file system and nothing of Django: settings are still loading when it is asked.
"""

import errno
import os
from pathlib import Path

_OTHERS = 0o077

#: How the names of what Runnel makes there begin, drafts and SQLite's own files included.
_OURS = (".secret_key.", "files", "runnel.sqlite3", "secret_key", "server.lock", "static", "test.sqlite3")


def prepare(folder: Path) -> None:
    """Make ``folder`` if there is none, and close it to others.

    One that holds what is not Runnel's stays as it is: its mode is somebody else's decision.

    Raises:
        OSError: it cannot be made, or not be written.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not os.access(folder, os.W_OK | os.X_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(folder))
    is_ours = folder.stat().st_uid == os.geteuid() and all(
        entry.name.startswith(_OURS) for entry in folder.iterdir()
    )
    if is_ours and is_open_to_others(folder):
        folder.chmod(0o700)


def is_open_to_others(folder: Path) -> bool:
    """Tell whether the folder's group, or everybody, may do anything in it."""
    return bool(folder.stat().st_mode & _OTHERS)
