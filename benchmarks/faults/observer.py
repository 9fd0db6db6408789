"""A client that notes when it was told what."""

import json
import time
from collections import defaultdict
from collections.abc import Sequence

from websockets.asyncio.client import ClientConnection

from tests.faults.server_process import Client, Json, is_terminal
from tests.notes import is_note


class Observer(Client):
    """A client that keeps when each event came, and when it heard that nothing follows."""

    def __init__(self, connection: ClientConnection) -> None:
        #: ``time.monotonic()`` of each frame in ``frames``.
        self.times: defaultdict[str, list[float]] = defaultdict(list)
        #: When the process of a run was first said to be silent.
        self.silent: dict[str, float] = {}
        #: When it was said of a run that its events wait to be saved.
        self.waiting: dict[str, float] = {}
        #: When the connection ended; ``None`` before.
        self.closed_at: float | None = None
        super().__init__(connection)

    def note_frame(self, frame: Json) -> None:
        if frame["type"] != "event":
            return
        if not is_note(frame):
            self.times[frame["run_id"]].append(time.monotonic())
        elif frame["event"]["name"] == "worker_silent" and frame["event"]["value"]["silent"]:
            self.silent.setdefault(frame["run_id"], time.monotonic())
        elif frame["event"]["name"] == "storage_waiting" and frame["event"]["value"]["waiting"]:
            self.waiting.setdefault(frame["run_id"], time.monotonic())

    async def _read(self) -> None:
        await super()._read()
        self.closed_at = time.monotonic()

    def cut(self) -> None:
        """Break the connection off, as a lost network does."""
        self._connection.transport.abort()

    def told(self, run_id: str) -> float | None:
        """Return when this viewer first knew that a run's process is away or that the run has ended."""
        known = [self.closed_at, self.silent.get(run_id)]
        if has_ended(self, run_id):
            known.append(self.times[run_id][-1])
        return min((each for each in known if each is not None), default=None)


def has_ended(client: Client, run_id: str) -> bool:
    return bool(client.frames[run_id]) and is_terminal(client.frames[run_id][-1])


def is_whole(frames: Sequence[str]) -> bool:
    """Return whether a run's frames have no gap and end with their only terminal event of the last segment."""
    numbers = [json.loads(frame)["seq"] for frame in frames]
    kinds = [json.loads(frame)["event"]["type"] for frame in frames]
    ends = sum(kind in {"RUN_FINISHED", "RUN_ERROR"} for kind in kinds)
    return (
        numbers == list(range(1, len(frames) + 1))
        and is_terminal(frames[-1])
        and ends == kinds.count("RUN_STARTED")
    )
