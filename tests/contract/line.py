"""All parts of a contract test: a server process, an upstream, and WebSocket viewers.

Only the emulator, which plays the providers, runs in the test's own process. Tests read the server's database
file directly.
"""

import asyncio
import contextlib
import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import count
from pathlib import Path
from typing import Any, Self
from uuid import UUID

from websockets.sync.client import ClientConnection, connect

from emulator import Emulator
from tests.complaints import tracebacks_in
from tests.contract.reading import Json
from tests.notes import is_note
from tests.prepared import prepare

PROJECT = Path(__file__).resolve().parents[2]

#: Seconds until a freshly started server answers, and until a running server answers a request.
START_TIMEOUT = 60
PATIENCE = 20

#: The provider that speaks each wire.
PROVIDERS = {
    "openai-chat": "openai-chat",
    "openai-responses": "openai",
    "anthropic-messages": "anthropic",
    "gemini-generate": "gemini",
}

TERMINAL = {"RUN_FINISHED", "RUN_ERROR"}


class Upstream:
    """An emulator on its own event loop and thread; it plays every provider that has a key."""

    def __init__(self, recordings: Path) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="upstream", daemon=True)
        self._thread.start()
        starting = Emulator.start(recordings=recordings)
        self._emulator = asyncio.run_coroutine_threadsafe(starting, self._loop).result(PATIENCE)
        self.origin = self._emulator.origin

    def close(self) -> None:
        asyncio.run_coroutine_threadsafe(self._emulator.close(), self._loop).result(PATIENCE)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    @property
    def newest(self) -> int:
        """Return the number of the newest request."""
        return max((exchange.number for exchange in tuple(self._emulator.exchanges)), default=0)

    def received(self, *, after: int) -> Json:
        """Return the body of the first request after the number ``after``; wait for it if necessary."""
        coming = self._emulator.wait_for(lambda exchange: exchange.number > after, PATIENCE)
        body = asyncio.run_coroutine_threadsafe(coming, self._loop).result(2 * PATIENCE).body
        assert body is not None
        return body


@dataclass(frozen=True, kw_only=True)
class Played:
    """A run as its viewer received it, from the first frame to the last."""

    run_id: str
    conversation_id: str
    #: The event frames, byte for byte.
    frames: tuple[str, ...]

    @cached_property
    def events(self) -> list[Json]:
        return [json.loads(frame)["event"] for frame in self.frames]

    @property
    def seqs(self) -> list[int]:
        return [json.loads(frame)["seq"] for frame in self.frames]

    @property
    def last(self) -> Json:
        return self.events[-1]

    @property
    def text(self) -> str:
        return "".join(event["delta"] for event in self.events if event["type"] == "TEXT_MESSAGE_CONTENT")


class Viewer:
    """One WebSocket client, signed in with a token. Its inbox keeps frames until a method reads them."""

    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection
        self._inbox: defaultdict[str, list[str]] = defaultdict(list)
        self._answers: dict[str, Json] = {}
        self._ids = map(str, count(1))
        self.ready = json.loads(self._connection.recv(PATIENCE))

    def ask(self, **frame: Any) -> Json:
        """Send a command and return its answer, ``ok`` or ``error``."""
        frame_id = next(self._ids)
        self._connection.send(json.dumps({"id": frame_id, **frame}))
        while frame_id not in self._answers:
            self._read()
        return self._answers.pop(frame_id)

    def start(self, model: str, text: str, *, conversation_id: str | None = None) -> tuple[str, str]:
        """Start a run; return the ids of the run and of its conversation."""
        place = {} if conversation_id is None else {"conversation_id": conversation_id}
        answer = self.ask(type="start", model=model, input=text, **place)
        assert answer["type"] == "ok", answer
        return answer["run_id"], answer["conversation_id"]

    def follow(self, run_id: str, *, first: int = 1) -> tuple[str, ...]:
        """Return the frames of a run up to its end; ``first`` is the expected seq of the first frame."""
        while not any(_type(frame) in TERMINAL for frame in self._inbox[run_id]):
            self._read()
        frames = tuple(self._inbox.pop(run_id))
        assert json.loads(frames[0])["seq"] == first
        return frames

    def wait_for(self, run_id: str, kind: str) -> None:
        """Wait until an event of type ``kind`` arrives; it stays in the inbox."""
        while not any(_type(frame) == kind for frame in self._inbox[run_id]):
            self._read()

    def play(self, model: str, text: str, *, conversation_id: str | None = None) -> Played:
        """Start a run and watch it live to its end."""
        run_id, conversation_id = self.start(model, text, conversation_id=conversation_id)
        return Played(run_id=run_id, conversation_id=conversation_id, frames=self.follow(run_id))

    def stop(self, run_id: str, conversation_id: str) -> Played:
        """Cancel a run and return all of it."""
        answer = self.ask(type="cancel", run_id=run_id)
        assert answer["type"] == "ok", answer
        return Played(run_id=run_id, conversation_id=conversation_id, frames=self.follow(run_id))

    def replay(self, run_id: str, *, after: int) -> tuple[str, ...]:
        """Subscribe to an ended run after the seq ``after``, and return the delivered frames."""
        answer = self.ask(type="subscribe", run_id=run_id, after=after)
        assert answer["type"] == "ok", answer
        return self.follow(run_id, first=after + 1) if answer["seq"] > after else ()

    def _read(self) -> None:
        text = self._connection.recv(PATIENCE)
        assert isinstance(text, str)
        frame = json.loads(text)
        if is_note(frame):
            return
        if frame["type"] == "event":
            self._inbox[frame["run_id"]].append(text)
        elif frame["type"] in {"ok", "error"}:
            self._answers[frame["id"]] = frame
        elif frame["type"] != "lag":
            raise AssertionError(f"nobody asked for {text}")


