"""Threads for work that takes milliseconds of computing, such as writing a file of megabytes as JSON.

They are no others: a tool or a library that fills asyncio's default threads delays no request to a provider.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

#: Two are enough, because Python computes on one at a time.
_threads = ThreadPoolExecutor(max_workers=2, thread_name_prefix="runnel-convert")


async def off_loop[**P, T](work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Run ``work`` on a thread and return its result. If the caller is cancelled, it ends by itself.

    Raises:
        Exception: ``work`` raised it.
    """
    return await asyncio.get_running_loop().run_in_executor(_threads, lambda: work(*args, **kwargs))
