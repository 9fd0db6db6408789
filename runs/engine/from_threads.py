"""What other threads than the event loop's ask of this process's supervisor: views, the admin, commands."""

import asyncio
import concurrent.futures
from collections.abc import Callable, Coroutine
from typing import Any
from uuid import UUID

from concurrency.tasks import spawn
from runs.engine.supervisor import serving

#: Seconds that a thread waits for the event loop.
THREAD_TIMEOUT = 30.0


def end_undriven_soon(run_id: UUID) -> None:
    """End a run that nobody drives, soon, if this process serves."""
    if (found := serving()) is not None:
        here, loop = found
        loop.call_soon_threadsafe(lambda: spawn(here.undriven.end(run_id), name=f"end {run_id}"))


def listing_changed(user_id: int, conversation_id: UUID) -> None:
    """Tell the user's open pages what the list shows of a conversation now.

    Call it after the commit. Other processes find the change by themselves.
    """
    if (found := serving()) is not None:
        here, loop = found
        loop.call_soon_threadsafe(here.listings.changed, user_id, conversation_id)


def wait_on[T](loop: asyncio.AbstractEventLoop, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Run ``work`` on ``loop`` and return its result.

    Raises:
        TimeoutError: the loop did not finish ``work`` within ``THREAD_TIMEOUT`` seconds.
        concurrent.futures.CancelledError: ``work`` was cancelled on the loop.
        Exception: any error that ``work`` raised.
    """
    answer: concurrent.futures.Future[T] = concurrent.futures.Future()

    async def do() -> None:
        try:
            answer.set_result(await work())
        except asyncio.CancelledError:
            answer.cancel()
            raise
        except Exception as error:  # noqa: BLE001 - it is raised in the waiting thread
            answer.set_exception(error)

    loop.call_soon_threadsafe(lambda: spawn(do(), name="for a thread"))
    return answer.result(THREAD_TIMEOUT)
