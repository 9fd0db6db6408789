"""Ends a process that was told to stop and has not, because a thread of it waits for a database that never answers.

Nothing interrupts such a thread, and Python waits for all of them when it ends.
"""

import os
import sys
import threading
import time

from django.conf import settings

#: Seconds that a process gets to end, beside those that its live runs get.
SECONDS = 10.0

_LEFT = "The database does not answer, so this process ends without it. Its runs are ended by another process, or at the next start."


def begin() -> None:
    """End this process ``SECONDS`` after the time that its live runs get, if it is still there then."""
    seconds = settings.RUNNEL_DRAIN_SECONDS + SECONDS
    threading.Thread(target=_end_after, args=(seconds,), name="runnel-exit", daemon=True).start()


def _end_after(seconds: float) -> None:
    time.sleep(seconds)
    print(_LEFT, file=sys.stderr, flush=True)  # noqa: T201 - to the person who stopped it
    os._exit(1)
