"""A server process with the workshop's tools, and an upstream that keeps the requests."""

import contextlib
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

from emulator.exchanges import EmulatedExchange
from tests.complaints import tracebacks_in
from tests.contract.line import PROJECT, Upstream, free_port
from tests.faults.server_process import ServerProcess
from tests.prepared import prepare
from tests.scenarios.viewer import PATIENCE, Viewer

#: For each wire a provider, with a model of the emulator that seals its thoughts if the wire has seals.
MODELS = {
    "openai-chat": "openai-chat/thinking-calls",
    "openai-responses": "openai/gpt-5-thinking-calls",
    "anthropic-messages": "anthropic/thinking-calls",
    "gemini-generate": "gemini/thinking-calls",
}
WIRES = tuple(MODELS)
#: The wires with seals. Chat Completions has none.
SEALING = frozenset(WIRES) - {"openai-chat"}


#: Daphne, without the lock of the data folder.
_SECOND = """
from daphne.cli import CommandLineInterface
from runs.engine import lock
lock.hold_database = lambda: None
CommandLineInterface.entrypoint()
"""


class Recorder(Upstream):
    """An upstream that returns the requests that it received."""

    def after(self, number: int) -> list[EmulatedExchange]:
        """Return the requests after the one with this number."""
        return [exchange for exchange in tuple(self._emulator.exchanges) if exchange.number > number]


class Server:
    """A running server on ``folder``; a test can restart it."""

    def __init__(self, folder: Path, upstream: Recorder) -> None:
        self.upstream = upstream
        self.folder = folder
        self._environment = {
            "DJANGO_SETTINGS_MODULE": "tests.scenarios.settings",
            "OPENAI_API_KEY": "sk-nobody",
            "OPENAI_BASE_URL": f"{upstream.origin}/v1",
            "ANTHROPIC_API_KEY": "sk-ant-nobody",
            "ANTHROPIC_BASE_URL": upstream.origin,
            "GEMINI_API_KEY": "nobody",
            "GOOGLE_GEMINI_BASE_URL": upstream.origin,
            # `make thorough` starts thousands of one user.
            "RUNNEL_STARTS_PER_MINUTE": "1000000",
        }
        self.token = prepare(folder)
        self._start()

    def _start(self, **environment: str) -> None:
        self._process = ServerProcess(self.folder, **self._environment, **environment)
        self._process.start()
        self.port = self._process.port

    def restart(self, how: signal.Signals = signal.SIGTERM, **environment: str) -> None:
        """End the server with the signal ``how`` and start it again, with additional settings."""
        self._process.send(how)
        self._process.wait()
        self._start(**environment)

    def viewer(self) -> contextlib.AbstractContextManager[Viewer]:
        """Open a WebSocket."""
        return Viewer.on(self.port, self.token)

    @contextlib.contextmanager
    def second(self) -> Iterator[int]:
        """Let a second process serve the same data folder; yield its port.

        A SQLite file is one server's, so that the second is one that does not ask for the lock. What two servers do
        for one run is the same on every database.
        """
        port = free_port()
        environment = os.environ | self._environment | {"RUNNEL_DATA_DIR": str(self.folder)}
        command = [
            sys.executable,
            "-c",
            _SECOND,
            "-b",
            "127.0.0.1",
            "-p",
            str(port),
            "project.asgi:application",
        ]
        with (self.folder / "second").open("w") as output:
            process = subprocess.Popen(command, cwd=PROJECT, env=environment, stdout=output, stderr=output)
        try:
            _wait_for(port, process)
            yield port
        finally:
            process.terminate()
            process.wait(PATIENCE)
        assert not tracebacks_in((self.folder / "second").read_text())

    def close(self) -> None:
        """End the server, and assert that it logged no failure."""
        self._process.send(signal.SIGTERM)
        self._process.wait()
        assert not tracebacks_in(self._process.output), self._process.output

    def rows(self, query: str, *values: Any) -> list[dict[str, Any]]:
        """Return the rows of ``query``."""
        (path,) = self.folder.glob("*.sqlite3")
        values = tuple(value.hex if isinstance(value, UUID) else value for value in values)
        with contextlib.closing(sqlite3.connect(path, timeout=PATIENCE)) as database:
            database.row_factory = sqlite3.Row
            return [dict(row) for row in database.execute(query, values)]

    def executions(self, label: str) -> list[str]:
        """Return the workshop's notes under ``label``, in order."""
        path = self.folder / "workshop"
        lines = path.read_text().splitlines() if path.exists() else []
        return [what for what, _, whose in (line.partition(" ") for line in lines) if whose == label]


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        time.sleep(0.02)
    raise AssertionError("the second server did not start")
