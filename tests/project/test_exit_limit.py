"""A process that was told to stop ends, also when something in it never does."""

import subprocess
import sys

from tests.faults.server_process import PROJECT, STUCK

#: A thread that waits for ever keeps Python from ending.
_HANGS = """
import threading
from django.conf import settings
settings.configure(RUNNEL_DRAIN_SECONDS=0.0)
from project import exit_limit
exit_limit.SECONDS = 0.1
threading.Thread(target=threading.Event().wait).start()
exit_limit.begin()
"""


def test_it_ends_though_a_thread_never_does_and_says_so() -> None:
    ended = subprocess.run(
        [sys.executable, "-c", _HANGS],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        timeout=2 * STUCK,
        check=False,
    )
    assert (ended.returncode, ended.stdout) == (1, "")
    assert "another process" in ended.stderr
