"""The code of the release before this one."""

import shutil
import subprocess
from pathlib import Path

from tests.faults.server_process import PROJECT


def unpack_previous(folder: Path) -> None:
    """Put the code of the release before this one into a folder; ``deploy/previous-release`` names its commit.

    Raises:
        LookupError: it is not here. The message says what is missing.
    """
    commit = (PROJECT / "deploy" / "previous-release").read_text().strip()
    if shutil.which("git") is None or _git("cat-file", "-e", f"{commit}^{{commit}}").returncode:
        raise LookupError(f"the code of {commit[:8]} is not here: it needs git, and a clone with its history")
    archive = _git("archive", "--format=tar", commit)
    assert archive.returncode == 0, archive.stderr
    subprocess.run(["tar", "-x", "-C", str(folder)], input=archive.stdout, check=True)


def _git(*arguments: str) -> "subprocess.CompletedProcess[bytes]":
    return subprocess.run(["git", *arguments], cwd=PROJECT, capture_output=True, check=False)
