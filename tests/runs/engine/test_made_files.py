"""Pictures and speech that a model makes: files of the conversation's owner, live, after a reload and in the next turn."""

import base64
import json
import shutil
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from django.core.files.storage import storages
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from concurrency.threads import readers
from runs.models import Conversation, File, Message
from runs.store import files, history, made, media
from tests.providers.retry.attempting import events, saying
from tests.providers.upstream import in_turn, streaming, upstream
from tests.runs.conftest import Person
from tests.runs.sockets import Socket

pytestmark = pytest.mark.django_db(transaction=True)

type Connect = Callable[..., Awaitable[Socket]]
type Json = dict[str, Any]

#: Above what one frame may have.
PICTURE = b"\x89PNG\r\n\x1a\n" + bytes(1_500_000)
DRAWN = base64.b64encode(PICTURE).decode()


@pytest.fixture(autouse=True)
def folder() -> Iterator[Path]:
    location = Path(storages["files"].path(""))
    yield location
    shutil.rmtree(location, ignore_errors=True)


def chunk(*parts: Json, end: bool = False) -> Json:
    candidate: Json = {"index": 0, "content": {"role": "model", "parts": list(parts)}}
    if end:
        candidate["finishReason"] = "STOP"
    usage = {"promptTokenCount": 5, "candidatesTokenCount": 9, "totalTokenCount": 14}
    return {"modelVersion": "painter", "candidates": [candidate], "usageMetadata": usage}


def drawing(*behind: str) -> bytes:
    """Words, a picture, and more words."""
    return events(
        chunk({"text": "Here it is: "}),
        chunk({"inlineData": {"mimeType": "image/png", "data": DRAWN}}),
        *(chunk({"text": text}) for text in behind),
        chunk({"text": "."}, end=True),
    )


async def draw(socket: Socket, **fields: Any) -> Json:
    return await socket.start("gemini/painter", "Draw a ferry.", **fields)


def get(person: Person, path: str) -> Any:
    return Client(headers={"Authorization": f"Bearer {person.token}"}).get(path)


def fetch(person: Person, path: str) -> tuple[int, str, bytes]:
    answer = get(person, path)
    return answer.status_code, answer.headers["Content-Type"], answer.getvalue()


@pytest.fixture
def gemini(settings: Any) -> Callable[[str], None]:
    def at(origin: str) -> None:
        settings.GEMINI_API_KEY = "test-key"
        settings.GOOGLE_GEMINI_BASE_URL = origin

    return at


async def test_a_picture_of_any_size_is_a_file_with_a_link(
    connect: Connect, ada: Person, eve: Person, gemini: Callable[[str], None], folder: Path
) -> None:
    async with upstream(
        in_turn(streaming(drawing("Red, ", "as ", "asked")), streaming(saying("gemini-generate", "Blue.")))
    ) as server:
        gemini(server.origin)
        socket = await connect(ada)
        started = await draw(socket)
        await socket.ended(started["run_id"])
        shown = socket.events(started["run_id"])
        await socket.ended((await draw(socket, conversation_id=started["conversation_id"]))["run_id"])
        asked = json.loads(server.requests[1].split(b"\r\n\r\n", 1)[1])

    # Live: a link in its place between the words, and nothing that is too long for a frame.
    [item] = [event["value"] for event in shown if event["type"] == "CUSTOM"]
    [file] = item["files"]
    assert item["data"] == {"mimeType": "image/png", "data": file["url"]}
    assert (file["mime_type"], file["size"], file["name"]) == ("image/png", len(PICTURE), "image.png")
    texts = [event for event in shown if event["type"] in {"TEXT_MESSAGE_CONTENT", "CUSTOM"}]
    before = "".join(each["delta"] for each in texts[: texts.index(next(e for e in texts if "value" in e))])
    assert (before, socket.said(started["run_id"])) == ("Here it is: ", "Here it is: Red, as asked.")

    # It belongs to its owner.
    assert await readers.run(fetch, ada, file["url"]) == (200, "image/png", PICTURE)
    assert (await readers.run(get, eve, file["url"])).status_code == 404

    # After a reload: the same link.
    stored = (await readers.run(get, ada, f"/api/conversations/{started['conversation_id']}/")).json()
    [part] = [part for part in stored["messages"][1]["parts"] if "files" in part]
    assert part["data"] == item["data"]
    assert part["files"][0].items() >= file.items()
    assert DRAWN[:100] not in json.dumps(stored)

    # The model that drew it gets it back.
    assert asked["contents"][1]["parts"][1] == {"inlineData": {"mimeType": "image/png", "data": DRAWN}}

    # It goes with its conversation.
    await readers.run(lambda: Conversation.objects.get().delete())
    assert not (folder / item["files"][0]["id"]).exists()


async def test_a_picture_that_its_owner_deletes_is_in_no_request(
    connect: Connect, ada: Person, gemini: Callable[[str], None]
) -> None:
    async with upstream(streaming(drawing())) as server:
        gemini(server.origin)
        socket = await connect(ada)
        started = await draw(socket)
        await socket.ended(started["run_id"])
    await readers.run(lambda: File.objects.get().delete())
    message = (await readers.run(history.of_branch, UUID(started["run_id"])))[1]
    assert message.native == ()
    assert [getattr(part, "text", None) for part in message.parts] == ["Here it is: ", media.DELETED, "."]


