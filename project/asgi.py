"""The application as a server sees it: HTTP, WebSocket, and what happens at start and end.

Daphne has no lifespan, so its reactor is asked instead; servers that have one use that.
"""

import asyncio
import gc
import logging
import os
import sys
from collections.abc import Awaitable, Callable
from typing import Any

from channels.routing import ProtocolTypeRouter, URLRouter
from django.core.asgi import get_asgi_application
from django.urls import re_path

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "project.settings")
django_application = get_asgi_application()

# After Django's set-up: these import models.
from providers import clients, emulator  # noqa: E402
from runs import consumers, supervisor  # noqa: E402
from runs.routing import websocket_urlpatterns  # noqa: E402

logger = logging.getLogger("runnel.lifecycle")

type Application = Callable[[Any, Any, Any], Awaitable[None]]

#: Allocations before the collector looks again: its pauses were the tail of every latency.
GC_THRESHOLD = 50_000


async def start_up() -> None:
    """Recover runs that a dead process left, then make the first stream as fast as the later ones."""
    await supervisor.current().ready()
    await clients.warm_up()
    gc.collect()
    gc.freeze()
    gc.set_threshold(GC_THRESHOLD, 50, 50)


async def shut_down() -> None:
    """End the live runs, commit everything, tell every viewer, close what is open."""
    await supervisor.current().drain()
    await consumers.close_all()
    await clients.close_all()
    await emulator.close_shared()


def _hook_into_daphne() -> None:
    """Start with the reactor and hold its exit until the runs have ended."""
    from twisted.internet import reactor  # only where Daphne has installed it
    from twisted.internet.defer import Deferred

    running: Any = reactor

    def start() -> None:
        running.callLater(0, lambda: asyncio.ensure_future(start_up()).add_done_callback(_log_failure))

    def stop() -> Any:
        return Deferred.fromFuture(asyncio.ensure_future(shut_down()))

    running.callWhenRunning(start)
    running.addSystemEventTrigger("before", "shutdown", stop)


def _log_failure(task: asyncio.Future[None]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        logger.error("the start-up failed", exc_info=error)


async def lifespan(scope: Any, receive: Any, send: Any) -> None:
    """Answer a server that speaks the lifespan protocol."""
    await receive()
    await start_up()
    await send({"type": "lifespan.startup.complete"})
    await receive()
    await shut_down()
    await send({"type": "lifespan.shutdown.complete"})


def tell_unsent(application: Application) -> Application:
    """Let consumers know how many bytes the server holds for a client that does not read.

    Daphne neither limits nor tells that; its ``send`` is bound to the connection, which knows.
    """

    async def wrapped(scope: Any, receive: Any, send: Any) -> None:
        transport = getattr(next(iter(getattr(send, "args", ())), None), "transport", None)
        if transport is not None:
            scope["runnel.unsent"] = lambda: _unsent(transport)
        await application(scope, receive, send)

    return wrapped


def _unsent(transport: Any) -> int:
    """Return the bytes in a Twisted transport's buffers (``twisted.internet.abstract``)."""
    waiting = getattr(transport, "dataBuffer", b"")
    return len(waiting) - getattr(transport, "offset", 0) + getattr(transport, "_tempDataLen", 0)


async def no_such_address(scope: Any, receive: Any, send: Any) -> None:
    """Refuse a WebSocket to an address that nothing answers."""
    await receive()
    await send({"type": "websocket.close"})


# Channels routes ASGI applications with Django's ``re_path``, which is typed for views.
nowhere: Any = no_such_address

application = ProtocolTypeRouter(
    {
        "http": django_application,
        "websocket": tell_unsent(URLRouter([*websocket_urlpatterns, re_path("", nowhere)])),
        "lifespan": lifespan,
    }
)

if "daphne.server" in sys.modules:
    _hook_into_daphne()
