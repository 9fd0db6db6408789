"""The data folder: it holds all files of this installation, and only its owner may read it.

This module does not use Django, because the settings call it while they load.
"""

import errno
import os
from pathlib import Path

_OTHERS = 0o077

#: Prefixes of the names that Runnel creates there, including temporary files and SQLite's own.
_OURS = (
    ".secret_key.",
    "files",
    "first_password",
    "migration.lock",
    "runnel.sqlite3",
    "secret_key",
    "server.lock",
    "static",
    "test.sqlite3",
)


def prepare(folder: Path) -> None:
    """Create ``folder`` if it does not exist, and remove the access of other users.

    The mode of a folder that contains other files than Runnel's is not changed.

    Raises:
        OSError: the folder cannot be created or is not writable.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not os.access(folder, os.W_OK | os.X_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(folder))
    is_ours = folder.stat().st_uid == os.geteuid() and all(
        entry.name.startswith(_OURS) for entry in folder.iterdir()
    )
    if is_ours and is_open_to_others(folder):
        folder.chmod(0o700)


def write_private(path: Path, text: str) -> None:
    """Write ``text`` to a file that only its owner may read, in place of one that is there.

    Raises:
        OSError: the file cannot be written.
    """
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)


def is_open_to_others(folder: Path) -> bool:
    """Return whether the folder's group or other users have any access to it."""
    return bool(folder.stat().st_mode & _OTHERS)
