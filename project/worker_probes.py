"""Answers the probes of a process that serves nothing else: a worker, on a port of its own.

The standard library's server does, one thread for each question. The answers are made on the event loop, so that a loop
that hangs does not answer.
"""

import asyncio
import contextlib
import socket
from collections.abc import Iterator
from concurrent.futures import CancelledError
from functools import partial
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

from project import probes

#: Seconds for a client to send its request, and for the event loop to answer it.
PATIENCE = 5.0


class _Handler(BaseHTTPRequestHandler):
    """Answers one request, then closes the connection."""

    timeout = PATIENCE
    server_version, sys_version = "runnel", ""

    def __init__(self, loop: asyncio.AbstractEventLoop, *arguments: object) -> None:
        self._loop = loop
        super().__init__(*arguments)  # type: ignore[arg-type]

    def do_GET(self) -> None:
        self._answer()

    def do_HEAD(self) -> None:
        self._answer()

    def _answer(self) -> None:
        path, _, query = self.path.partition("?")
        scope = {
            "method": self.command,
            "path": path,
            "query_string": query.encode(),
            "headers": [(name.lower().encode(), value.encode()) for name, value in self.headers.items()],
            "client": self.client_address,
        }
        answering = asyncio.run_coroutine_threadsafe(probes.answer(scope), self._loop)
        try:
            status, headers, body = answering.result(PATIENCE)
        except (TimeoutError, CancelledError):
            answering.cancel()
            status, headers, body = HTTPStatus.SERVICE_UNAVAILABLE, {"content-length": "0"}, b""
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Log nothing: probes come every few seconds."""


class _Server(ThreadingHTTPServer):
    """The threads end with the process."""

    def handle_error(self, *_: object) -> None:
        """Say nothing of a client that is gone."""


@contextlib.contextmanager
def answered(reserved: socket.socket) -> Iterator[None]:
    """Answer ``/healthz``, ``/readyz`` and ``/metrics`` on a bound socket, from the running event loop."""
    handler = partial(_Handler, asyncio.get_running_loop())
    server = _Server(reserved.getsockname()[:2], handler, bind_and_activate=False)
    server.socket.close()
    server.socket = reserved
    server.server_activate()
    Thread(target=server.serve_forever, name="runnel-probes", daemon=True).start()
    try:
        yield
    finally:
        # Not here: it waits for an answer that this event loop has to make.
        Thread(target=_end, args=(server,), name="runnel-probes-end", daemon=True).start()


def _end(server: _Server) -> None:
    server.shutdown()
    server.server_close()
