"""The secret key of an installation that was given none.

Knows a file and nothing of Django: settings are still loading when it is asked.
"""

import contextlib
import os
import secrets
import tempfile
from pathlib import Path


def load_or_create(path: Path) -> str:
    """Return the key in ``path``, made once with 384 random bits and readable by its owner only.

    Processes that start together all get the same key: each writes a file of its own and only
    the first link to ``path`` holds, complete from its first moment. The folder must exist.

    Raises:
        OSError: ``path`` can be neither read nor made.
        ValueError: ``path`` is empty; somebody should look before every session is signed anew.
    """
    if not path.exists():
        # mkstemp makes files of mode 0600.
        handle, draft = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(handle, "w") as file:
                file.write(secrets.token_urlsafe(48))
                file.flush()
                os.fsync(file.fileno())
            with contextlib.suppress(FileExistsError):
                os.link(draft, path)
        finally:
            Path(draft).unlink()
    key = path.read_text().strip()
    if not key:
        raise ValueError(f"{path} is empty: delete it to get a new key, or set SECRET_KEY")
    return key
