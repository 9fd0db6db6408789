"""The one way to start an asyncio task here.

A task made inside an HTTP view inherits that request's thread context and fails when the request
is over, an unreferenced task may be garbage-collected, and an exception in one is silent: ``spawn``
takes care of all three.
"""

import asyncio
import contextvars
import logging
from collections.abc import Coroutine
from typing import Any

from concurrency.log_context import fresh_context

logger = logging.getLogger("runnel.tasks")

_running: set[asyncio.Task[Any]] = set()


def spawn[T](coroutine: Coroutine[Any, Any, T], *, name: str, is_shared: bool = False) -> asyncio.Task[T]:
    """Start ``coroutine`` in a fresh context, keep it alive, and log it if it fails.

    Only the log context (``log_context.bound``) is carried over, and not even that for a task that ``is_shared``
    by many runs: the one that happens to start it is not what its log lines are about.
    """
    task = asyncio.get_running_loop().create_task(
        coroutine, name=name, context=contextvars.Context() if is_shared else fresh_context()
    )
    _running.add(task)
    task.add_done_callback(_ended)
    return task


def _ended(task: asyncio.Task[Any]) -> None:
    _running.discard(task)
    if not task.cancelled() and (error := task.exception()) is not None:
        logger.error("task %s failed", task.get_name(), exc_info=error)
