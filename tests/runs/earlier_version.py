"""Runs a script on a database of its own, which the script makes as an earlier version did and then migrates."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parents[2]

#: What such a script begins with. ``earlier(migration)`` returns the models of ``runs`` and ``auth`` as that one left them.
PRELUDE = """
import json, uuid, django
django.setup()
from django.core.management import call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

def earlier(migration):
    before = [("runs", migration), ("auth", "0012_alter_user_first_name_max_length")]
    call_command("migrate", "auth", verbosity=0)
    call_command("migrate", *before[0], verbosity=0)
    return MigrationExecutor(connection).loader.project_state(before).apps
"""


def told_by(script: str, folder: Path) -> Any:
    """Return the JSON that ``script`` prints last, with a data folder of its own."""
    environment = os.environ | {
        "DJANGO_SETTINGS_MODULE": "project.settings",
        "RUNNEL_DATA_DIR": str(folder),
        "DATABASE_URL": "",
    }
    done = subprocess.run(
        [sys.executable, "-c", PRELUDE + script],
        cwd=PROJECT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])
