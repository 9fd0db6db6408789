"""A real server process, which a test can restart on the same data folder, and clients for it."""

import asyncio
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections import defaultdict
from pathlib import Path
from typing import Any, Self

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from tests.faults.forked import Forked
from tests.notes import is_note

PROJECT = Path(__file__).resolve().parents[2]

#: Seconds after which a server that does not end or answer counts as stuck.
STUCK = 30.0
#: The same for a start. The first one of a process of tests loads all libraries, and one that fails is noticed at once.
STUCK_AT_START = 4 * STUCK

type Json = dict[str, Any]


class ServerProcess:
    """``manage.py serve`` on ``folder``; it may be started again after it has ended."""

    command = "serve"
    #: Where the code is.
    project = PROJECT
    #: Whether it begins with the large libraries loaded, as in tests, and not as a person starts it.
    is_forked = False
    #: How many file descriptors a forked server may have; ``None`` for as many as this process.
    descriptors: int | None = None

    def __init__(self, folder: Path, **environment: str) -> None:
        self.folder = folder
        self.port = _free_port()
        self._output = folder / "output"
        self._environment = os.environ | {
            "HOST": "127.0.0.1",
            "PORT": str(self.port),
            "PYTHONUNBUFFERED": "1",
            "RUNNEL_DATA_DIR": str(folder),
            **environment,
        }
        self._process: subprocess.Popen[bytes] | Forked | None = None

    def start(self, *, patience: float = STUCK_AT_START) -> float:
        """Start the server, and return the seconds until it accepted connections."""
        begin = time.monotonic()
        self._process = self._begin()
        while time.monotonic() < begin + patience and self._process.poll() is None:
            if self._is_up():
                return time.monotonic() - begin
            time.sleep(0.02)
        self.kill()
        raise AssertionError(f"the server did not start:\n{self.output}")

    def _begin(self) -> subprocess.Popen[bytes] | Forked:
        if self.is_forked and self.project == PROJECT:
            return Forked(
                [self.command],
                cwd=PROJECT,
                env=self._environment,
                output=self._output,
                descriptors=self.descriptors,
            )
        return self._begin_anew("manage.py", self.command)

    def _begin_anew(self, *arguments: str) -> subprocess.Popen[bytes]:
        """Start Python with these arguments."""
        assert self.descriptors is None, "only a forked server is given fewer"
        with self._output.open("a") as output:
            return subprocess.Popen(
                [sys.executable, *arguments],
                cwd=self.project,
                env=self._environment,
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    def _is_up(self) -> bool:
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
            return True
        return False

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def send(self, number: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    def wait(self) -> int:
        """Wait until the process ends and return its exit code. Kill it if it does not end."""
        assert self._process is not None
        try:
            return self._process.wait(STUCK)
        except subprocess.TimeoutExpired:
            self.kill()
            raise

    def kill(self) -> None:
        """Kill the process at once, as a power cut would. Do nothing if it has ended."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def run(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run another ``manage.py`` command on the same data folder."""
        return subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=PROJECT,
            env=self._environment | environment,
            capture_output=True,
            text=True,
            timeout=STUCK,
            check=False,
        )

    def issue_token(self) -> str:
        return self.run("api_token", "admin").stdout.split()[-1]

    def wait_until_loaded(self) -> None:
        """Wait until the server has loaded what the first runs need: it takes connections, and more memory, before."""
        deadline = time.monotonic() + STUCK
        while "what the first runs need is loaded" not in self.output:
            assert time.monotonic() < deadline, f"it is not loaded:\n{self.output}"
            time.sleep(0.05)

    @property
    def output(self) -> str:
        return self._output.read_text()


class WorkerProcess(ServerProcess):
    """``manage.py work``, with a folder of its own for what it prints."""

    command = "work"

    def start(self, *, patience: float = STUCK_AT_START) -> float:
        self._output.write_text("")
        return super().start(patience=patience)

    def _is_up(self) -> bool:
        return "This worker executes" in self.output


class Client:
    """One WebSocket client that keeps every event frame of a log exactly as received."""

    def __init__(self, connection: ClientConnection) -> None:
        self.frames: defaultdict[str, list[str]] = defaultdict(list)
        self._connection = connection
        self._answers: dict[str, Json] = {}
        self._next_id = 0
        self._changed = asyncio.Event()
        self._reading = asyncio.create_task(self._read())

    @classmethod
    async def connect(cls, server: ServerProcess, token: str) -> Self:
        headers = {"Authorization": f"Bearer {token}"}
        url = f"ws://127.0.0.1:{server.port}/ws/"
        return cls(await connect(url, additional_headers=headers, max_size=None, proxy=None))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.leave()

    @property
    def has_ended(self) -> bool:
        """Whether the connection has ended."""
        return self._reading.done()

    async def leave(self) -> None:
        """Close the connection. The frames stay."""
        await self._connection.close()
        await self._reading

    async def ask(self, kind: str, **fields: Any) -> Json:
        """Send a frame and return its ``ok``."""
        answer = await self._answer(kind, fields)
        assert answer["type"] == "ok", answer
        return answer

    async def refused(self, kind: str, **fields: Any) -> Json:
        """Send a frame and return its ``error``."""
        answer = await self._answer(kind, fields)
        assert answer["type"] == "error", answer
        return answer

    async def _answer(self, kind: str, fields: Json) -> Json:
        self._next_id += 1
        frame_id = str(self._next_id)
        await self._connection.send(json.dumps({"type": kind, "id": frame_id, **fields}))
        await self.until(lambda: frame_id in self._answers)
        return self._answers[frame_id]

    async def start(self, model: str, text: str = "hi", **fields: Any) -> Json:
        return await self.ask("start", model=model, input=text, **fields)

    async def replay(self, run_id: str) -> list[str]:
        """Return the whole log of an ended run, as the server replays it."""
        answer = await self.ask("subscribe", run_id=run_id, after=0)
        await self.until(lambda: len(self.frames[run_id]) >= answer["seq"])
        return self.frames[run_id]

    async def saw(self, run_id: str, kind: str) -> None:
        """Wait for an event of type ``kind`` of a run."""
        await self.until(lambda: any(f'"{kind}"' in frame for frame in self.frames[run_id]))

    async def ended(self, run_id: str) -> Json:
        await self.until(lambda: bool(self.frames[run_id]) and is_terminal(self.frames[run_id][-1]))
        event: Json = json.loads(self.frames[run_id][-1])["event"]
        return event

    async def closed(self) -> int | None:
        """Wait until the connection ends and return the close code, ``None`` if it broke."""
        async with asyncio.timeout(STUCK):
            await self._reading
        received = self._connection.protocol.close_rcvd
        return None if received is None else received.code

    async def until(self, predicate: Any) -> None:
        async with asyncio.timeout(STUCK):
            while not predicate():
                assert not self._reading.done(), "the connection has ended"
                await self._changed.wait()

    async def _read(self) -> None:
        try:
            async for text in self._connection:
                assert isinstance(text, str)
                frame = json.loads(text)
                if frame["type"] == "event" and not is_note(frame):
                    self.frames[frame["run_id"]].append(text)
                elif "id" in frame:
                    self._answers[frame["id"]] = frame
                self.note_frame(frame)
                self._tell()
        except ConnectionClosed:
            pass
        finally:
            self._tell()

    def note_frame(self, frame: Json) -> None:
        """Called with each frame that has come."""

    def _tell(self) -> None:
        self._changed.set()
        self._changed.clear()


def is_terminal(frame: str) -> bool:
    return json.loads(frame)["event"]["type"] in {"RUN_FINISHED", "RUN_ERROR"}


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
