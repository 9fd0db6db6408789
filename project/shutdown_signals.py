"""Ends what goes on before a server other than Daphne closes its sockets.

At SIGTERM, uvicorn and granian first close all WebSockets, and tell the application last (ASGI's lifespan). Viewers
would see neither how their runs have ended nor why the socket is closed. So the application hears of the signal
first, and passes it on to the server when the runs have ended and the sockets are closed.
"""

import asyncio
import logging
import signal
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

from concurrency.tasks import spawn

logger = logging.getLogger("runnel.lifecycle")

_SIGNALS = (signal.SIGTERM, signal.SIGINT)


def stop_at_hangup() -> None:
    """Let SIGHUP, which a terminal sends when it is closed, stop the process as SIGTERM does, unless it is ignored."""
    if signal.getsignal(signal.SIGHUP) is signal.SIG_DFL:
        signal.signal(signal.SIGHUP, lambda *_: signal.raise_signal(signal.SIGTERM))


def hear_first(end: Callable[[], Awaitable[None]], hurry: Callable[[], None]) -> None:
    """Let the first signal to stop call ``end``, and pass it on to the server afterwards; a further one calls ``hurry``.

    To be called on the server's loop. On another thread than the main one nobody gets signals: then the server keeps
    them, and ``end`` is not called.
    """
    loop = asyncio.get_running_loop()
    try:
        servers = {number: _handler_of(loop, number) for number in _SIGNALS}
        for number in _SIGNALS:
            loop.add_signal_handler(number, partial(_stop, number, servers, end, hurry))
    except (NotImplementedError, RuntimeError, ValueError):
        logger.warning(
            "Signals cannot be heard here: the server may close sockets before their runs have ended."
        )


#: The task that ends what goes on.
_ending: set[asyncio.Task[None]] = set()
#: What is called before anything ends.
_before_end: list[Callable[[], None]] = []


def before_end(tell: Callable[[], None]) -> None:
    """Let the first signal to stop call ``tell`` before it ends anything."""
    _before_end.append(tell)


def _stop(
    number: int,
    servers: dict[signal.Signals, Callable[[], Any]],
    end: Callable[[], Awaitable[None]],
    hurry: Callable[[], None],
) -> None:
    if _ending:
        hurry()
        return

    async def stop() -> None:
        try:
            for tell in _before_end:
                tell()
            await end()
        finally:
            servers[signal.Signals(number)]()

    _ending.add(spawn(stop(), name="before the server stops"))


def _handler_of(loop: asyncio.AbstractEventLoop, number: signal.Signals) -> Callable[[], Any]:
    """Return what the server does at a signal."""
    # asyncio has no way to ask which handler a loop has; granian gives its own to the loop.
    if (handle := getattr(loop, "_signal_handlers", {}).get(number)) is not None:
        return partial(handle._callback, *handle._args)
    handler = signal.getsignal(number)
    if callable(handler):
        return partial(handler, number, None)
    return partial(_end_by_default, loop, number)


def _end_by_default(loop: asyncio.AbstractEventLoop, number: signal.Signals) -> None:
    loop.remove_signal_handler(number)
    signal.raise_signal(number)
