"""The same behind a real server: what lies unread is Daphne's memory there, and TCP's."""

import asyncio
import socket
import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from emulator import Emulator
from runs.log.viewer import DROP_ABOVE
from tests.faults.flood import write_flood
from tests.faults.line import PROMPTLY, is_gone
from tests.faults.server_process import STUCK, Client, ServerProcess
from tests.faults.stalled import StalledClient, forget_peak, peak_memory
from tests.prepared import prepare

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads memory from /proc")

#: One provider for each wire.
PROVIDERS = ("openai-chat", "openai", "anthropic", "gemini")

#: Of text. Small fits into what a viewer may leave unread, large does not; both are more than TCP takes.
SMALL, LARGE = 7, 24
MEGABYTE = 1024 * 1024


@dataclass(frozen=True, kw_only=True)
class Installation:
    """A server whose providers all live at ``upstream_port``."""

    server: ServerProcess
    token: str
    upstream_port: int
    recordings: Path


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    folder = tmp_path_factory.mktemp("slow")
    for name, megabytes in (("small", SMALL), ("large", LARGE)):
        write_flood(folder / "recordings", name=name, megabytes=megabytes)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    origin = f"http://127.0.0.1:{port}"
    keys = {f"{name}_API_KEY": "some-key" for name in ("OPENAI", "ANTHROPIC", "GEMINI")}
    addresses = {
        "OPENAI_BASE_URL": f"{origin}/v1",
        "ANTHROPIC_BASE_URL": origin,
        "GOOGLE_GEMINI_BASE_URL": origin,
    }
    token = prepare(folder)
    server = ServerProcess(folder, RUNNEL_ANSWER_CHARS="100000000", **keys, **addresses)
    server.start()
    try:
        yield Installation(
            server=server,
            token=token,
            upstream_port=port,
            recordings=folder / "recordings",
        )
    finally:
        server.kill()


@pytest.fixture
async def upstream(installation: Installation) -> AsyncIterator[Emulator]:
    emulator = await Emulator.start(port=installation.upstream_port, recordings=installation.recordings)
    yield emulator
    await emulator.close()


@pytest.mark.parametrize("provider", PROVIDERS)
async def test_a_cancel_gets_past_a_viewer_that_blocks(
    installation: Installation, upstream: Emulator, provider: str
) -> None:
    server, token = installation.server, installation.token
    async with (
        await Client.connect(server, token) as client,
        await StalledClient.connect(server, token) as stalled,
    ):
        run_id = (await client.start(f"{provider}/recording/large"))["run_id"]
        await stalled.subscribe(run_id)
        await client.until(lambda: sum(map(len, client.frames[run_id])) > 6 * MEGABYTE)
        answer = await client.ask("cancel", run_id=run_id)
        assert answer["state"] == "requested"
        await upstream.wait_for(is_gone, timeout=PROMPTLY)
        end = await client.ended(run_id)
        assert end["outcome"] == {"type": "cancelled"}
        assert end["metadata"]["stream_was_cancelled"] is True
        assert not upstream.active
        async with asyncio.timeout(STUCK):
            await stalled.read_to_the_end()
        assert_is_caught_up_or_was_dropped(stalled, client.frames[run_id])


async def test_one_that_reads_again_is_caught_up(installation: Installation, upstream: Emulator) -> None:
    server, token = installation.server, installation.token
    async with (
        await Client.connect(server, token) as client,
        await StalledClient.connect(server, token) as stalled,
    ):
        run_id = (await client.start("openai-chat/recording/small"))["run_id"]
        await stalled.subscribe(run_id)
        assert (await client.ended(run_id))["outcome"] == {"type": "success"}
        async with asyncio.timeout(STUCK):
            await stalled.read_to_the_end()
    assert stalled.frames == client.frames[run_id]
    assert "lag" in {notice["type"] for notice in stalled.notices}


async def test_those_that_never_read_cost_no_memory_and_nobody_else_anything(
    installation: Installation, upstream: Emulator
) -> None:
    server, token = installation.server, installation.token
    model = "anthropic/recording/large"
    async with await Client.connect(server, token) as client:
        # What such a run costs by itself, once the heap has grown as far as such runs make it grow.
        for _ in range(3):
            run_id = (await client.start(model))["run_id"]
            await client.ended(run_id)
        forget_peak(server.pid)
        run_id = (await client.start(model))["run_id"]
        await client.ended(run_id)
        alone = peak_memory(server.pid)
        stalled = [await StalledClient.connect(server, token) for _ in range(10)]
        forget_peak(server.pid)
        run_id = (await client.start(model))["run_id"]
        for each in stalled:
            await each.subscribe(run_id)
        assert (await client.ended(run_id))["outcome"] == {"type": "success"}
        watched = peak_memory(server.pid)
        frames = client.frames[run_id]
        async with asyncio.timeout(STUCK):
            for each in stalled:
                await each.read_to_the_end()
                assert_is_caught_up_or_was_dropped(each, frames)
                assert each.frames != frames
        # Each could have cost the whole answer. It costs what it may be behind before it is dropped, at most.
        assert watched - alone < len(stalled) * DROP_ABOVE
        # Whoever was dropped comes back for the rest.
        async with await StalledClient.connect(server, token) as again:
            await again.subscribe(run_id, after=len(stalled[0].frames))
            await again.read_to_the_end()
        assert stalled[0].frames + again.frames == frames
        for each in stalled:
            await each.__aexit__()


async def test_answers_that_were_given_are_forgotten(installation: Installation, upstream: Emulator) -> None:
    pid, rounds = installation.server.pid, 6
    async with await Client.connect(installation.server, installation.token) as client:

        async def peak_of_rounds() -> int:
            forget_peak(pid)
            for _ in range(rounds):
                await client.ended((await client.start("gemini/recording/small"))["run_id"])
            return peak_memory(pid)

        first = await peak_of_rounds()
        again = await peak_of_rounds()
    assert again - first < rounds * SMALL * MEGABYTE / 2


def assert_is_caught_up_or_was_dropped(stalled: StalledClient, frames: list[str]) -> None:
    """What it has read is the log's beginning; all of it, unless it was closed for being too slow."""
    assert stalled.frames == frames[: len(stalled.frames)]
    if stalled.frames != frames:
        # A connection that still does not read is broken off: then no code gets through.
        assert stalled.close_code in {4408, None}
