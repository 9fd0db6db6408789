"""Files over HTTP: what is taken, whose it is, and that a browser never runs one."""

import shutil
import uuid
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.files.storage import storages
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import transaction
from django.test import Client

from runs.models import ApiToken, File

pytestmark = pytest.mark.django_db

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 32


@pytest.fixture(autouse=True)
def folder() -> Iterator[Path]:
    """Return the folder of this test process's files."""
    location = Path(storages["files"].path(""))
    yield location
    shutil.rmtree(location, ignore_errors=True)


@pytest.fixture
def user() -> User:
    return User.objects.create_user("ada")


@pytest.fixture
def client(user: User) -> Client:
    return Client(headers={"Authorization": f"Bearer {ApiToken.issue(user)[1]}"})


def send(client: Client, content: bytes, name: str = "picture.png") -> Any:
    return client.post("/api/files/", {"file": SimpleUploadedFile(name, content)})


@pytest.mark.parametrize(
    ("content", "mime_type"),
    [
        (PNG, "image/png"),
        (b"\xff\xd8\xff\xe0 and so on", "image/jpeg"),
        (b"GIF89a\x01\x00\x01\x00 and so on", "image/gif"),
        (b"RIFF\x00\x00\x00\x00WEBPVP8 ", "image/webp"),
        (b"RIFF\x00\x00\x00\x00WAVEfmt ", "audio/wav"),
        (b"ID3\x04 and so on", "audio/mpeg"),
        *((bytes((0xFF, second)) + b" and so on", "audio/mpeg") for second in (0xFB, 0xFA, 0xF3, 0xF2)),
        (b"%PDF-1.7 and so on", "application/pdf"),
        ("Zürich\n".encode(), "text/plain"),
        (b"<script>alert(1)</script>", "text/plain"),
    ],
)
def test_it_tells_what_a_file_is_by_its_bytes(client: Client, content: bytes, mime_type: str) -> None:
    answer = send(client, content, name="lies.html")

    assert answer.status_code == 201
    assert answer.json() | {"id": None} == {
        "id": None,
        "name": "lies.html",
        "mime_type": mime_type,
        "size": len(content),
    }
    back = client.get(f"/api/files/{answer.json()['id']}/")
    assert back.getvalue() == content
    assert back["Content-Type"] == mime_type
    assert back["X-Content-Type-Options"] == "nosniff"
    assert back["Content-Disposition"].startswith(
        "inline" if mime_type.startswith("image/") else "attachment"
    )


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "empty"),
        (b"\x7fELF\x00\x01", "Only images"),
        (b"\xff\xfe\x00x", "Only images"),
        (b"RIFF\x00\x00\x00\x00AVI LIST", "Only images"),
    ],
)
def test_it_refuses_what_no_model_reads_and_keeps_nothing(
    client: Client, folder: Path, content: bytes, words: str
) -> None:
    answer = send(client, content)

    assert (answer.status_code, answer.json()["code"]) == (422, "unsupported")
    assert words in answer.json()["message"]
    assert not File.objects.exists()
    assert not folder.exists() or not list(folder.iterdir())


def test_it_refuses_what_is_too_long(client: Client, settings: Any) -> None:
    settings.RUNNEL_UPLOAD_MB = 1

    answer = send(client, b"a" * (1024 * 1024 + 1))

    assert answer.status_code == 422
    assert answer.json()["message"] == "A file may have 1 MB."


def test_it_asks_for_the_field_that_it_reads(client: Client) -> None:
    answer = client.post("/api/files/", {"document": SimpleUploadedFile("a.txt", b"a")})

    assert (answer.status_code, answer.json()["code"]) == (400, "bad_request")


def test_a_name_is_text_and_leads_nowhere(client: Client, folder: Path) -> None:
    answer = send(client, PNG, name="../../\r\nname\u202e.png")

    file = File.objects.get(id=answer.json()["id"])
    assert "\n" not in file.name
    assert "\u202e" not in file.name
    assert [entry.name for entry in folder.iterdir()] == [str(file.id)]


@pytest.mark.parametrize("method", ["get", "delete"])
def test_foreign_files_answer_like_absent_ones(client: Client, method: str) -> None:
    stranger = User.objects.create_user("eve")
    theirs = Client(headers={"Authorization": f"Bearer {ApiToken.issue(stranger)[1]}"})
    foreign = send(theirs, PNG).json()["id"]

    answers = [getattr(client, method)(f"/api/files/{each}/") for each in (foreign, uuid.uuid4())]

    assert [answer.status_code for answer in answers] == [404, 404]
    assert answers[0].content == answers[1].content
    assert File.objects.filter(id=foreign).exists()


def test_a_deleted_file_leaves_no_bytes_behind(
    client: Client, user: User, folder: Path, django_capture_on_commit_callbacks: Any
) -> None:
    first, second = (send(client, PNG).json()["id"] for _ in range(2))

    with django_capture_on_commit_callbacks(execute=True):
        assert client.delete(f"/api/files/{first}/").status_code == 204
    assert [entry.name for entry in folder.iterdir()] == [second]
    with django_capture_on_commit_callbacks(execute=True):
        user.delete()
    assert list(folder.iterdir()) == []
    assert storages["files"].listdir("") == ([], [])


@pytest.mark.django_db(transaction=True)
def test_a_deletion_that_is_rolled_back_keeps_the_bytes(client: Client, user: User) -> None:
    file_id = send(client, PNG).json()["id"]

    with suppress(ZeroDivisionError), transaction.atomic():
        user.delete()
        raise ZeroDivisionError

    assert client.get(f"/api/files/{file_id}/").getvalue() == PNG
