"""The emulator that the application itself uses: one for each process and running loop, started lazily."""

import asyncio
from contextvars import Context
from pathlib import Path

from emulator.server import Emulator

_starting: dict[asyncio.AbstractEventLoop, asyncio.Task[Emulator]] = {}


async def shared() -> Emulator:
    """Return the running loop's emulator, with the recordings of ``settings.RUNNEL_RECORDINGS_DIR``."""
    loop = asyncio.get_running_loop()
    for other in [each for each in _starting if each.is_closed()]:
        del _starting[other]
    starting = _starting.get(loop)
    if starting is None:
        starting = loop.create_task(_start(), name="emulator-start", context=Context())
        _starting[loop] = starting
    try:
        # Several may wait for the one start, and one of them may give up.
        return await asyncio.shield(starting)
    except OSError:
        _starting.pop(loop, None)
        raise


async def close_shared() -> None:
    """Close the running loop's emulator, if it was ever started."""
    starting = _starting.pop(asyncio.get_running_loop(), None)
    if starting is not None:
        await (await starting).close()


async def _start() -> Emulator:
    # The emulator runs without Django where it is a process of its own.
    from django.conf import settings

    folder = settings.RUNNEL_RECORDINGS_DIR
    return await Emulator.start(recordings=Path(folder) if folder else None)
