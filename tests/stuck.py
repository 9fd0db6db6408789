"""Ends a test that does not end by itself, and prints what each thread and task of its process waits for.

pytest-timeout holds the time limit (``timeout`` in pyproject.toml). Its own report is lost in a process of
pytest-xdist, and does not include tasks. This module ends the whole process, because a stuck test may not
stop in any other way. pytest-xdist starts another process for the remaining tests.
"""

import asyncio
import contextlib
import faulthandler
import gc
import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import pytest_timeout

#: Standard error as it was before pytest began to capture it.
_told = os.dup(2)
_timers: dict[str, threading.Timer] = {}


@pytest.hookimpl(tryfirst=True)
def pytest_timeout_set_timer(item: pytest.Item, settings: Any) -> bool:
    timer = _timers[item.nodeid] = threading.Timer(settings.timeout, _end, (item.nodeid, settings.timeout))
    timer.daemon = True
    timer.start()
    return True


@pytest.hookimpl(tryfirst=True)
def pytest_timeout_cancel_timer() -> bool:
    """Keep the timer: pytest calls this when a test has failed, and its tear-down may get stuck."""
    return True


def pytest_runtest_logfinish(nodeid: str) -> None:
    if (timer := _timers.pop(nodeid, None)) is not None:
        timer.cancel()


def _end(test: str, seconds: float) -> None:
    if pytest_timeout.is_debugging():
        return
    try:
        os.write(_told, f"\n\n{test} was stopped after {seconds:g} s. Its threads:\n\n".encode())
        faulthandler.dump_traceback(_told)
        os.write(_told, "\n".join(["\nIts tasks:", *_tasks(), ""]).encode())
    finally:
        for process in _descendants(os.getpid()):
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        os._exit(1)


def _tasks() -> Iterator[str]:
    for loop in [found for found in gc.get_objects() if isinstance(found, asyncio.AbstractEventLoop)]:
        for task in asyncio.all_tasks(loop):
            yield f"\n{task.get_name()}: {'being cancelled' if task.cancelling() else 'waiting'}"
            yield from _frames(task.get_coro())


def _frames(waiting: Any) -> Iterator[str]:
    """Yield the place of the coroutine ``waiting``, then of each object that it waits for, innermost last."""
    while waiting is not None:
        frame = _first_of(waiting, "cr_frame", "gi_frame", "ag_frame")
        if frame is None:
            yield f"  {waiting!r}"
        else:
            yield f"  {frame.f_code.co_filename}:{frame.f_lineno} {frame.f_code.co_qualname}"
        waiting = _first_of(waiting, "cr_await", "gi_yieldfrom", "ag_await")


def _first_of(thing: Any, *names: str) -> Any:
    return next((found for name in names if (found := getattr(thing, name, None)) is not None), None)


def _descendants(process: int) -> list[int]:
    """Return the ids of the processes that one has started, and of theirs; none if the system does not list them.

    Servers of tests are started by a fork server, not by this process (``tests/faults/forked.py``).
    """
    found: list[int] = []
    for thread in Path(f"/proc/{process}/task").glob("*/children"):
        # It may have ended meanwhile.
        with contextlib.suppress(OSError):
            for child in map(int, thread.read_text().split()):
                found += [child, *_descendants(child)]
    return found
