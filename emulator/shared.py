"""The application's own emulator: one for each process and event loop, started at the first use."""

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
        OSError: the emulator could not start; the next call tries again.
    """
    try:
        # Several callers may wait for this start; cancelling one of them must not cancel it.
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
    # Imported here because `python -m emulator` runs without Django.
    from django.conf import settings

    folder = settings.RUNNEL_RECORDINGS_DIR
    return await Emulator.start(recordings=Path(folder) if folder else None)
