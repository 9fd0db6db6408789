"""Tells whoever waits for a start that it waits because nothing can be saved now."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from uuid import UUID

from concurrency.tasks import spawn
from runs.engine import supervisor
from runs.socket import server_frames

#: Seconds between two looks.
INTERVAL = 0.25


@contextlib.asynccontextmanager
async def told_if_storage_waits(
    run_id: UUID, send_text: Callable[[str], Awaitable[None]]
) -> AsyncIterator[None]:
    """Send ``storage_waiting`` for a run while what is inside the ``with`` block waits for a database that is away."""
    is_told = False

    async def tell() -> None:
        nonlocal is_told
        availability = supervisor.current().availability
        while True:
            await asyncio.sleep(INTERVAL)
            if availability.is_down:
                is_told = True
                await send_text(server_frames.storage_waiting(run_id, 0, True))
                return

    telling = spawn(tell(), name="storage waits")
    try:
        yield
    finally:
        telling.cancel()
        if is_told:
            await send_text(server_frames.storage_waiting(run_id, 0, False))
