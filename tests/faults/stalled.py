"""A real WebSocket client that stops reading, so that the kernel's buffers fill, and then the server's."""

import json
import socket
from pathlib import Path
from typing import Any, Self

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from tests.faults.server_process import ServerProcess, is_terminal
from tests.notes import is_note

type Json = dict[str, Any]

#: Bytes of the client's receive buffer in the kernel; as small as possible.
_RECEIVE_BUFFER = 4096


class StalledClient:
    """One socket that reads only when a test calls a method that reads."""

    def __init__(self, connection: ClientConnection) -> None:
        self.frames: list[str] = []
        self.notices: list[Json] = []
        #: The close code; ``None`` while the connection is open, and if it broke.
        self.close_code: int | None = None
        self._connection = connection

    @classmethod
    async def connect(cls, server: ServerProcess, token: str) -> Self:
        link = socket.socket()
        link.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER)
        link.connect(("127.0.0.1", server.port))
        connection = await connect(
            f"ws://127.0.0.1:{server.port}/ws/",
            sock=link,
            additional_headers={"Authorization": f"Bearer {token}"},
            max_size=None,
            # The library reads ahead by this many messages, and answers no ping while it waits.
            max_queue=1,
            ping_interval=None,
            compression=None,
            proxy=None,
            close_timeout=1,
        )
        return cls(connection)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc: object) -> None:
        self._connection.transport.abort()
        await self._connection.wait_closed()

    async def subscribe(self, run_id: str, *, after: int = 0) -> None:
        """Subscribe to a run and read the answer, but no events."""
        frame = {"type": "subscribe", "id": "s", "run_id": run_id, "after": after}
        await self._connection.send(json.dumps(frame))
        while not any(notice.get("id") == "s" for notice in self.notices):
            await self._read_one()

    async def read_to_the_end(self) -> None:
        """Read until the run or the connection ends."""
        while not (self.frames and is_terminal(self.frames[-1])):
            try:
                await self._read_one()
            except ConnectionClosed as closed:
                self.close_code = None if closed.rcvd is None else closed.rcvd.code
                return

    async def _read_one(self) -> None:
        text = await self._connection.recv(decode=True)
        frame = json.loads(text)
        if frame["type"] == "event" and not is_note(frame):
            self.frames.append(text)
        else:
            self.notices.append(frame)


def peak_memory(pid: int) -> int:
    """Return a process's peak memory in bytes since ``forget_peak``, or since its start."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    raise AssertionError("the system does not tell")


def forget_peak(pid: int) -> None:
    """Reset the peak that ``peak_memory`` returns (proc(5), clear_refs)."""
    Path(f"/proc/{pid}/clear_refs").write_text("5")
