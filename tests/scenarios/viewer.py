"""A WebSocket client that keeps every event, and can send a frame before it has read the last answer."""

import contextlib
import json
from collections import defaultdict
from collections.abc import Callable, Iterator
from itertools import count
from typing import Any

from websockets.sync.client import ClientConnection, connect

from tests.contract.reading import Json
from tests.notes import is_note

#: Seconds after which a missing answer or event counts as stuck.
PATIENCE = 20

_ENDS = {"RUN_FINISHED", "RUN_ERROR"}


class Viewer:
    """One socket, signed in with a token."""

    def __init__(self, connection: ClientConnection) -> None:
        self.events: defaultdict[str, list[Json]] = defaultdict(list)
        self._connection = connection
        self._seqs: dict[str, int] = {}
        self._answers: dict[str, Json] = {}
        self._ids = map(str, count(1))
        self.user = json.loads(connection.recv(PATIENCE))["user"]["username"]

    @classmethod
    @contextlib.contextmanager
    def on(cls, port: int, token: str) -> Iterator["Viewer"]:
        """Open a socket to the server at ``port``."""
        headers = {"Authorization": f"Bearer {token}"}
        url = f"ws://127.0.0.1:{port}/ws/"
        with connect(url, additional_headers=headers, max_size=None, proxy=None) as connection:
            yield cls(connection)

    def send(self, kind: str, **fields: Any) -> str:
        """Send a frame without waiting; return its id."""
        frame_id = next(self._ids)
        self._connection.send(json.dumps({"type": kind, "id": frame_id, **fields}))
        return frame_id

    def answer(self, frame_id: str) -> Json:
        """Wait for the only answer to a frame, and return it."""
        while frame_id not in self._answers:
            self._read()
        return self._answers.pop(frame_id)

    def ask(self, kind: str, **fields: Any) -> Json:
        """Send a frame and return its answer, ``ok`` or ``error``."""
        return self.answer(self.send(kind, **fields))

    def until(self, run_id: str, predicate: Callable[[list[Json]], bool]) -> None:
        """Wait until ``predicate`` is true for a run's events."""
        while not predicate(self.events[run_id]):
            self._read()

    def saw(self, run_id: str, kind: str, times: int = 1) -> None:
        """Wait until the run has ``times`` events of type ``kind``."""
        self.until(run_id, lambda events: sum(event["type"] == kind for event in events) >= times)

    def segment(self, run_id: str, number: int = 1) -> list[Json]:
        """Wait until a run's segment has ended, and return its events."""
        self.until(run_id, lambda events: sum(event["type"] in _ENDS for event in events) >= number)
        events = self.events[run_id]
        starts = [place for place, event in enumerate(events) if event["type"] == "RUN_STARTED"]
        return events[starts[number - 1] : [*starts, len(events)][number]]

    def _read(self) -> None:
        text = self._connection.recv(PATIENCE)
        frame = json.loads(text)
        if is_note(frame):
            return
        if frame["type"] == "event":
            run_id, seq = frame["run_id"], frame["seq"]
            assert seq == self._seqs.get(run_id, 0) + 1, f"after {self._seqs.get(run_id)} came {text!r}"
            self._seqs[run_id] = seq
            self.events[run_id].append(frame["event"])
        elif frame["type"] in {"ok", "error"}:
            self._answers[frame["id"]] = frame
        elif frame["type"] != "lag":
            raise AssertionError(f"nobody asked for {text!r}")
