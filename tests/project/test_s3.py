"""Uploads in a store that speaks S3: a local server that we did not write."""

import os
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import EndpointConnectionError
from botocore.response import StreamingBody
from django.core.files.base import ContentFile
from django.core.files.storage import storages
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import transaction
from django.test import AsyncClient, Client
from moto.server import ThreadedMotoServer
from pytest_django.fixtures import Settings
from storages.backends.s3 import S3Storage

from concurrency.threads import readers
from project import s3
from runs.models import File
from runs.store import made
from tests.runs.rows import make_user

pytestmark = pytest.mark.django_db(transaction=True)

PNG = b"\x89PNG\r\n\x1a\n" + b"pixels" * 100


@pytest.fixture(scope="module")
def store() -> Iterator[str]:
    """Return the address of the store."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def bucket(store: str, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return a new bucket, in which the storage ``files`` is."""
    monkeypatch.setitem(os.environ, "AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setitem(os.environ, "AWS_SECRET_ACCESS_KEY", "secret")
    name = f"runnel-{uuid4().hex}"
    bucket = boto3.resource("s3", endpoint_url=store, region_name="us-east-1").create_bucket(Bucket=name)
    options = {"bucket_name": name, "endpoint_url": store, "region_name": "us-east-1", "location": "ours"}
    settings.STORAGES = settings.STORAGES | {"files": {"BACKEND": "project.s3.FilesInS3", "OPTIONS": options}}
    monkeypatch.setattr(File._meta.get_field("content"), "storage", storages["files"])
    return bucket


def keys(bucket: Any) -> list[str]:
    return [item.key for item in bucket.objects.all()]


@pytest.fixture
def client(bucket: Any) -> Client:
    client = Client()
    client.force_login(make_user("ada"))
    return client


def _pieces(answer: Any) -> Any:
    """Return what a streamed answer yields; the test clients' types do not know of it."""
    return answer.streaming_content


def upload(client: Client) -> str:
    answer = client.post("/api/files/", {"file": SimpleUploadedFile("a.png", PNG)})
    assert answer.status_code == 201, answer.content
    return str(answer.json()["id"])


def test_an_upload_goes_into_the_bucket_and_comes_back(client: Client, bucket: Any) -> None:
    file_id = upload(client)
    assert keys(bucket) == [f"ours/{file_id}"]
    answer = client.get(f"/api/files/{file_id}/")
    assert b"".join(_pieces(answer)) == PNG
    assert answer["Content-Type"] == "image/png"


async def test_a_server_passes_it_on_as_it_comes(bucket: Any) -> None:
    client = AsyncClient()
    user = await readers.run(make_user, "ada")
    await client.aforce_login(user)
    file_id = await readers.run(lambda: str(_stored(user, PNG).id))
    answer: Any = await client.get(f"/api/files/{file_id}/")
    assert int(answer["Content-Length"]) == len(PNG)
    assert b"".join([piece async for piece in _pieces(answer)]) == PNG


def _stored(user: Any, content: bytes) -> File:
    file = File(owner=user, name="a.png", mime_type="image/png", size=len(content))
    file.content.save(file.name, ContentFile(content), save=False)
    file.save()
    return file


def test_it_is_not_loaded_before_it_is_read(bucket: Any) -> None:
    file = _stored(make_user(), PNG)
    with file.content.open() as content:
        assert isinstance(content.file.file, StreamingBody)
        assert content.read(8) == PNG[:8]
        assert content.read() == PNG[8:]


def test_a_deletion_reaches_the_bucket_after_its_commit_only(client: Client, bucket: Any) -> None:
    file_id = upload(client)

    def undo() -> None:
        with transaction.atomic():
            File.objects.get(pk=file_id).delete()
            raise RuntimeError("undone")

    with pytest.raises(RuntimeError, match="undone"):
        undo()
    assert keys(bucket) == [f"ours/{file_id}"]

    assert client.delete(f"/api/files/{file_id}/").status_code == 204
    assert keys(bucket) == []


def test_a_store_that_fails_takes_back_no_deletion(
    client: Client, bucket: Any, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    file_id = upload(client)

    def fail(*_: object) -> None:
        raise EndpointConnectionError(endpoint_url="https://s3.example")

    monkeypatch.setattr(S3Storage, "delete", fail)
    assert client.delete(f"/api/files/{file_id}/").status_code == 204
    assert not File.objects.exists()
    assert "Error calling" in caplog.text


def test_files_of_models_are_there_too_and_a_missing_one_is_an_os_error(bucket: Any) -> None:
    file = made.save_content(PNG, mime_type="image/png")
    assert keys(bucket) == [f"ours/{file.id}"]
    made.discard(file)
    assert keys(bucket) == []
    with pytest.raises(FileNotFoundError):
        storages["files"].open(str(file.id))


def test_a_store_that_is_away_is_an_os_error(bucket: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    # Nothing listens on port 1.
    config = s3._CONFIG.merge(Config(retries={"total_max_attempts": 1}))
    away = s3.FilesInS3(bucket_name="b", endpoint_url="http://127.0.0.1:1", client_config=config)
    for work in (lambda: away.open("x"), lambda: away.save("x", ContentFile(b"x")), lambda: away.delete("x")):
        with pytest.raises(OSError, match=r"cannot be used|Could not connect"):
            work()
