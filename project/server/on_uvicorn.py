"""uvicorn in place of Daphne, for ``manage.py serve`` behind a proxy: it takes less of the processor for each token.

Its bounds on bodies are those of ``bodies``; those on the time for a head and on the connections of one address are the
proxy's.
"""

import asyncio
from collections.abc import Callable
from socket import socket
from types import FrameType
from typing import Any, override

import uvicorn

from project import shutdown_signals
from project.connection import abort
from project.server.bounds import BACKLOG, FRAME_BYTES, Bounds
from project.server.uvicorn_connections import Connection, Socket

#: Seconds for which a connection may wait for a further request: longer than those proxies keep it that are in deploy/,
#: which could else send one while it is closed.
_KEEP_ALIVE = 150
#: Seconds in which requests may end once the sockets are closed. A large answer to a slow reader is cut then.
_LAST_REQUESTS = 2.0


class Server(uvicorn.Server):
    """Serves an ASGI application on a socket that is bound already."""

    def __init__(
        self,
        application: Any,
        *,
        reserved: socket,
        bounds: Bounds,
        ready: Callable[[], None],
        stopping: Callable[[], None],
    ) -> None:
        """Take the application, a bound socket, the bounds, and what to call when it accepts, and when it was told to stop."""
        super().__init__(
            uvicorn.Config(
                application,
                loop="asyncio",
                http=Connection,
                ws=Socket,
                ws_max_size=FRAME_BYTES,
                # As Daphne's: a client that answers no ping is gone after 50 seconds.
                ws_ping_interval=20,
                ws_ping_timeout=30,
                ws_per_message_deflate=False,
                lifespan="on",
                log_config=None,
                log_level="warning",
                access_log=False,
                # ``runs.access.addresses`` and Django's settings say whom to believe.
                proxy_headers=False,
                server_header=False,
                headers=[("server", "runnel")],
                backlog=BACKLOG,
                limit_concurrency=min(bounds.connections, bounds.last_descriptor),
                timeout_keep_alive=_KEEP_ALIVE,
                # After ours: uvicorn puts a traceback of each request that it cancels into the log.
                timeout_graceful_shutdown=round(2 * _LAST_REQUESTS),
            )
        )
        self._reserved = reserved
        self._ready = ready
        self._stopping = stopping

    @override
    def run(self, sockets: list[socket] | None = None) -> None:
        super().run(sockets or [self._reserved])

    @override
    async def startup(self, sockets: list[socket] | None = None) -> None:
        await super().startup(sockets)
        shutdown_signals.before_end(self._stopping)
        self._ready()

    @override
    async def shutdown(self, sockets: list[socket] | None = None) -> None:
        cut = asyncio.get_running_loop().call_later(_LAST_REQUESTS, self._cut)
        await super().shutdown(sockets)
        cut.cancel()

    def _cut(self) -> None:
        for connection in tuple(self.server_state.connections):
            abort(connection.transport)

    @override
    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        super().handle_exit(sig, frame)
        # uvicorn would raise the signal once more at its end, and the process would seem to have been killed.
        self._captured_signals.clear()
