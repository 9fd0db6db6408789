"""Asks once for confirmation, then empties the data folder. Touches nothing else."""

import os
import shutil
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "project.settings")


def main() -> int:
    """Return the exit status: 1 if nothing was deleted."""
    from django.conf import settings

    from project.environment import Mistake
    from runs.engine import lock

    try:
        folder: Path = settings.RUNNEL_DATA_DIR.resolve()
    except Mistake as mistake:
        print(mistake, file=sys.stderr)
        return 1
    if folder in {ROOT, *ROOT.parents, Path.home()}:
        print(f"{folder} holds more than Runnel's data: nothing was deleted.", file=sys.stderr)
        return 1
    try:
        lock.hold(folder)
    except lock.AlreadyRunning:
        print(f"A server uses {folder}: stop it first. Nothing was deleted.", file=sys.stderr)
        return 1
    print(f"This deletes everything in {folder}: users, conversations, runs, traces, the secret key.")
    print("A database elsewhere (DATABASE_URL) is not touched.")
    try:
        answer = input('Type "yes" to go on: ')
    except (EOFError, KeyboardInterrupt):
        answer = ""
        print()
    if answer.strip() != "yes":
        print("Nothing was deleted.")
        return 1
    for entry in folder.iterdir():
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        else:
            entry.unlink()
    print(f"{folder} is empty.")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
