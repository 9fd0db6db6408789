"""No text of a user, a provider or a tool makes a regular expression take long: each is linear."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]

#: Seconds after which it hangs, on a machine with much else to do.
STUCK = 900


@pytest.mark.timeout(STUCK + 60)
def test_every_pattern_is_linear_in_64_kib_of_its_worst(tmp_path: Path) -> None:
    environment = os.environ | {
        "DJANGO_SETTINGS_MODULE": "project.settings",
        "RUNNEL_DATA_DIR": str(tmp_path),
    }
    done = subprocess.run(
        [sys.executable, "-m", "tests.project.patterns"],
        cwd=PROJECT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=STUCK,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    told = done.stdout.splitlines()
    assert [line for line in told if line.startswith("SLOW")] == []
    assert int(told[-1].removeprefix("patterns: ")) > 100
