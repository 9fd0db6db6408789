"""The emulator that the application itself uses: one for each process and running loop, started lazily."""

import asyncio
from contextvars import Context
from pathlib import Path

from concurrency.per_loop import PerLoop
from emulator.server import Emulator


def _begin() -> asyncio.Task[Emulator]:
    return asyncio.get_running_loop().create_task(_start(), name="emulator-start", context=Context())


_starting = PerLoop(_begin)


async def shared() -> Emulator:
    """Return the running loop's emulator, with the recordings of ``settings.RUNNEL_RECORDINGS_DIR``.

    Raises:
        OSError: it could not be started; the next call tries again.
    """
    try:
        # Several callers may wait for the one start, and one of them may be cancelled.
        return await asyncio.shield(_starting.get())
    except OSError:
        _starting.pop()
        raise


async def close_shared() -> None:
    """Close the running loop's emulator, if it was ever started."""
    starting = _starting.pop()
    if starting is not None:
        await (await starting).close()


async def _start() -> Emulator:
    # The emulator runs without Django where it is a process of its own.
    from django.conf import settings

    folder = settings.RUNNEL_RECORDINGS_DIR
    return await Emulator.start(recordings=Path(folder) if folder else None)
