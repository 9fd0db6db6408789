"""Two web processes on one PostgreSQL and one Redis, and what tests do with them."""

import asyncio
import http.cookiejar
import json
import sys
import time
import urllib.error
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
from tests.notes import is_note
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
            # Races are between the processes, and all of one user.
            "RUNNEL_STARTS_PER_MINUTE": "1000000",
        } | environment
        servers = []
        for name in ("a", "b"):
            (folder / name).mkdir()
            servers.append(ServerProcess(folder / name, **common))
        try:
            for server in servers:
                # The first one migrates.
                server.start()
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
        if is_note(frame):
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


async def cancel_times(both: Processes, count: int) -> tuple[list[float], list[float]]:
    """Cancel runs of A through B; return the seconds to the terminal event at A, and what the runs report."""
    totals, reported = [], []
    async with await both.client(both.a) as a, await both.client(both.b) as b:
        for _ in range(count):
            run_id = (await a.start("emulator/drip"))["run_id"]
            await a.saw(run_id, "TEXT_MESSAGE_CONTENT")
            asked_at = time.monotonic()
            await b.ask("cancel", run_id=run_id)
            end = await a.ended(run_id)
            assert end["outcome"] == {"type": "cancelled"}
            totals.append(a.times[run_id][-1] - asked_at)
            reported.append(end["metadata"]["upstream_closed_ms"] / 1000)
    return totals, reported


def report(what: str, seconds: list[float]) -> None:
    median, worst = percentile(seconds, 0.5) * 1000, percentile(seconds, 0.99) * 1000
    sys.stdout.write(f"{what}: n {len(seconds)}, p50 {median:.0f} ms, p99 {worst:.0f} ms\n")


async def closed_after(both: Processes, other: ServerProcess) -> float:
    """Sign out on one process; return the seconds after which the socket on ``other`` was closed, with 4401."""
    (maker,) = [server for server in (both.a, both.b) if first_password(server)]
    password = first_password(maker)
    assert password is not None
    one = both.a if other is both.b else both.b
    browser = await asyncio.to_thread(Browser.signed_in, one, "admin", password)
    socket = await browser.socket(other)
    asked_at = time.monotonic()
    await asyncio.to_thread(browser.post, one, "/logout/")
    async with asyncio.timeout(10):
        await socket.wait_closed()
    assert socket.close_code == 4401
    return time.monotonic() - asked_at


async def watched_by_b(a: Client, b: Client, model: str = "emulator/drip") -> str:
    run_id = str((await a.start(model))["run_id"])
    await b.ask("subscribe", run_id=run_id)
    await b.saw(run_id, "STEP_STARTED" if model == "emulator/silent" else "TEXT_MESSAGE_CONTENT")
    return run_id


def assert_lost(end: Any, frames: list[str]) -> None:
    assert (end["type"], end["code"]) == ("RUN_ERROR", "worker_lost")
    assert [json.loads(frame)["seq"] for frame in frames] == list(range(1, len(frames) + 1))


async def told(client: TimedClient, run_id: str, **value: bool) -> None:
    def is_told() -> bool:
        return any(
            notice.get("run_id") == run_id and notice["event"]["value"] == value
            for notice in client.notices
            if notice["type"] == "event"
        )

    await client.until(is_told)


def status_of(server: ServerProcess, path: str = "/login/") -> tuple[int, str | None]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{server.port}{path}", timeout=20) as answer:
            return answer.status, None
    except urllib.error.HTTPError as error:
        return error.code, error.headers["Retry-After"]
