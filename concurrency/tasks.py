"""Starts asyncio tasks. The whole project starts them with ``spawn``.

A plain task has three problems. A task made in an HTTP view inherits the request's thread context and fails
when the request ends. A task without a reference may be garbage-collected. An exception in a task is silent.
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
    """Start ``coroutine`` in a fresh context, hold a reference to the task, and log an exception.

    The task gets the log context (``log_context.bound``) of the caller and nothing else. A task that
    ``is_shared`` by many runs gets none, because its log lines do not belong to the run that started it.

    Raises:
        RuntimeError: no event loop is running.
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