async def test_a_storage_that_fails_loses_neither_the_answer_nor_the_run(
    connect: Connect, ada: Person, gemini: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*args: Any, **kwargs: Any) -> None:
        raise OSError("no space left")

    monkeypatch.setattr(made, "save_content", full)
    async with upstream(streaming(drawing("Red"))) as server:
        gemini(server.origin)
        socket = await connect(ada)
        started = await draw(socket)
        end = await socket.ended(started["run_id"])
    assert end["outcome"] == {"type": "success"}
    [item] = [event["value"] for event in socket.events(started["run_id"]) if event["type"] == "CUSTOM"]
    assert (item.keys(), item["kind"]) == ({"kind", "omitted_bytes"}, "inlineData")
    assert socket.said(started["run_id"]) == "Here it is: Red."
    answer = await readers.run(Message.objects.get, role="assistant")
    assert DRAWN in json.dumps(answer.native)


@pytest.mark.parametrize(
    ("setting", "most"), [("RUNNEL_STORED_MB_PER_USER", 1), ("RUNNEL_FILES_PER_USER", 0)]
)
async def test_a_picture_without_room_for_it_is_a_note(
    connect: Connect,
    ada: Person,
    gemini: Callable[[str], None],
    folder: Path,
    settings: Any,
    setting: str,
    most: int,
) -> None:
    setattr(settings, setting, most)
    of_others = set(folder.glob("*"))
    answers = streaming(drawing("Red")), streaming(saying("gemini-generate", "Blue."))
    async with upstream(in_turn(*answers)) as server:
        gemini(server.origin)
        socket = await connect(ada)
        started = await draw(socket)
        end = await socket.ended(started["run_id"])
        await socket.ended((await draw(socket, conversation_id=started["conversation_id"]))["run_id"])
        asked = json.loads(server.requests[1].split(b"\r\n\r\n", 1)[1])
    assert end["outcome"] == {"type": "success"}
    [item] = [event["value"] for event in socket.events(started["run_id"]) if event["type"] == "CUSTOM"]
    assert item == {"kind": "inlineData", "data": {"mimeType": "image/png", "data": made.NO_ROOM}}
    assert socket.said(started["run_id"]) == "Here it is: Red."
    # Neither its row nor its bytes, in any form.
    assert not await readers.run(File.objects.exists)
    assert set(folder.glob("*")) == of_others
    answer = await readers.run(Message.objects.get, run_id=started["run_id"], role="assistant")
    assert DRAWN[:100] not in json.dumps([answer.native, answer.parts])
    # The model that drew it reads why it is not there, and gets no note where it expects a picture.
    assert [part["text"] for part in asked["contents"][1]["parts"]] == ["Here it is: ", made.NO_ROOM, "Red."]


async def test_of_two_pictures_the_one_that_fits_is_kept(
    connect: Connect, ada: Person, gemini: Callable[[str], None], settings: Any
) -> None:
    settings.RUNNEL_STORED_MB_PER_USER = 2
    two = [{"inlineData": {"mimeType": "image/png", "data": DRAWN[:-4] + end}} for end in ("AAAA", "BBBB")]
    async with upstream(streaming(events(*map(chunk, two), chunk({"text": "."}, end=True)))) as server:
        gemini(server.origin)
        socket = await connect(ada)
        started = await draw(socket)
        await socket.ended(started["run_id"])
    first, second = [e["value"] for e in socket.events(started["run_id"]) if e["type"] == "CUSTOM"]
    assert first["data"]["data"] == first["files"][0]["url"]
    assert (second["data"]["data"], "files" in second) == (made.NO_ROOM, False)


async def test_samples_without_a_header_are_sent_as_a_file_that_browsers_play(
    connect: Connect, ada: Person, gemini: Callable[[str], None]
) -> None:
    samples = bytes(range(200))
    spoken = {"mimeType": "audio/L16;codec=pcm;rate=16000", "data": base64.b64encode(samples).decode()}
    async with upstream(streaming(events(chunk({"inlineData": spoken}, end=True)))) as server:
        gemini(server.origin)
        socket = await connect(ada)
        started = await draw(socket)
        await socket.ended(started["run_id"])
    [item] = [event["value"] for event in socket.events(started["run_id"]) if event["type"] == "CUSTOM"]
    url = item["files"][0]["url"]
    assert (await readers.run(fetch, ada, url))[2] == samples
    status, kind, played = await readers.run(fetch, ada, url + "?as=wav")
    assert (status, kind, len(played)) == (200, "audio/wav", 44 + len(samples))
    assert (played[:4], played[8:12], played[44:]) == (b"RIFF", b"WAVE", samples)
    assert int.from_bytes(played[24:28], "little") == 16_000


async def test_a_file_is_read_once_for_all_steps_of_a_run(
    connect: Connect, ada: Person, gemini: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[UUID] = []
    base64_of = media.ConversationFiles.base64_of

    def watched(self: Any, file: File) -> str:
        known = set(self._contents)
        text = base64_of(self, file)
        opened.extend(set(self._contents) - known)
        return text

    monkeypatch.setattr(media.ConversationFiles, "base64_of", watched)
    asking = events(chunk({"functionCall": {"name": "clock", "args": {}}}, end=True))
    file = await readers.run(
        lambda: files.store(ada.user.id, SimpleUploadedFile("a.png", PICTURE[:5_000]), name="a.png")
    )
    async with upstream(
        in_turn(streaming(asking), streaming(asking), streaming(saying("gemini-generate", "Noon.")))
    ) as server:
        gemini(server.origin)
        socket = await connect(ada)
        content = [
            {"type": "text", "text": "When?"},
            {"type": "image", "source": {"type": "file", "value": str(file.id)}},
        ]
        answer = await socket.ask(
            "start",
            model="gemini/painter",
            input=[{"id": "m", "role": "user", "content": content}],
            options={"tools": ["clock"]},
        )
        assert (await socket.ended(answer["run_id"]))["type"] == "RUN_FINISHED"
        assert len(server.requests) == 3
    assert opened == [file.id]