def _type(frame: str) -> str:
    kind: str = json.loads(frame)["event"]["type"]
    return kind


class Line:
    """A running server on a data folder of its own."""

    def __init__(self, folder: Path, recordings: Path) -> None:
        self.upstream = Upstream(recordings)
        self._folder = folder
        self._output = folder / "output"
        self._port = free_port()
        self._environment = os.environ | {
            "HOST": "127.0.0.1",
            "PORT": str(self._port),
            "PYTHONUNBUFFERED": "1",
            "RUNNEL_DATA_DIR": str(folder),
            "RUNNEL_RECORDINGS_DIR": str(recordings),
            "OPENAI_API_KEY": "sk-nobody",
            "OPENAI_BASE_URL": f"{self.upstream.origin}/v1",
            "ANTHROPIC_API_KEY": "sk-ant-nobody",
            "ANTHROPIC_BASE_URL": self.upstream.origin,
            "GEMINI_API_KEY": "nobody",
            "GOOGLE_GEMINI_BASE_URL": self.upstream.origin,
        }
        self._token = prepare(folder)
        with self._output.open("w") as output:
            self._process = subprocess.Popen(
                [sys.executable, "manage.py", "serve"],
                cwd=PROJECT,
                env=self._environment,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        try:
            self._wait_until_it_serves()
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()
        output = self._output.read_text()
        assert not tracebacks_in(output), output

    def close(self) -> None:
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            raise
        finally:
            self.upstream.close()

    @contextlib.contextmanager
    def viewer(self) -> Iterator[Viewer]:
        """Open a WebSocket."""
        headers = {"Authorization": f"Bearer {self._token}"}
        url = f"ws://127.0.0.1:{self._port}/ws/"
        with connect(url, additional_headers=headers, max_size=None, proxy=None) as connection:
            yield Viewer(connection)

    def rows(self, query: str, run_id: str) -> list[Json]:
        """Return the rows of ``query``, in which ``?`` is the run's id. JSON columns are decoded."""
        with contextlib.closing(sqlite3.connect(self._database())) as database:
            database.row_factory = sqlite3.Row
            found = database.execute(query, (UUID(run_id).hex,)).fetchall()
        return [{name: _decoded(name, row[name]) for name in row.keys()} for row in found]  # noqa: SIM118

    def _database(self) -> Path:
        (path,) = self._folder.glob("*.sqlite3")
        return path

    def _wait_until_it_serves(self) -> None:
        deadline = time.monotonic() + START_TIMEOUT
        while time.monotonic() < deadline and self._process.poll() is None:
            with contextlib.suppress(OSError):
                socket.create_connection(("127.0.0.1", self._port), timeout=1).close()
                return
            time.sleep(0.05)
        raise AssertionError(f"the server did not start:\n{self._output.read_text()}")


#: Columns that hold JSON.
_JSON = {"parts", "native", "origin", "raw_usage", "request", "response", "error"}


def _decoded(column: str, value: Any) -> Any:
    return json.loads(value) if column in _JSON and value is not None else value


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
