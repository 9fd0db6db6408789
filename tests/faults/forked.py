"""Processes of ``manage.py`` that begin with large libraries loaded: to import them takes most of a server's start.

A fork server imports them once for each process that runs tests. What begins there has an id, signals and an end of its
own, and runs ``manage.py`` as the command line does. What it does not have of its own: the seed of ``hash()``; variables
that Python, the C library or these libraries read when they are loaded (``LD_PRELOAD``, ``PYTHONHASHSEED``, ``OPENAI_LOG``,
``PSYCOPG_IMPL``), which are those of the fork server; and a few open descriptors more. An unhandled Ctrl-C ends it with the
code 1. What needs any of these begins without it (``ServerProcess.is_forked``).
"""

import atexit
import contextlib
import multiprocessing
import os
import resource
import runpy
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

#: What does nothing when it is imported, and reads no settings.
_LIBRARIES = [
    "anthropic",
    "autobahn.websocket.protocol",
    "cryptography.x509",
    "django.core.management",
    "django.db.models",
    "dns.resolver",
    "environs",
    "openai",
    "psycopg",
    "redis.asyncio",
    "rich",
    "structlog",
]
#: Seconds between two looks whether a process has ended.
_LOOK = 0.01

_context = multiprocessing.get_context("forkserver")
_context.set_forkserver_preload(_LIBRARIES)

#: Starting a process looks at the others, and reads how each has ended once.
_lock = threading.Lock()


class Forked:
    """A process of ``manage.py``, with those methods of ``subprocess.Popen`` that tests use."""

    def __init__(
        self,
        arguments: Sequence[str],
        *,
        cwd: Path,
        env: Mapping[str, str],
        output: Path,
        descriptors: int | None,
    ) -> None:
        """Run ``manage.py`` in ``cwd``; what it prints is appended to ``output``.

        Args:
            arguments: those of ``manage.py``.
            cwd: the folder of ``manage.py``.
            env: the whole environment.
            output: a file.
            descriptors: how many file descriptors it may have; ``None`` for as many as this process.
        """
        self.args = ["manage.py", *arguments]
        output.touch()
        call = (self.args, str(cwd), dict(env), str(output), descriptors)
        with _lock:
            self._process = _context.Process(target=_run, args=call, daemon=True)
            self._process.start()
        assert self._process.pid is not None
        self.pid: int = self._process.pid

    def poll(self) -> int | None:
        """Return the exit code, that of a signal as a negative number; ``None`` while the process runs."""
        with _lock:
            return self._process.exitcode

    def send_signal(self, number: signal.Signals) -> None:
        """Send a signal, unless the process has ended."""
        if self.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def kill(self) -> None:
        """Kill it at once."""
        self.send_signal(signal.SIGKILL)

    def wait(self, timeout: float | None = None) -> int:
        """Wait for the end and return the exit code.

        Raises:
            subprocess.TimeoutExpired: it has not ended after so many seconds.
        """
        begin = time.monotonic()
        while (code := self.poll()) is None:
            if timeout is not None and time.monotonic() > begin + timeout:
                raise subprocess.TimeoutExpired(self.args, timeout)
            time.sleep(_LOOK)
        return code


def _run(
    arguments: list[str], cwd: str, environment: dict[str, str], output: str, descriptors: int | None
) -> None:
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(cwd)
    file = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
    for standard in (1, 2):
        os.dup2(file, standard)
    os.close(file)
    for stream in (sys.stdout, sys.stderr):
        # ``write_through`` would leave lines in the buffer below: those on standard output would come last, or never.
        stream.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    if descriptors:
        resource.setrlimit(resource.RLIMIT_NOFILE, (descriptors, descriptors))
    sys.argv = arguments
    sys.path.insert(0, cwd)
    try:
        runpy.run_path("manage.py", run_name="__main__")
    finally:
        # As at the end of any program. Not each version of ``multiprocessing`` does both.
        threading._shutdown()  # type: ignore[attr-defined]
        atexit._run_exitfuncs()
