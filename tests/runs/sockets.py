"""A WebSocket client in the test's own process. It keeps all frames in the order of their arrival."""

import asyncio
import json
from collections.abc import Callable, Iterable
from itertools import count
from typing import Any, Self

from project.asgi import application

type Json = dict[str, Any]

#: Seconds after which a missing frame counts as stuck.
STUCK = 10.0

HOST = "testserver"


def bearer(token: str) -> tuple[str, str]:
    return "authorization", f"Bearer {token}"


def is_terminal(event: Json) -> bool:
    return event["type"] in {"RUN_FINISHED", "RUN_ERROR"}


class Socket:
    """One socket, from its opening request to its close code."""

    def __init__(
        self,
        *headers: tuple[str, str],
        subprotocols: Iterable[str] = (),
        path: str = "/ws/",
        query: str = "",
        scheme: str = "ws",
    ) -> None:
        #: Text frames exactly as received.
        self.received: list[str] = []
        self.is_accepted = False
        self.subprotocol: str | None = None
        self.close_code: int | None = None
        self._ids = map(str, count(1))
        self._changed = asyncio.Event()
        self._to_server: asyncio.Queue[Json] = asyncio.Queue()
        self._scope: Json = {
            "type": "websocket",
            "scheme": scheme,
            "path": path,
            "query_string": query.encode(),
            "headers": [
                (name.encode(), value.encode()) for name, value in ({"host": HOST} | dict(headers)).items()
            ],
            "subprotocols": list(subprotocols),
        }
        #: The task of the server for this socket, while it is open.
        self.serving: asyncio.Task[None] | None = None

    async def open(self) -> Self:
        """Connect, and wait until the server has sent a frame or closed the socket."""
        self._to_server.put_nowait({"type": "websocket.connect"})
        self.serving = asyncio.create_task(application(self._scope, self._to_server.get, self._take))
        await self.until(lambda: bool(self.received) or self.close_code is not None)
        return self

    async def close(self) -> None:
        """Disconnect, as a closed tab does. A second call has no effect."""
        if self.serving is not None:
            self.leave()
            await asyncio.wait_for(self.serving, STUCK)
            self.serving = None

    def leave(self) -> None:
        """Disconnect without waiting for the server."""
        self._to_server.put_nowait({"type": "websocket.disconnect", "code": 1001})

    def send_text(self, text: str) -> None:
        self._to_server.put_nowait({"type": "websocket.receive", "text": text})

    def send_bytes(self, data: bytes) -> None:
        self._to_server.put_nowait({"type": "websocket.receive", "bytes": data})

    def send(self, kind: str, **fields: Any) -> str:
        """Send a frame without waiting; return its id."""
        frame_id: str = fields.pop("id", None) or next(self._ids)
        self.send_text(json.dumps({"type": kind, "id": frame_id, **fields}))
        return frame_id

    async def answer(self, frame_id: str) -> Json:
        """Wait for the only answer to a frame, and return it."""
        await self.until(lambda: bool(self.answers(frame_id)))
        (answer,) = self.answers(frame_id)
        return answer

    async def ask(self, kind: str, **fields: Any) -> Json:
        """Send a frame and return its answer, ``ok`` or ``error``."""
        return await self.answer(self.send(kind, **fields))

    async def start(self, model: str = "emulator/echo", text: str = "hi", **fields: Any) -> Json:
        """Start a run and return the ``ok``."""
        answer = await self.ask("start", model=model, input=text, **fields)
        assert answer["type"] == "ok", answer
        return answer

    async def ended(self, run_id: str) -> Json:
        """Wait for a run's end and return its terminal event."""
        await self.until(lambda: any(map(is_terminal, self.events(run_id))))
        return self.events(run_id)[-1]

    async def saw(self, run_id: str, kind: str) -> None:
        """Wait for an event of type ``kind`` of a run."""
        await self.until(lambda: any(event["type"] == kind for event in self.events(run_id)))

    async def closed(self) -> None:
        """Wait until the server has closed the socket."""
        await self.until(lambda: self.close_code is not None)

    async def in_step(self) -> None:
        """Wait until the server has read all earlier frames. Their commands may still be running."""
        pings = self.count("pong")
        self.send_text('{"type":"ping"}')
        await self.until(lambda: self.count("pong") > pings)

    @property
    def frames(self) -> list[Json]:
        return [json.loads(text) for text in self.received]

    def count(self, kind: str) -> int:
        return sum(frame["type"] == kind for frame in self.frames)

    def answers(self, frame_id: str) -> list[Json]:
        return [
            frame
            for frame in self.frames
            if frame["type"] in {"ok", "error", "pong"} and frame.get("id") == frame_id
        ]

    def texts(self, run_id: str) -> list[str]:
        """Return the event frames of a run, byte for byte."""
        mark = f'{{"type":"event","run_id":"{run_id}",'
        return [text for text in self.received if text.startswith(mark)]

    def events(self, run_id: str) -> list[Json]:
        return [json.loads(text)["event"] for text in self.texts(run_id)]

    def seqs(self, run_id: str) -> list[int]:
        return [json.loads(text)["seq"] for text in self.texts(run_id)]

    def said(self, run_id: str) -> str:
        """Return the text of a run that was delivered so far."""
        return "".join(
            event["delta"] for event in self.events(run_id) if event["type"] == "TEXT_MESSAGE_CONTENT"
        )

    async def until(self, predicate: Callable[[], bool], timeout: float = STUCK) -> None:
        """Wait until ``predicate`` is true; check it again after each action of the server."""
        try:
            async with asyncio.timeout(timeout):
                while not predicate():
                    await self._changed.wait()
        except TimeoutError:
            last = [text[:200] for text in self.received[-5:]]
            raise AssertionError(f"it never came; the last frames were {last}") from None

    async def _take(self, message: Json) -> None:
        match message["type"]:
            case "websocket.accept":
                self.is_accepted = True
                self.subprotocol = message.get("subprotocol")
            case "websocket.send":
                self.received.append(message["text"])
            case "websocket.close":
                self.close_code = message.get("code", 1000)
        self._changed.set()
        self._changed.clear()
