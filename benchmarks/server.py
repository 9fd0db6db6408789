"""Starts a Runnel server with an empty data folder, as ``make run`` does."""

import contextlib
import os
import resource
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from benchmarks import machine

PROJECT = Path(__file__).resolve().parents[1]

#: Seconds that a server may take to start, and again to stop.
PATIENCE = 120


#: The provider that speaks each wire.
PROVIDERS = {
    "openai-chat": "openai-chat",
    "openai-responses": "openai",
    "anthropic-messages": "anthropic",
    "gemini-generate": "gemini",
}


#: How each server is started, without its host and port: ``manage.py serve``, which prepares the folder itself, or another.
SERVERS = {
    "daphne": ("manage.py", "serve"),
    "uvicorn": ("manage.py", "serve"),
    "granian": ("-m", "granian", "--interface", "asgi", "--log-level", "warning", "project.asgi:application"),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Served:
    """A running server and an API token for it."""

    port: int
    pid: int
    token: str
    #: The environment of the server, for commands beside it.
    environment: Mapping[str, str]

    @property
    def websocket(self) -> str:
        return f"ws://127.0.0.1:{self.port}/ws/"

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}


def providers_at(origin: str) -> dict[str, str]:
    """Return the environment variables that direct every provider to ``origin``."""
    return {
        "OPENAI_API_KEY": "nobody",
        "OPENAI_BASE_URL": f"{origin}/v1",
        "ANTHROPIC_API_KEY": "nobody",
        "ANTHROPIC_BASE_URL": origin,
        "GEMINI_API_KEY": "nobody",
        "GOOGLE_GEMINI_BASE_URL": origin,
    }


@contextlib.contextmanager
def serve(
    environment: Mapping[str, str],
    *,
    is_pinned: bool = True,
    descriptors: int | None = None,
    kind: str = "daphne",
) -> Iterator[Served]:
    """Serve with ``environment`` added to this process's own, by one of ``SERVERS``.

    The server ``is_pinned`` to one core if there are several. Otherwise it uses all, as an operator's does. It may have
    so many ``descriptors``; ``None`` for as many as this process.
    """
    with tempfile.TemporaryDirectory(prefix="runnel-benchmark-") as folder:
        port = free_port()
        values = os.environ | {
            "HOST": "127.0.0.1",
            "PORT": str(port),
            "RUNNEL_DATA_DIR": folder,
            "RUNNEL_ENV_FILE": os.devnull,
            "RUNNEL_SERVER": "" if kind == "granian" else kind,
            **environment,
        }
        if kind == "granian":
            _prepare(values)
        available = machine.cores() if is_pinned else None
        output = Path(folder, "output")
        with output.open("wb") as file:
            process = subprocess.Popen(
                [sys.executable, *SERVERS[kind], "--host", "127.0.0.1", "--port", str(port)],
                cwd=PROJECT,
                env=values,
                stdout=file,
                stderr=subprocess.STDOUT,
            )
        if descriptors is not None:
            resource.prlimit(process.pid, resource.RLIMIT_NOFILE, (descriptors, descriptors))
        machine.pin(process.pid, available[0] if available else None)
        try:
            wait_for(port, process)
            issue = [sys.executable, "manage.py", "api_token", "admin"]
            done = subprocess.run(issue, cwd=PROJECT, env=values, capture_output=True, check=True)
            token = done.stdout.decode().split()[-1]
            yield Served(port=port, pid=process.pid, token=token, environment=values)
        except BaseException as error:
            error.add_note(output.read_text()[-4000:])
            raise
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _prepare(values: Mapping[str, str]) -> None:
    """Make the tables and the first admin, as ``manage.py serve`` does."""
    script = (
        "from django.contrib.auth import get_user_model; from django.core.management import call_command;"
        "call_command('migrate', verbosity=0); get_user_model().objects.create_superuser('admin')"
    )
    command = [sys.executable, "manage.py", "shell", "--no-imports", "-c", script]
    subprocess.run(command, cwd=PROJECT, env=values, check=True, stdout=subprocess.DEVNULL)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    """Wait until ``port`` accepts connections.

    Raises:
        RuntimeError: ``process`` ended first, or ``PATIENCE`` seconds passed.
    """
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        time.sleep(0.02)
    raise RuntimeError(f"nothing listens on {port}: {process.args!r} ended with {process.returncode}")
