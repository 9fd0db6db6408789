"""uvicorn in place of Daphne, for ``manage.py serve`` behind a proxy: it takes less of the processor for each token.

Its bounds on bodies are those of ``bodies``; the proxy has those on heads and on connections.
"""

from collections.abc import Callable
from socket import socket
from types import FrameType
from typing import Any, override

import uvicorn

from project import shutdown_signals
from project.server.bounds import BACKLOG, FRAME_BYTES, Bounds

#: Seconds in which requests may end once the sockets are closed. A large answer to a slow reader is cut then.
_LAST_REQUESTS = 5


class Server(uvicorn.Server):
    """Serves an ASGI application as Daphne would."""

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
                http="h11",
                ws="websockets-sansio",
                ws_max_size=FRAME_BYTES,
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
                timeout_graceful_shutdown=_LAST_REQUESTS,
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
    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        super().handle_exit(sig, frame)
        # uvicorn would raise the signal once more at its end, and the process would seem to have been killed.
        self._captured_signals.clear()
