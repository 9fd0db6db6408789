"""Returns the memory of large objects to the operating system as soon as they are freed, and that of many small ones later.

glibc raises by itself, up to 32 MB, the size from which it asks the system for memory of its own. After the first
request with a large file, such requests would share the heap with small objects and leave holes that stay. An answer of
megabytes that came in thousands of pieces leaves such holes anyway, in the heap of each thread that it passed.
"""

import asyncio
import ctypes
import gc
import sys
import time
from contextlib import suppress
from pathlib import Path
from resource import getpagesize

from concurrency.conversions import off_loop

#: ``M_MMAP_THRESHOLD`` and ``M_TRIM_THRESHOLD`` of mallopt(3), and bytes for both.
_OPTIONS = (-3, -1)
_BYTES = 1024 * 1024

#: Seconds between two looks at the memory, and the growth in bytes after which garbage is looked for and holes are
#: given back. Otherwise the collector leaves reference cycles that have lived for a while for hours, so rarely does it
#: look at old objects (``lifecycle.GC_THRESHOLD``): a process grew by a MB in three minutes at five runs a second.
_INTERVAL = 20.0
_GROWTH = 512 * 1024
#: A full collection stops the event loop: 8 to 19 ms with few sockets on a slow machine, and longer with more objects.
#: The next one may begin after this many times as long.
_REST = 1_000

_STATM = Path("/proc/self/statm")


def keep_large_objects_apart() -> None:
    """Fix the limit for the whole process. Does nothing where the C library is not glibc."""
    if not sys.platform.startswith("linux"):
        return
    library = ctypes.CDLL(None)
    if hasattr(library, "mallopt"):
        for option in _OPTIONS:
            library.mallopt(option, _BYTES)


async def keep_small() -> None:
    """Collect garbage and give the heap's holes back when the process has grown by half a MB, until the task is cancelled."""
    smallest, took = resident(), 0.0
    while True:
        await asyncio.sleep(max(_INTERVAL, _REST * took))
        now = resident()
        if now > smallest + _GROWTH:
            began = time.monotonic()
            gc.collect()
            took = time.monotonic() - began
            await off_loop(give_back)
            now = smallest = resident()
        smallest = min(smallest, now)


def give_back() -> None:
    """Give all whole pages of freed memory back to the system. Blocks the thread for some milliseconds."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)


def resident() -> int:
    """Return the bytes of memory that the process occupies; 0 where the system does not say."""
    try:
        return int(_STATM.read_text().split()[1]) * getpagesize()
    except OSError:
        return 0
