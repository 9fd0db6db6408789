"""Another version takes the place of this one and goes back, under streams; and several processes that start first at once."""

import asyncio
import contextlib
import itertools
import signal
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from uuid import uuid4

import psycopg
from websockets.exceptions import ConnectionClosed, InvalidMessage

from benchmarks.faults.installation import PATIENCE
from benchmarks.faults.observer import Observer, has_ended, is_whole
from benchmarks.faults.spread import seconds
from tests.faults.processes import status_of
from tests.faults.releases import unpack_previous
from tests.faults.server_process import ServerProcess
from tests.postgresql import DatabaseServer, temporary_server

#: Streams under which the versions change, and seconds between two further starts.
STREAMS, BETWEEN = 20, 0.5
#: Seconds after which a start counts as not answered.
ANSWERED = 30.0
#: Processes that start at once.
AT_ONCE = 3


def upgrades(number: int, settings: Mapping[str, str]) -> None:
    """Upgrade from the previous release and go back, ``number`` times."""
    with tempfile.TemporaryDirectory(prefix="runnel-earlier-") as folder:
        try:
            unpack_previous(Path(folder))
        except LookupError as missing:
            print(f"11 upgrades: left out, {missing}")
            return
        noticed = _Noticed()
        for _ in range(number):
            with _pair(Path(folder), settings) as servers:
                asyncio.run(_there_and_back(*servers, noticed))
    print(
        f"11 upgrade and way back x{number} under {STREAMS} streams: lost {noticed.lost}, transcripts that differ {noticed.differ}, "
        f"starts {noticed.starts}, of them not answered {noticed.unanswered}"
    )
    print("   silence of streams", seconds(noticed.silences), flush=True)


class _Noticed:
    """What was noticed of all upgrades."""

    def __init__(self) -> None:
        self.lost = self.differ = self.starts = self.unanswered = 0
        #: Seconds between two events of a stream.
        self.silences: list[float] = []


@contextmanager
def _pair(earlier: Path, settings: Mapping[str, str]) -> Iterator[tuple[ServerProcess, ServerProcess]]:
    """A server of each release on one database; neither is started."""
    with temporary_server() as database, tempfile.TemporaryDirectory(prefix="runnel-pair-") as folder:
        common = {
            **settings,
            "DATABASE_URL": database.url,
            # The release before this one has no settings of tests for this one.
            "DJANGO_SETTINGS_MODULE": "project.settings",
            "RUNNEL_NEWER_DATABASE": "true",
            "SECRET_KEY": "one for all",
        }
        servers = []
        for name in ("earlier", "present"):
            (Path(folder) / name).mkdir()
            servers.append(ServerProcess(Path(folder) / name, **common))
        servers[0].project = earlier
        try:
            yield servers[0], servers[1]
        finally:
            for server in servers:
                server.kill()


async def _there_and_back(earlier: ServerProcess, present: ServerProcess, noticed: _Noticed) -> None:
    await asyncio.to_thread(earlier.start, patience=PATIENCE)
    token = await asyncio.to_thread(earlier.issue_token)
    serving = [earlier]
    starting = asyncio.create_task(_keep_starting(serving, token, noticed))
    for old, new in ((earlier, present), (present, earlier)):
        client = await Observer.connect(old, token)
        runs = [(await client.start("emulator/drip"))["run_id"] for _ in range(STREAMS)]
        for run_id in runs:
            await client.saw(run_id, "TEXT_MESSAGE_CONTENT")
        # The new one migrates the database under the streams of the old one.
        await asyncio.to_thread(new.start, patience=PATIENCE)
        serving[:] = [new]
        for run_id in runs:
            noticed.silences += [later - sooner for sooner, later in pairwise(client.times[run_id])]
        old.send(signal.SIGTERM)
        await client.closed()
        await asyncio.to_thread(old.wait)
        reader = await Observer.connect(new, token)
        for run_id in runs:
            log = await reader.replay(run_id)
            noticed.lost += not has_ended(client, run_id) or '"shutdown"' not in log[-1]
            noticed.differ += client.frames[run_id] != log or not is_whole(log)
        await reader.leave()
    starting.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await starting


async def _keep_starting(serving: Sequence[ServerProcess], token: str, noticed: _Noticed) -> None:
    """Start runs again and again at the server that serves now. Who loses a connection comes back and asks the same again."""
    for number in itertools.count():
        noticed.starts += 1
        run_id, end = str(uuid4()), time.monotonic() + ANSWERED
        while not await _start(serving[0], token, run_id, f"number {number}"):
            if time.monotonic() > end:
                noticed.unanswered += 1
                break
            await asyncio.sleep(0.1)
        await asyncio.sleep(BETWEEN)


async def _start(server: ServerProcess, token: str, run_id: str, text: str) -> bool:
    """Start a run, or find that it was started, and see its end. Return whether that came before the connection broke."""
    with contextlib.suppress(OSError, InvalidMessage, ConnectionClosed, AssertionError):
        async with await Observer.connect(server, token) as client:
            await client.start("emulator/echo", text, run_id=run_id)
            await client.ended(run_id)
            return True
    return False


def first_starts(number: int, settings: Mapping[str, str]) -> None:
    """Start some processes at once on an empty database, ``number`` times."""
    took: list[float] = []
    serving = 0
    with temporary_server() as database:
        for place in range(number):
            with _some_on(_new_database(database, place), settings) as servers, ThreadPoolExecutor() as pool:
                took += pool.map(_seconds_until_served, servers)
                serving += sum(status_of(server)[0] == 200 for server in servers)
    print(
        f"11 {AT_ONCE} first starts at once x{number}: {serving} of {AT_ONCE * number} serve; after",
        seconds(took),
        flush=True,
    )


def _seconds_until_served(server: ServerProcess) -> float:
    begin = time.monotonic()
    with contextlib.suppress(AssertionError):
        server.start(patience=PATIENCE)
    return time.monotonic() - begin


def _new_database(server: DatabaseServer, number: int) -> str:
    with psycopg.connect(server.url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE first_{number}")
    return f"{server.url.rpartition('/')[0]}/first_{number}"


@contextmanager
def _some_on(database: str, settings: Mapping[str, str]) -> Iterator[Sequence[ServerProcess]]:
    with tempfile.TemporaryDirectory(prefix="runnel-first-") as folder:
        servers = []
        for number in range(AT_ONCE):
            (Path(folder) / str(number)).mkdir()
            common = {"DATABASE_URL": database, "SECRET_KEY": "one for all"}
            servers.append(ServerProcess(Path(folder) / str(number), **common, **settings))
        try:
            yield servers
        finally:
            for server in servers:
                server.kill()
