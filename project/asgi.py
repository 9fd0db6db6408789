"""The ASGI application: HTTP, WebSocket, and the lifespan of the server around them.

Daphne does not support the lifespan protocol, so its reactor calls start-up and shutdown. Other servers use
lifespan.
"""

import atexit
import contextlib
import logging
import os
import sys
from collections.abc import Callable
from typing import Any

from autobahn.exception import Disconnected
from channels.routing import ProtocolTypeRouter, URLRouter
from django.conf import settings
from django.core.asgi import get_asgi_application
from django.urls import re_path

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "project.settings")
django_application = get_asgi_application()

# After Django's set-up: these import models.
from concurrency.tasks import spawn  # noqa: E402
from project import exit_limit, outages, readiness, shutdown_signals, unavailable  # noqa: E402
from project.application import Application  # noqa: E402
from project.backpressure import read_what_is_handled  # noqa: E402
from project.connection import describe_connection  # noqa: E402
from project.lifecycle import end_sockets, shut_down, start_up  # noqa: E402
from project.outages import answer_in_outages  # noqa: E402
from project.probes import answer_probes  # noqa: E402
from project.server.bodies import read_bodies  # noqa: E402
from project.stalled_clients import leave_stalled_clients  # noqa: E402
from project.turns import take_turns  # noqa: E402
from project.unread import send_large_answers  # noqa: E402
from runs.engine import lock, supervisor  # noqa: E402
from runs.socket.routing import websocket_urlpatterns  # noqa: E402

logger = logging.getLogger("runnel.lifecycle")


def _hook_into_daphne() -> None:
    """Run start-up and shutdown with Daphne's reactor; delay its exit until live runs have ended.

    Daphne is an installed app, so its reactor exists under any server, but it runs only under Daphne.
    """
    from twisted.internet import reactor  # the one that Daphne has installed
    from twisted.internet.defer import Deferred

    running: Any = reactor

    async def begin() -> None:
        try:
            await start_up()
        except lock.AlreadyRunning as refusal:
            print(refusal, file=sys.stderr, flush=True)  # noqa: T201 - to the person who started it
            # Daphne would end as if all had gone well.
            atexit.register(os._exit, 1)
            running.stop()

    def start() -> None:
        running.callLater(0, lambda: spawn(begin(), name="server start-up"))

    def stop() -> Any:
        exit_limit.begin()
        return Deferred.fromFuture(spawn(shut_down(), name="server shutdown"))

    running.callWhenRunning(start)
    running.addSystemEventTrigger("before", "shutdown", stop)


async def lifespan(scope: Any, receive: Any, send: Any) -> None:
    """Answer a server that speaks the lifespan protocol (ASGI's, version 2.0)."""
    for phase, work in (("startup", start_up), ("shutdown", shut_down)):
        await receive()
        try:
            await work()
            if phase == "startup":
                shutdown_signals.hear_first(end_sockets, supervisor.current().skip_drain_wait)
        except lock.AlreadyRunning as refusal:
            await send({"type": f"lifespan.{phase}.failed", "message": str(refusal)})
            return
        except Exception as failure:
            logger.exception("the server's %s failed", phase)
            message = f"{type(failure).__name__}: {failure}"
            await send({"type": f"lifespan.{phase}.failed", "message": message})
            return
        await send({"type": f"lifespan.{phase}.complete"})


def refuse_until_ready(application: Application) -> Application:
    """Refuse everything while the database has not the tables that this code needs."""

    async def wrapped(scope: Any, receive: Any, send: Any) -> None:
        if not readiness.problem:
            await application(scope, receive, send)
        elif scope["type"] == "websocket":
            await no_such_address(scope, receive, send)
        else:
            await unavailable.refuse(scope, send, "This server is not ready yet.", retry_after=5)

    return wrapped


def ignore_clients_prefix(application: Application) -> Application:
    """Ignore the path's prefix that Daphne takes from a header of the client; ours is ``FORCE_SCRIPT_NAME``."""

    async def wrapped(scope: Any, receive: Any, send: Any) -> None:
        await application(scope | {"root_path": settings.FORCE_SCRIPT_NAME or ""}, receive, send)

    return wrapped


def ignore_sends_after_disconnect(application: Application) -> Application:
    """Ignore what is sent to a client that has disconnected, whether the server raises an error of its own or ASGI's."""

    async def wrapped(scope: Any, receive: Any, send: Any) -> None:
        async def send_if_connected(message: Any) -> None:
            with contextlib.suppress(Disconnected, OSError):
                await send(message)

        await application(scope, receive, send_if_connected)

    return wrapped


async def no_such_address(scope: Any, receive: Any, send: Any) -> None:
    """Refuse a WebSocket to an unknown address."""
    await receive()
    await send({"type": "websocket.close"})


# Channels routes ASGI applications with Django's ``re_path``, which is typed for views.
nowhere: Any = no_such_address


def within(application: Application, *wrappers: Callable[[Application], Application]) -> Application:
    """Return an application inside ``wrappers``, of which the first is the outermost."""
    for wrap in reversed(wrappers):
        application = wrap(application)
    return application


application = ProtocolTypeRouter(
    {
        "http": within(
            django_application,
            describe_connection,
            leave_stalled_clients,
            answer_probes,
            refuse_until_ready,
            answer_in_outages,
            ignore_clients_prefix,
            read_bodies,
            send_large_answers,
            take_turns,
        ),
        "websocket": within(
            URLRouter([*websocket_urlpatterns, re_path("", nowhere)]),
            refuse_until_ready,
            ignore_clients_prefix,
            describe_connection,
            read_what_is_handled,
            leave_stalled_clients,
            ignore_sends_after_disconnect,
        ),
        "lifespan": lifespan,
    }
)

outages.connect()
_hook_into_daphne()
