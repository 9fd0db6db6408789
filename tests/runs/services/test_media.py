"""Files in what a user asks: named in a frame, stored with the message, read again for the provider."""

import asyncio
import base64
import contextlib
import gc
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.core.files.storage import storages
from django.core.files.uploadedfile import SimpleUploadedFile

from concurrency.threads import readers
from emulator import exchanges
from providers.types import MediaPart, TextPart
from runs.models import Conversation, File, Run
from runs.store import files, history, media
from tests.runs.conftest import Connect, Person

pytestmark = pytest.mark.django_db(transaction=True)

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 32
DATA = base64.b64encode(PNG).decode()


@pytest.fixture(autouse=True)
def folder() -> Iterator[None]:
    yield
    shutil.rmtree(Path(storages["files"].path("")), ignore_errors=True)


def upload(person: Person, more: bytes = b"") -> File:
    return files.store(person.user.id, SimpleUploadedFile("a.png", PNG + more), name="a.png")


def asking(*sources: dict[str, Any], words: str = "What is this?") -> list[dict[str, Any]]:
    shown = [{"type": "image", "source": source} for source in sources]
    text = [{"type": "text", "text": words}] if words else []
    return [{"id": "m", "role": "user", "content": [*text, *shown]}]


async def test_it_shows_the_model_what_the_user_shows(ada: Person, connect: Connect) -> None:
    file = await readers.run(upload, ada)
    sources = (
        {"type": "data", "value": DATA, "mimeType": "image/png"},
        {"type": "url", "value": "https://example.org/a.png"},
        {"type": "file", "value": str(file.id)},
    )
    socket = await connect(ada)

    answer = await socket.ask("start", model="emulator/echo", input=asking(*sources))
    await socket.ended(answer["run_id"])

    (asked, _) = await readers.run(history.of_branch, UUID(answer["run_id"]))
    assert asked.parts == (
        TextPart(text="What is this?"),
        MediaPart(kind="image", mime_type="image/png", data=DATA),
        MediaPart(kind="image", mime_type="", url="https://example.org/a.png"),
        MediaPart(kind="image", mime_type="image/png", data=DATA, name="a.png"),
    )


async def test_a_file_inside_a_network_is_refused_before_anything_is_stored(
    ada: Person, connect: Connect
) -> None:
    socket = await connect(ada)
    inside = {"type": "url", "value": "http://169.254.169.254/latest/meta-data/"}
    answer = await socket.ask("start", model="emulator/echo", input=asking(inside))
    assert (answer["code"], "169.254.169.254" in answer["message"]) == ("unsupported", True)
    assert await readers.run(Conversation.objects.count) == 0


async def test_the_model_is_told_of_a_file_that_was_deleted_since(ada: Person, connect: Connect) -> None:
    file = await readers.run(upload, ada)
    socket = await connect(ada)
    answer = await socket.ask(
        "start", model="emulator/hello", input=asking({"type": "file", "value": str(file.id)}, words="")
    )
    await socket.ended(answer["run_id"])

    await readers.run(file.delete)

    asked = (await readers.run(history.of_branch, UUID(answer["run_id"])))[0]
    assert asked.parts == (TextPart(text=media.DELETED),)
    assert (await readers.run(Conversation.objects.get)).title == "a.png"


