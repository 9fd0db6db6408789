"""Ends a process that was told to stop and has not, because a thread of it waits for something that never comes.

Most likely that is a database that does not answer.

Nothing interrupts such a thread, and Python waits for all of them when it ends.
"""

import functools
import os
import sys
import threading
import time

from django.conf import settings

#: Seconds that a process gets to end, beside those that its live runs get.
SECONDS = 10.0

_LEFT = (
    "Something has not ended in time, most likely because the database does not answer: this process ends without it. "
    "Runs that it still had are ended by another process, or at the next start."
)


@functools.cache
def begin() -> None:
    """End this process ``SECONDS`` after the time that its live runs get, if it is still there then. Once is enough."""
    seconds = settings.RUNNEL_DRAIN_SECONDS + SECONDS
    threading.Thread(target=_end_after, args=(seconds,), name="runnel-exit", daemon=True).start()


def _end_after(seconds: float) -> None:
    time.sleep(seconds)
    print(_LEFT, file=sys.stderr, flush=True)  # noqa: T201 - to the person who stopped it
    os._exit(1)
