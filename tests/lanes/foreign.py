"""Starts installed servers that we did not write, each on a free port, and ends them by their process ids."""

import contextlib
import os
import socket
import subprocess
import time
from pathlib import Path
from typing import Self

import httpx2
import pytest

#: Seconds until a server answers; some load a model first.
STARTING = 60.0

#: Seconds until a server that was asked to end has ended.
ENDING = 5.0


def installed(variable: str, *names: str) -> Path:
    """Return the folder that ``variable`` names. Skip the calling module if it lacks one of ``names``."""
    folder = Path(os.environ.get(variable) or os.devnull).resolve()
    if not all((folder / name).is_file() for name in names):
        reason = f"{variable} names no folder with {', '.join(names)}; CONTRIBUTING.md says how to get them"
        pytest.skip(reason, allow_module_level=True)
    return folder


class ForeignServer:
    """A process that serves at ``origin`` as long as the context lasts.

    ``command`` starts it; ``{port}`` in it is replaced by the port to listen on.
    """

    def __init__(self, command: list[str], *, folder: Path) -> None:
        self._port = _free_port()
        self._command = [word.replace("{port}", str(self._port)) for word in command]
        self._folder = folder
        self._output = folder / "output"
        self.origin = f"http://127.0.0.1:{self._port}"

    def __enter__(self) -> Self:
        with self._output.open("wb") as output:
            self._process = subprocess.Popen(
                self._command, cwd=self._folder, stdin=subprocess.DEVNULL, stdout=output, stderr=output
            )
        try:
            self._wait_until_it_serves()
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._end()

    def _wait_until_it_serves(self) -> None:
        begin = time.monotonic()
        while time.monotonic() < begin + STARTING and self._process.poll() is None:
            with contextlib.suppress(httpx2.TransportError):
                if httpx2.get(f"{self.origin}/health").is_success:
                    return
            time.sleep(0.05)
        raise AssertionError(f"the server did not start:\n{self._output.read_text(errors='replace')}")

    def _end(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(ENDING)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])
