"""The same application behind uvicorn and granian: it streams, cancels, holds back, and ends in order."""

import asyncio
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import override

import pytest

from tests.complaints import tracebacks_in
from tests.faults.flood import write_flood
from tests.faults.server_process import STUCK, Client, ServerProcess
from tests.faults.stalled import StalledClient
from tests.prepared import prepare

#: The arguments of Python for each server: our own command, and theirs.
COMMANDS = {
    "serve": ("manage.py", "serve"),
    "uvicorn": (
        "-m",
        "uvicorn",
        "--ws",
        "websockets-sansio",
        "--ws-per-message-deflate",
        "false",
        "--log-level",
        "warning",
    ),
    "granian": ("-m", "granian", "--interface", "asgi", "--log-level", "warning"),
}

#: Of text: more than the kernel takes for a viewer that does not read.
MEGABYTES = 12

#: The close code that each server lets the application choose when it is about to end.
RESTARTING = 4409


class OtherServer(ServerProcess):
    """A server of another kind, on a data folder that was prepared."""

    def __init__(self, kind: str, folder: Path, **environment: str) -> None:
        super().__init__(folder, **environment)
        self.kind = kind

    @override
    def _begin(self) -> subprocess.Popen[bytes]:
        where = ("--host", "127.0.0.1", "--port", str(self.port))
        application = () if self.kind == "serve" else ("project.asgi:application",)
        return self._begin_anew(*COMMANDS[self.kind], *where, *application)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("other")
    write_flood(folder / "recordings", name="flood", megabytes=MEGABYTES)
    return folder


@pytest.fixture(scope="module")
def token(folder: Path) -> str:
    return prepare(folder)


@pytest.fixture(params=COMMANDS, scope="module")
def server(request: pytest.FixtureRequest, token: str, folder: Path) -> Iterator[OtherServer]:
    """A server, which the last test ends."""
    settings = {
        "RUNNEL_SERVER": "uvicorn",
        "RUNNEL_DRAIN_SECONDS": "0.5",
        "RUNNEL_RECORDINGS_DIR": str(folder / "recordings"),
        "RUNNEL_STALLED_SECONDS": "1",
        "RUNNEL_ANSWER_CHARS": "100000000",
    }
    process = OtherServer(request.param, folder, **settings)
    process.start()
    yield process
    process.kill()


async def test_a_viewer_that_reads_nothing_is_left_and_misses_nothing_when_it_comes_back(
    server: OtherServer, token: str
) -> None:
    async with (
        await Client.connect(server, token) as client,
        await StalledClient.connect(server, token) as stalled,
    ):
        run_id = (await client.start("emulator/recording/flood"))["run_id"]
        await stalled.subscribe(run_id)
        assert (await client.ended(run_id))["outcome"] == {"type": "success"}
        async with asyncio.timeout(STUCK):
            while "has read nothing for" not in server.output:
                await asyncio.sleep(0.05)
        async with asyncio.timeout(STUCK):
            await stalled.read_to_the_end()
        frames = client.frames[run_id]
        assert stalled.frames == frames[: len(stalled.frames)]
        # What the server had taken for it before is still sent; behind granian that may be everything.
        if len(stalled.frames) < len(frames):
            async with await StalledClient.connect(server, token) as again:
                await again.subscribe(run_id, after=len(stalled.frames))
                await again.read_to_the_end()
            assert stalled.frames + again.frames == frames
    assert not tracebacks_in(server.output)


async def test_it_streams_cancels_and_at_its_end_tells_viewers_how_their_runs_ended(
    server: OtherServer, token: str
) -> None:
    async with await Client.connect(server, token) as client, await Client.connect(server, token) as other:
        whole = (await client.start("emulator/hello"))["run_id"]
        assert (await client.ended(whole))["outcome"] == {"type": "success"}
        cancelled = (await client.start("emulator/long"))["run_id"]
        await client.until(lambda: len(client.frames[cancelled]) > 5)
        await client.ask("cancel", run_id=cancelled)
        assert (await client.ended(cancelled))["outcome"] == {"type": "cancelled"}

        live = [(await client.start(model))["run_id"] for model in ("emulator/drip", "emulator/silent")]
        for run_id in live:
            await other.ask("subscribe", run_id=run_id)
        server.send(signal.SIGTERM)
        for run_id in live:
            end = await client.ended(run_id)
            assert (end["metadata"]["stop_reason"], end["metadata"]["cancelled_by"]) == ("shutdown", "server")
            assert await other.ended(run_id) == end
        assert await client.closed() == RESTARTING
        assert await other.closed() == RESTARTING
        code = await asyncio.to_thread(server.wait)
    assert not tracebacks_in(server.output)
    if server.kind == "serve":
        # It says how many go on, and ends as one that was told to end, not as one that was killed.
        assert "Stopping: 2 answers have 0.5 s to end" in server.output
        assert (code, server.output.splitlines()[-1]) == (0, "Stopped.")
