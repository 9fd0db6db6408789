"""A WebSocket client in the test's own process, which speaks ASGI to the real application.

Unread frames are queued in the client. As Daphne does, it reports their bytes to the application.
"""

import asyncio
import json
from collections.abc import Callable
from itertools import count
from typing import Any
from uuid import UUID

from project.asgi import application
from tests.notes import is_note

type Json = dict[str, Any]

#: Seconds after which a missing answer or event counts as stuck.
STUCK = 20.0

#: The name of the task that serves a test's socket; it runs as long as the socket is open.
TASK_NAME = "socket of a test"


def is_terminal(event: Json) -> bool:
    return event["type"] in {"RUN_FINISHED", "RUN_ERROR"}


class Client:
    """One socket."""

    def __init__(self, token: str) -> None:
        #: Event frames exactly as received, by run.
        self.frames: dict[str, list[str]] = {}
        #: All other frames that are not answers.
        self.notices: list[Json] = []
        self.close_code: int | None = None
        self._answers: dict[str, Json] = {}
        self._ids = count(1)
        self._unread: list[str] | None = None
        self._changed = asyncio.Event()
        self._to_server: asyncio.Queue[Json] = asyncio.Queue()
        self._scope = {
            "type": "websocket",
            "path": "/ws/",
            "query_string": b"",
            "headers": [(b"host", b"testserver"), (b"authorization", f"Bearer {token}".encode())],
            "subprotocols": [],
            "runnel.unsent": lambda: self.unread,
        }
        self._task: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Connect and wait for ``ready``."""
        self._to_server.put_nowait({"type": "websocket.connect"})
        self._task = asyncio.create_task(
            application(self._scope, self._to_server.get, self._take), name=TASK_NAME
        )
        await self.until(lambda: any(notice["type"] == "ready" for notice in self.notices))

    async def close(self) -> None:
        """Disconnect, as a closed tab does."""
        if self._task is not None:
            self._to_server.put_nowait({"type": "websocket.disconnect", "code": 1001})
            await asyncio.wait_for(self._task, STUCK)
            self._task = None

    def send(self, kind: str, **fields: Any) -> str:
        """Send a frame without waiting; return its id."""
        frame_id = f"f{next(self._ids)}"
        text = json.dumps({"type": kind, "id": frame_id, **fields})
        self._to_server.put_nowait({"type": "websocket.receive", "text": text})
        return frame_id

    def acknowledge(self, run_id: UUID, seq: int) -> None:
        """Acknowledge a run's events up to ``seq``. The server sends no answer."""
        text = json.dumps({"type": "ack", "run_id": str(run_id), "seq": seq})
        self._to_server.put_nowait({"type": "websocket.receive", "text": text})

    async def answer(self, frame_id: str) -> Json:
        """Wait for the only answer to a frame, and return it."""
        await self.until(lambda: frame_id in self._answers)
        return self._answers[frame_id]

    async def ask(self, kind: str, **fields: Any) -> Json:
        """Send a frame and return its answer."""
        return await self.answer(self.send(kind, **fields))

    async def start(self, model: str, *, prompt: str = "Tell me something.", **fields: Any) -> UUID:
        """Start a run and return its id."""
        answer = await self.ask("start", model=model, input=prompt, **fields)
        assert answer["type"] == "ok", answer
        return UUID(answer["run_id"])

    async def cancel(self, run_id: UUID, **fields: Any) -> str:
        """Cancel a run and return the answer's ``state``."""
        answer = await self.ask("cancel", run_id=str(run_id), **fields)
        assert answer["type"] == "ok", answer
        state: str = answer["state"]
        return state

    def events(self, run_id: UUID) -> list[Json]:
        """Return the events of a run that were read so far."""
        return [json.loads(frame)["event"] for frame in self.frames.get(str(run_id), ())]

    async def saw(self, run_id: UUID, *kinds: str) -> None:
        """Wait until an event of one of these kinds has been read."""
        await self.until(lambda: any(event["type"] in kinds for event in self.events(run_id)))

    async def ended(self, run_id: UUID) -> Json:
        """Wait for the run's end and return its terminal event."""
        await self.until(lambda: self.has_ended(run_id))
        return self.events(run_id)[-1]

    def has_ended(self, run_id: UUID) -> bool:
        """Return whether the run's terminal event was read."""
        frames = self.frames.get(str(run_id), [])
        return any(is_terminal(json.loads(frame)["event"]) for frame in frames[-1:])

    @property
    def unread(self) -> int:
        """Return the bytes that were sent and not read yet."""
        return sum(map(len, self._unread or ()))

    def stop_reading(self) -> None:
        """Leave all further frames unread."""
        self._unread = []

    def read_on(self) -> None:
        """Read the queued frames, and from now on each frame as it arrives."""
        unread, self._unread = self._unread or [], None
        for text in unread:
            self._read(text)

    async def until(self, predicate: Callable[[], bool], timeout: float = STUCK) -> None:
        """Wait until ``predicate`` is true; check it again after each frame."""
        async with asyncio.timeout(timeout):
            while not predicate():
                await self._changed.wait()

    async def _take(self, message: Json) -> None:
        match message["type"]:
            case "websocket.send" if self._unread is not None:
                self._unread.append(message["text"])
            case "websocket.send":
                self._read(message["text"])
            case "websocket.close":
                self.close_code = message.get("code", 1000)
        self._tell()

    def _read(self, text: str) -> None:
        frame = json.loads(text)
        if frame["type"] == "event" and not is_note(frame):
            self.frames.setdefault(frame["run_id"], []).append(text)
        elif "id" in frame:
            assert frame["id"] not in self._answers, f"answered twice: {frame}"
            self._answers[frame["id"]] = frame
        else:
            self.notices.append(frame)
        self._tell()

    def _tell(self) -> None:
        self._changed.set()
        self._changed.clear()
