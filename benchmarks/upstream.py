"""Starts the upstream of the streams: a fast stamping one if its source is available, otherwise the emulator.

The stamping upstream (``../shared/perf/fakeup.c``) is never the bottleneck and puts the time of sending into
each token. The emulator is part of Runnel and writes no times, so ages cannot be measured with it.
"""

import contextlib
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks import machine
from benchmarks.server import PROJECT, free_port, wait_for

SOURCE = PROJECT.parent / "shared" / "perf" / "fakeup.c"

#: The tokens of the emulator's model ``fast``, and the tokens per second of its endless model ``drip``.
FAST_TOKENS, DRIP_RATE = 10_000, 50


@dataclass(frozen=True, kw_only=True, slots=True)
class Load:
    """The model and prompt of one stream, and its expected length."""

    model: str
    prompt: str
    #: Tokens of the stream; for an endless stream, the tokens until it is left after ``seconds``.
    tokens: int
    seconds: float | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Upstream:
    """A running upstream."""

    origin: str
    has_stamps: bool

    def flat_out(self, tokens: int) -> Load:
        """Return the load of a stream that is sent as fast as it is read."""
        if self.has_stamps:
            return Load(model="fake", prompt=f"[[n={tokens}]]", tokens=tokens)
        return Load(model="fast", prompt="Go.", tokens=FAST_TOKENS)

    def paced(self, *, rate: int, seconds: float) -> Load:
        """Return the load of a stream of ``rate`` tokens per second for ``seconds``."""
        if self.has_stamps:
            tokens = round(rate * seconds)
            return Load(model="fake", prompt=f"[[n={tokens} rate={rate}]]", tokens=tokens)
        return Load(model="drip", prompt="Go.", tokens=round(DRIP_RATE * seconds), seconds=seconds)


@contextlib.contextmanager
def start(*, cores: set[int] | None) -> Iterator[Upstream]:
    """Start an upstream on ``cores``."""
    compiler = shutil.which("gcc") or shutil.which("cc")
    has_stamps = SOURCE.is_file() and compiler is not None
    with tempfile.TemporaryDirectory(prefix="runnel-upstream-") as folder:
        port = free_port()
        if has_stamps:
            program = Path(folder, "fakeup")
            subprocess.run([str(compiler), "-O2", "-w", "-o", program, SOURCE], check=True)
            command = [str(program), str(port), "3600"]
        else:
            command = [sys.executable, "-m", "emulator", "--port", str(port)]
        process = subprocess.Popen(
            command,
            cwd=PROJECT,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        machine.pin(process.pid, cores)
        try:
            wait_for(port, process)
            yield Upstream(origin=f"http://127.0.0.1:{port}", has_stamps=has_stamps)
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait()
