"""The one exception that means "somebody pressed Stop", and waiting that Stop ends."""

import asyncio
from typing import Any

from providers.types import StepResult


class RunCancelled(Exception):  # noqa: N818 - it names what happened, and it is no error
    """The run was cancelled while a provider call was under way.

    Thrown INTO the wire's generator, so that its own ``except`` and ``finally`` keep what was
    said, and raised by the adapter with ``partial`` and ``upstream_closed_ms`` filled in.
    """

    def __init__(self) -> None:
        super().__init__("cancelled")
        #: What the call had said and used by then.
        self.partial: StepResult | None = None
        #: Milliseconds from the cancel to the closed upstream connection.
        self.upstream_closed_ms: float | None = None


async def wait_for(what: asyncio.Future[None] | None, *, cancel: asyncio.Event, seconds: float) -> bool:
    """Wait for ``what`` (``None``: only for the time to pass); return whether it came within ``seconds``.

    It is left as it is: whoever made it cancels it.

    Raises:
        RunCancelled: ``cancel`` was set before.
    """
    listener = asyncio.create_task(cancel.wait(), name="cancel listener")
    awaited: set[asyncio.Future[Any]] = {listener} if what is None else {listener, what}
    try:
        await asyncio.wait(awaited, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    finally:
        listener.cancel()
    if cancel.is_set():
        raise RunCancelled
    return what is not None and what.done()
