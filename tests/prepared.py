"""A data folder with a database and two users, made once for each process of the tests and copied for each server.

A server that begins with an empty folder migrates first, which takes as long as the rest of its start.
"""

import functools
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.environment import data_dir

PROJECT = Path(__file__).resolve().parents[1]

_SCRIPT = """
from django.contrib.auth import get_user_model
from django.core.management import call_command
from runs.models import ApiToken
call_command("migrate", verbosity=0)
users = get_user_model().objects
print(ApiToken.issue(users.create_superuser("admin"))[1], ApiToken.issue(users.create_user("eve"))[1])
"""


def prepare(folder: Path) -> str:
    """Copy the database and the key into ``folder`` and return a token of the user ``admin``."""
    made, token, _ = _made()
    shutil.copytree(made, folder, dirs_exist_ok=True)
    return token


def token_of_eve() -> str:
    """Return a token of the user ``eve`` of each prepared folder, who has no rights beyond those of users."""
    return _made()[2]


@functools.cache
def _made() -> tuple[Path, str, str]:
    folder = Path(tempfile.mkdtemp(dir=data_dir))
    done = subprocess.run(
        [sys.executable, "manage.py", "shell", "--no-imports", "-c", _SCRIPT],
        cwd=PROJECT,
        env=os.environ | {"RUNNEL_DATA_DIR": str(folder), "DATABASE_URL": ""},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    admin, eve = done.stdout.split()
    return folder, admin, eve
