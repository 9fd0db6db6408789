import asyncio
import json
import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from pytest_django.fixtures import Settings

from emulator import EmulatedExchange, Emulator, close_shared, shared
from tests.emulator.listening import ask

QUESTION = {"role": "user", "content": "Hello?"}


async def test_everybody_on_a_loop_shares_one_emulator():
    first, second = await asyncio.gather(shared(), shared())

    assert first is second is await shared()
    assert (await ask(first, "openai-chat", "empty")).end == "stop"
    await close_shared()
    await close_shared()
    after = await shared()
    assert after is not first
    await close_shared()


def test_each_loop_has_its_own():
    async def use() -> Emulator:
        emulator = await shared()
        await close_shared()
        return emulator

    assert asyncio.run(use()) is not asyncio.run(use())


async def test_one_who_gives_up_does_not_stop_the_start_for_others():
    impatient = asyncio.create_task(shared())
    patient = asyncio.create_task(shared())
    await asyncio.sleep(0)
    impatient.cancel()

    assert (await patient).origin.startswith("http://127.0.0.1:")
    await close_shared()


async def test_it_plays_the_recordings_of_the_settings(settings: Settings, tmp_path: Path):
    (tmp_path / "openai-chat").mkdir()
    (tmp_path / "openai-chat" / "one.sse").write_text("data: [DONE]\n\n")
    settings.RUNNEL_RECORDINGS_DIR = str(tmp_path)

    emulator = await shared()
    await ask(emulator, "openai-chat", "recording/one")

    assert emulator.exchanges[-1].status == 200
    await close_shared()


@pytest.fixture
def process() -> Iterator[tuple[subprocess.Popen[str], str]]:
    child = subprocess.Popen(
        [sys.executable, "-m", "emulator"],
        stdout=subprocess.PIPE,
        text=True,
        env={name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"},
    )
    assert child.stdout is not None
    line = child.stdout.readline()
    assert line.startswith("listening on http://127.0.0.1:")
    yield child, line.split()[-1]
    child.kill()
    child.wait()
    child.stdout.close()


def test_it_runs_as_a_process_that_can_be_looked_into_and_ends_on_request(
    process: tuple[subprocess.Popen[str], str],
):
    child, origin = process

    def look(page: str) -> list[dict[str, object]]:
        with urllib.request.urlopen(origin + page) as answer:
            exchanges: list[dict[str, object]] = json.load(answer)
            return exchanges

    body = json.dumps({"model": "silent", "stream": True, "messages": [QUESTION]}).encode()
    request = urllib.request.Request(f"{origin}/v1/chat/completions", data=body)
    with urllib.request.urlopen(request):
        [active] = look("/_active")
        assert (active["model"], active["outcome"], active["status"]) == ("silent", "open", 200)
    while look("/_active"):
        pass
    [ended] = look("/_log")
    assert ended["outcome"] == "peer_gone"

    child.send_signal(signal.SIGTERM)
    assert child.wait(timeout=5) == 0


def test_an_exchange_has_no_end_before_it_ends():
    exchange = EmulatedExchange(
        number=1, wire=None, path="/", model=None, body=None, headers={}, request_bytes=0
    )

    assert exchange.is_open
    assert exchange.as_json()["ended_at"] is None
