"""How long uploads stay, and how many a user may have."""

import shutil
import struct
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.files.storage import storages
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone

from concurrency.threads import readers
from runs import services
from runs.models import ApiToken, Conversation, File
from runs.retention import contents, pruning
from runs.retention.pace import Pace
from runs.store import files
from tests.runs.conftest import Connect, Person
from tests.runs.rows import make_user

pytestmark = pytest.mark.django_db(transaction=True)

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 1_000


@pytest.fixture(autouse=True)
def folder() -> Iterator[Path]:
    location = Path(storages["files"].path(""))
    yield location
    shutil.rmtree(location, ignore_errors=True)


def upload(user: User, content: bytes = PNG) -> File:
    return files.store(user.pk, SimpleUploadedFile("a.png", content), name="a.png")


def conversation_with(*uploads: File) -> Conversation:
    conversation = Conversation.objects.create(owner=uploads[0].owner, title="t")
    conversation.uploads.add(*uploads)
    return conversation


def expire() -> int:
    """Prune, and return how many uploads were deleted because no message shows them."""
    return sum(
        each.count for each in pruning.prune(Pace(stop=threading.Event())) if "no message" in each.kind
    )


def names(folder: Path) -> set[str]:
    return {entry.name for entry in folder.iterdir()}


async def test_a_start_notes_the_uploads_that_its_messages_show(ada: Person, connect: Connect) -> None:
    shown, other = await readers.run(lambda: (upload(ada.user), upload(ada.user)))
    socket = await connect(ada)
    part = {"type": "image", "source": {"type": "file", "value": str(shown.id)}}

    await socket.ask(
        "start", model="emulator/hello", input=[{"id": "m", "role": "user", "content": [part, part]}]
    )

    noted = await readers.run(lambda: list(File.objects.exclude(conversations=None)))
    assert noted == [shown]
    assert other.id != shown.id


def test_uploads_at_once_take_no_more_room_than_there_is(
    folder: Path, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.RUNNEL_FILES_PER_USER = 1
    user, recognise = make_user("ada"), files._mime_type

    def while_another_is_stored(content: Any) -> str | None:
        monkeypatch.setattr(files, "_mime_type", recognise)
        upload(user)
        return recognise(content)

    monkeypatch.setattr(files, "_mime_type", while_another_is_stored)
    with pytest.raises(files.NoRoom):
        upload(user)
    assert names(folder) == {str(File.objects.get().pk)}


def test_an_upload_goes_with_the_last_conversation_that_shows_it(folder: Path, settings: Any) -> None:
    settings.RUNNEL_UNDO_SECONDS = 0.0
    user = make_user("ada")
    once, twice, never = upload(user), upload(user), upload(user)
    first, second = conversation_with(once, twice), conversation_with(twice)

    services.delete_conversation(user, first.pk)
    contents.empty(Pace(stop=threading.Event()))
    assert names(folder) == {str(twice.id), str(never.id)}
    services.delete_conversation(user, second.pk)
    contents.empty(Pace(stop=threading.Event()))
    assert names(folder) == {str(never.id)}


def test_an_upload_goes_with_a_conversation_that_is_pruned(folder: Path, settings: Any) -> None:
    settings.RUNNEL_RETENTION_CONVERSATION_DAYS = timedelta(days=1)
    user = make_user("ada")
    old, kept = upload(user), upload(user)
    conversation_with(old, kept)
    conversation = conversation_with(kept)
    Conversation.objects.exclude(pk=conversation.pk).update(updated_at=timezone.now() - timedelta(days=2))

    pruning.prune(Pace(stop=threading.Event()))

    assert names(folder) == {str(kept.id)}


def test_an_upload_that_no_message_shows_expires(folder: Path, settings: Any) -> None:
    settings.RUNNEL_UPLOAD_HOURS = 2
    user = make_user("ada")
    old, shown, new = upload(user), upload(user), upload(user)
    conversation_with(shown)
    File.objects.filter(id__in=[old.id, shown.id]).update(created_at=timezone.now() - timedelta(hours=3))

    assert expire() == 1
    assert names(folder) == {str(shown.id), str(new.id)}
    assert expire() == 0


def test_uploads_may_be_kept_for_ever(folder: Path, settings: Any) -> None:
    settings.RUNNEL_UPLOAD_HOURS = 0
    old = upload(make_user("ada"))
    File.objects.update(created_at=timezone.now() - timedelta(days=999))

    assert expire() == 0
    assert names(folder) == {str(old.id)}


@pytest.mark.parametrize(
    ("setting", "most"), [("RUNNEL_STORED_MB_PER_USER", 1), ("RUNNEL_FILES_PER_USER", 2)]
)
def test_a_user_may_store_so_much_and_no_more(folder: Path, settings: Any, setting: str, most: int) -> None:
    setattr(settings, setting, most)
    user, other = make_user("ada"), make_user("eve")
    client = Client(headers={"Authorization": f"Bearer {ApiToken.issue(user)[1]}"})
    for _ in range(2):
        upload(user, PNG + b"\0" * 450_000)
    kept = names(folder)

    refused = client.post("/api/files/", {"file": SimpleUploadedFile("a.png", PNG + b"\0" * 450_000)})

    assert (refused.status_code, refused.json()["code"]) == (413, "too_large")
    assert "does not fit. Delete files" in refused.json()["message"]
    assert names(folder) == kept
    assert upload(other, PNG + b"\0" * 450_000).size


def test_a_picture_that_claims_more_points_than_can_be_drawn_is_refused(folder: Path, settings: Any) -> None:
    def png(width: int, height: int) -> bytes:
        header = struct.pack(">I4sIIBBBBB", 13, b"IHDR", width, height, 8, 6, 0, 0, 0)
        return b"\x89PNG\r\n\x1a\n" + header + b"\0" * 100

    user = make_user("ada")
    with pytest.raises(files.FileRefused, match="100 million points, and this one has 3,600"):
        upload(user, png(60_000, 60_000))
    assert not folder.exists()
    assert upload(user, png(10_000, 10_000)).size
    settings.RUNNEL_IMAGE_MEGAPIXELS = 1.0
    with pytest.raises(files.FileRefused, match="1 million points"):
        upload(user, png(10_000, 10_000))
