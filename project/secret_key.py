"""Creates a secret key for an installation that sets none.

This module does not use Django, because the settings call it while they load.
"""

import contextlib
import os
import secrets
import tempfile
from pathlib import Path


def load_or_create(path: Path) -> str:
    """Return the key in the file ``path``. If the file does not exist, create it with 384 random bits.

    Only the owner may read the file. Its folder must exist. Processes that start together get the same key:
    each writes a temporary file and links it to ``path``. Only the first link succeeds, to a complete file.

    Raises:
        OSError: ``path`` can be neither read nor created.
        ValueError: ``path`` is empty. A new key would end all sessions, so a person has to decide.
    """
    if not path.exists():
        # mkstemp creates files with mode 0600.
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
