"""A PostgreSQL of its own for a test, from the programs that are installed; without them, the test is skipped."""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest


class DatabaseServer:
    """A PostgreSQL server that a test can stop, hang and start again on the same port."""

    def __init__(self, url: str, data: Path, start: Callable[[], None], stop: Callable[[], None]) -> None:
        self.url = url
        self._data = data
        self._start = start
        self._stop = stop

    @contextmanager
    def stopped(self) -> Iterator[None]:
        """Stop it without a shutdown for the time of the ``with`` block."""
        self._stop()
        try:
            yield
        finally:
            self._start()

    @contextmanager
    def hung(self) -> Iterator[None]:
        """Let none of its processes do anything, with their connections open, inside the ``with`` block."""
        main = int((self._data / "postmaster.pid").read_text().split()[0])
        os.kill(main, signal.SIGSTOP)
        all_of_it = [main, *_children(main)]
        for pid in all_of_it[1:]:
            os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            for pid in all_of_it:
                os.kill(pid, signal.SIGCONT)


def _children(pid: int) -> list[int]:
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


@contextmanager
def temporary_database() -> Iterator[str]:
    """Yield the address of a new, empty database server. It is stopped and deleted afterwards."""
    with temporary_server() as server:
        yield server.url


@contextmanager
def temporary_server() -> Iterator[DatabaseServer]:
    """Yield a new, empty database server. It is stopped and deleted afterwards."""
    if (programs := _programs()) is None:
        pytest.skip("PostgreSQL's programs initdb and postgres are not installed")
    with tempfile.TemporaryDirectory(prefix="runnel-pg-") as folder:
        # PostgreSQL does not run as root.
        user: dict[str, Any] = {"user": "postgres", "group": "postgres"} if os.geteuid() == 0 else {}
        data = Path(folder) / "data"
        data.mkdir()
        if user:
            shutil.chown(folder, "postgres")
            shutil.chown(data, "postgres")
        _run([programs / "initdb", "-D", data, "-U", "runnel", "-A", "trust", "--no-sync"], user, folder)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        control: list[str | Path] = [programs / "pg_ctl", "-D", data, "-w", "-s", "-l", Path(folder) / "log"]
        options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={folder} -c fsync=off"

        def start() -> None:
            _run([*control, "-o", options, "start"], user, folder)

        def stop() -> None:
            _run([*control, "-m", "immediate", "stop"], user, folder)

        start()
        try:
            yield DatabaseServer(f"postgres://runnel@127.0.0.1:{port}/postgres", data, start, stop)
        finally:
            stop()


def _programs() -> Path | None:
    """Return the folder of PostgreSQL's programs, ``None`` if there is none."""
    found = [Path(name) for name in (shutil.which("initdb"), shutil.which("pg_ctl")) if name]
    if len(found) == 2:
        return found[0].parent
    installed = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    return installed[-1].parent if installed else None


def _run(command: Sequence[str | Path], user: dict[str, Any], folder: str) -> None:
    subprocess.run(
        [str(word) for word in command],
        check=True,
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        timeout=60,
        **user,
    )
