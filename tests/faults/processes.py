"""Two web processes on one PostgreSQL and one Redis, and what tests do with them."""

import asyncio
import http.cookiejar
import json
import time
import urllib.parse
import urllib.request
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from websockets.asyncio.client import ClientConnection, connect

from tests.faults.redis_process import RedisServer, temporary_redis
from tests.faults.server_process import STUCK, Client, Json, ServerProcess
from tests.postgresql import DatabaseServer, temporary_server


@dataclass(frozen=True, kw_only=True)
class Processes:
    """The processes, and a token of their admin."""

    a: ServerProcess
    b: ServerProcess
    redis: RedisServer
    database: DatabaseServer
    token: str

    async def client(self, server: ServerProcess) -> "TimedClient":
        return await TimedClient.connect(server, self.token)


@contextmanager
def running(folder: Path, **environment: str) -> Iterator[Processes]:
    """Start everything, and stop it afterwards."""
    with temporary_server() as database, temporary_redis() as redis:
        common = {
            "DATABASE_URL": database.url,
            "REDIS_URL": redis.url,
            "SECRET_KEY": "one for all",
        } | environment
        servers = []
        for name in ("a", "b"):
            (folder / name).mkdir()
            servers.append(ServerProcess(folder / name, **common))
        try:
            for server in servers:
                # The first one migrates.
                server.start(patience=4 * STUCK)
            for server in servers:
                server.wait_until_loaded()
            a, b = servers
            yield Processes(a=a, b=b, redis=redis, database=database, token=a.issue_token())
        finally:
            for server in servers:
                server.kill()


class TimedClient(Client):
    """A client that notes when each event came."""

    def __init__(self, connection: ClientConnection) -> None:
        #: ``time.monotonic()`` of each frame in ``frames``.
        self.times: defaultdict[str, list[float]] = defaultdict(list)
        #: Events that are in no log.
        self.notices: list[Json] = []
        super().__init__(connection)

    def note_frame(self, frame: Json) -> None:
        if frame["type"] == "event" and frame["event"].get("name") == "storage_waiting":
            self.frames[frame["run_id"]].pop()
            self.notices.append(frame)
        elif frame["type"] == "event":
            self.times[frame["run_id"]].append(time.monotonic())
        elif "id" not in frame:
            self.notices.append(frame)


class Browser:
    """A signed-in browser, as far as HTTP and its cookie go."""

    def __init__(self) -> None:
        self._jar = http.cookiejar.CookieJar()
        self._opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(self._jar))

    @classmethod
    def signed_in(cls, server: ServerProcess, username: str, password: str) -> Self:
        browser = cls()
        browser.get(server, "/login/")
        browser.post(server, "/login/", username=username, password=password)
        assert "sessionid" in browser.cookies
        return browser

    @property
    def cookies(self) -> dict[str, str]:
        return {cookie.name: cookie.value or "" for cookie in self._jar}

    def get(self, server: ServerProcess, path: str) -> str:
        with self._opener.open(f"http://localhost:{server.port}{path}", timeout=STUCK) as answer:
            return str(answer.read().decode())

    def post(self, server: ServerProcess, path: str, **fields: str) -> None:
        fields["csrfmiddlewaretoken"] = self.cookies["csrftoken"]
        data = urllib.parse.urlencode(fields).encode()
        self._opener.open(f"http://localhost:{server.port}{path}", data, timeout=STUCK).close()

    async def socket(self, server: ServerProcess) -> ClientConnection:
        """Open a WebSocket as a page of ``server`` does."""
        cookies = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        socket = await connect(
            f"ws://localhost:{server.port}/ws/",
            additional_headers={"Cookie": cookies},
            origin=f"http://localhost:{server.port}",  # type: ignore[arg-type]  # a NewType of str
            proxy=None,
        )
        assert json.loads(await socket.recv())["type"] == "ready"
        return socket


def first_password(server: ServerProcess) -> str | None:
    """Return the first admin's password if ``server`` made the admin."""
    path = server.folder / "first_password"
    return path.read_text().strip().split()[-1] if path.exists() else None


def percentile(values: list[float], part: float) -> float:
    return sorted(values)[min(int(len(values) * part), len(values) - 1)]


async def end_of(client: Client, run_id: str, *, seconds: float = STUCK) -> Any:
    async with asyncio.timeout(seconds):
        return await client.ended(run_id)