async def test_foreign_files_are_refused_like_absent_ones(ada: Person, eve: Person, connect: Connect) -> None:
    foreign = await readers.run(upload, eve)
    refusals = []
    for file_id in (foreign.id, uuid4()):
        named = asking({"type": "file", "value": str(file_id)})
        socket = await connect(ada)
        refusals.append(await socket.ask("start", id="same", model="emulator/echo", input=named))

    assert refusals[0] == refusals[1]
    assert (refusals[0]["code"], refusals[0]["message"]) == (
        "not_found",
        "There is no such file. Upload it again.",
    )
    assert await readers.run(Run.objects.count) == 0
    assert await readers.run(Conversation.objects.count) == 0


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the list of what is read from the storage from now on."""
    # That of the model: a test that changes settings makes others.
    storage: Any = File._meta.get_field("content").storage
    names: list[str] = []
    opened = storage._open

    def noted(name: str, mode: str = "rb") -> Any:
        names.append(name)
        return opened(name, mode)

    monkeypatch.setattr(storage, "_open", noted)
    return names


async def test_more_bytes_of_files_than_a_request_may_carry_are_refused(
    ada: Person, connect: Connect, settings: Any, reads: list[str]
) -> None:
    settings.RUNNEL_MEDIA_MB = 1
    file = await readers.run(upload, ada, b"\0" * 300_000)
    named = {"type": "file", "value": str(file.id)}
    socket = await connect(ada)

    refused = await socket.ask("start", model="emulator/hello", input=asking(*[named] * 4))
    taken = await socket.ask("start", model="emulator/hello", input=asking(*[named] * 3))

    assert (refused["code"], refused["retryable"]) == ("too_large", False)
    assert refused["message"] == (
        "The files of this message have 1.1 MB, and a request to a model may carry 1 MB. Show fewer or smaller files."
    )
    await socket.ended(taken["run_id"])
    assert reads == [str(file.id)]
    assert await readers.run(Run.objects.count) == 1


async def test_more_files_than_a_request_may_carry_are_refused(
    ada: Person, connect: Connect, settings: Any
) -> None:
    settings.RUNNEL_MEDIA_PARTS = 2
    address = {"type": "url", "value": "https://example.org/a.png"}
    socket = await connect(ada)

    refused = await socket.ask("start", model="emulator/hello", input=asking(*[address] * 3))

    assert refused["code"] == "too_large"
    assert (
        refused["message"] == "This message shows 3 files, and a request to a model may carry 2. Show fewer."
    )


async def test_a_conversation_with_more_files_than_fit_goes_on_with_the_newest(
    ada: Person, connect: Connect, settings: Any
) -> None:
    settings.RUNNEL_MEDIA_MB = 1
    file = await readers.run(upload, ada, b"\0" * 600_000)
    named = {"type": "file", "value": str(file.id)}
    address = {"type": "url", "value": "https://example.org/a.png"}
    socket = await connect(ada)
    first = await socket.ask("start", model="emulator/hello", input=asking(named, address, words="one"))
    await socket.ended(first["run_id"])

    second = await socket.ask(
        "start",
        model="emulator/hello",
        conversation_id=first["conversation_id"],
        input=asking(named, words="two"),
    )
    ended = await socket.ended(second["run_id"])

    assert ended["type"] == "RUN_FINISHED"
    (one, _, two, _) = await readers.run(history.of_branch, UUID(second["run_id"]))
    assert isinstance(one.parts[1], TextPart)
    assert one.parts[1].text.startswith("[A file named a.png stood here. It is left out, because")
    assert one.parts[2] == MediaPart(kind="image", mime_type="", url="https://example.org/a.png")
    assert isinstance(two.parts[1], MediaPart)
    assert two.parts[1].data


async def test_nothing_of_a_file_stays_in_memory_after_a_run(
    ada: Person, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exchanges, "KEPT_BYTES", 0)
    before = long_ones()
    file = await readers.run(upload, ada, b"\0" * 2_000_000)
    socket = await connect(ada)

    answer = await socket.ask(
        "start", model="emulator/hello", input=asking({"type": "file", "value": str(file.id)})
    )
    await socket.ended(answer["run_id"])
    await socket.close()
    del socket

    # The client hears of the end before the run's task has let go of everything.
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(10):
            while long_ones() != before:
                await asyncio.sleep(0.01)
    assert long_ones() == before


def long_ones() -> list[type]:
    """Return the types of what holds a text or bytes as long as the file."""
    gc.collect()
    return [
        type(holder)
        for holder in gc.get_objects()
        for held in gc.get_referents(holder)
        if isinstance(held, (str, bytes, bytearray)) and len(held) > 2_000_000
    ]
