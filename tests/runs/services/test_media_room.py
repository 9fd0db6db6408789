"""Files of runs share the memory of the process: a run waits for its turn, and writes each of its files once."""

import asyncio
import base64
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.files.storage import storages
from django.core.files.uploadedfile import SimpleUploadedFile

from concurrency.threads import readers
from providers.text import file_text
from providers.text.cleaning import JsonText
from runs.limits import file_room
from runs.models import File
from runs.store import files
from tests.runs.conftest import Connect, Person

pytestmark = pytest.mark.django_db(transaction=True)

PNG = b"\x89PNG\r\n\x1a\n"


@pytest.fixture(autouse=True)
def folder() -> Iterator[None]:
    yield
    shutil.rmtree(Path(storages["files"].path("")), ignore_errors=True)


def upload(person: Person, size: int) -> File:
    return files.store(person.user.id, SimpleUploadedFile("a.png", PNG + bytes(size)), name="a.png")


def asking(source: dict[str, Any], words: str = "What is this?") -> list[dict[str, Any]]:
    parts = [{"type": "text", "text": words}, {"type": "image", "source": source}]
    return [{"id": "m", "role": "user", "content": parts}]


async def eventually(is_true: Callable[[], bool]) -> None:
    """Wait for what no frame tells."""
    async with asyncio.timeout(10):
        while not is_true():
            await asyncio.sleep(0.005)


async def test_a_run_waits_until_another_has_let_go_of_its_files(
    ada: Person, eve: Person, connect: Connect, settings: Any
) -> None:
    settings.RUNNEL_MEDIA_MB = settings.RUNNEL_MEDIA_PROCESS_MB = 1
    first, second = await connect(ada), await connect(eve)
    own = [await readers.run(upload, person, 700_000) for person in (ada, eve)]
    named = [asking({"type": "file", "value": str(file.id)}) for file in own]
    # The first call of all takes long: it imports an SDK.
    await first.ended((await first.start())["run_id"])
    begun = await first.ask("start", model="emulator/silent", input=named[0])
    room = file_room._of_this_loop.get()
    await eventually(lambda: room._taken > 0)

    waiting = await second.ask("start", model="emulator/hello", input=named[1])
    without = await second.start()

    await second.ended(without["run_id"])
    await eventually(lambda: len(room._waiting) == 1)
    assert [event["type"] for event in second.events(waiting["run_id"])] == ["RUN_STARTED", "STEP_STARTED"]
    await first.ask("cancel", run_id=begun["run_id"])
    assert (await second.ended(waiting["run_id"]))["outcome"] == {"type": "success"}
    await eventually(lambda: room._taken == 0)


async def test_a_run_that_waits_can_be_cancelled(ada: Person, connect: Connect, settings: Any) -> None:
    settings.RUNNEL_MEDIA_MB = settings.RUNNEL_MEDIA_PROCESS_MB = 1
    socket = await connect(ada)
    file = await readers.run(upload, ada, 700_000)
    named = asking({"type": "file", "value": str(file.id)})
    begun = await socket.ask("start", model="emulator/silent", input=named)
    room = file_room._of_this_loop.get()
    await eventually(lambda: room._taken > 0)
    waiting = await socket.ask("start", model="emulator/hello", input=named)
    await eventually(lambda: len(room._waiting) == 1)
    await socket.ask("cancel", run_id=waiting["run_id"])
    assert (await socket.ended(waiting["run_id"]))["outcome"] == {"type": "cancelled"}
    await socket.ask("cancel", run_id=begun["run_id"])
    await socket.ended(begun["run_id"])
    await eventually(lambda: (room._taken, len(room._waiting)) == (0, 0))


async def test_a_run_that_waits_too_long_fails_with_a_sentence(
    ada: Person, connect: Connect, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(file_room, "PATIENCE", 0.05)
    settings.RUNNEL_MEDIA_MB = settings.RUNNEL_MEDIA_PROCESS_MB = 1
    socket = await connect(ada)
    file = await readers.run(upload, ada, 700_000)
    named = asking({"type": "file", "value": str(file.id)})
    begun = await socket.ask("start", model="emulator/silent", input=named)
    room = file_room._of_this_loop.get()
    await eventually(lambda: room._taken > 0)
    refused = await socket.ask("start", model="emulator/hello", input=named)
    end = await socket.ended(refused["run_id"])
    assert (end["type"], end["code"]) == ("RUN_ERROR", "llm_rate_limit")
    assert end["message"].startswith("This server has room for 1 MB of files at the same time")
    await socket.ask("cancel", run_id=begun["run_id"])
    await socket.ended(begun["run_id"])


async def test_an_inline_file_is_written_once_for_all_steps(
    ada: Person, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[int] = []

    class Counted(JsonText):
        def __init__(self, text: str) -> None:
            written.append(len(text))
            super().__init__(text)

    monkeypatch.setattr(file_text, "JsonText", Counted)
    data = base64.b64encode(PNG + bytes(15_000)).decode()
    socket = await connect(ada)
    source = {"type": "data", "value": data, "mimeType": "image/png"}
    started = await socket.ask(
        "start",
        model="emulator/calls",
        input=asking(source, "[[call clock {}]]"),
        options={"tools": ["clock"]},
    )
    assert (await socket.ended(started["run_id"]))["outcome"] == {"type": "success"}
    steps = [event for event in socket.events(started["run_id"]) if event["type"] == "STEP_STARTED"]
    assert len(steps) == 2
    assert len(written) == 1
    assert written[0] >= len(data)
