"""Ends a test that does not end by itself, and tells what everybody in its process waits for.

pytest-timeout keeps the time (``timeout`` in pyproject.toml). What it would tell itself is lost where the
process is one of pytest-xdist's, and it knows no tasks. The process ends with the test: what is stuck may not
be stopped in any other way. pytest-xdist starts another one for the tests that are left.
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
    """Cancel nothing yet: it is called when a test has failed, and what is left to do may be what is stuck."""
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
        for child in _children():
            with contextlib.suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)
        os._exit(1)


def _tasks() -> Iterator[str]:
    for loop in [found for found in gc.get_objects() if isinstance(found, asyncio.AbstractEventLoop)]:
        for task in asyncio.all_tasks(loop):
            yield f"\n{task.get_name()}: {'being cancelled' if task.cancelling() else 'waiting'}"
            yield from _frames(task.get_coro())


def _frames(waiting: Any) -> Iterator[str]:
    """Yield where ``waiting`` is, and where what it waits for is, down to what is no coroutine."""
    while waiting is not None:
        frame = _first_of(waiting, "cr_frame", "gi_frame", "ag_frame")
        if frame is None:
            yield f"  {waiting!r}"
        else:
            yield f"  {frame.f_code.co_filename}:{frame.f_lineno} {frame.f_code.co_qualname}"
        waiting = _first_of(waiting, "cr_await", "gi_yieldfrom", "ag_await")


def _first_of(thing: Any, *names: str) -> Any:
    return next((found for name in names if (found := getattr(thing, name, None)) is not None), None)


def _children() -> list[int]:
    """Return the processes that this one has started, where the system tells."""
    return [
        int(child)
        for thread in Path("/proc/self/task").glob("*/children")
        for child in thread.read_text().split()
    ]
