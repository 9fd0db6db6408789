"""Bodies under servers that hand them on as they come: read first, within bounds, and given back piece by piece."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from project.server import admission, bodies, bounds
from project.server.bodies import IN_MEMORY, IS_READ, read_bodies
from project.server.bounds import BODY_BYTES, BodyFiles

type Message = dict[str, Any]


@pytest.fixture(autouse=True)
def few_files(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    few = replace(bounds.from_settings(), body_seconds=0.05)
    files = BodyFiles(1)
    monkeypatch.setattr(bodies, "_bounds", lambda: few)
    monkeypatch.setattr(bodies, "_body_files", lambda: files)
    yield
    # All were given back.
    assert files.take()


class Client:
    """A sender, and what it is answered."""

    def __init__(self, *pieces: bytes, **headers: str) -> None:
        self.messages = [
            {"type": "http.request", "body": piece, "more_body": number < len(pieces)}
            for number, piece in enumerate(pieces, 1)
        ]
        self.scope: Message = {
            "type": "http",
            "method": "POST",
            "path": "/somewhere/",
            "headers": [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()],
        }
        self.sent: list[Message] = []

    async def receive(self) -> Message:
        if not self.messages:
            await asyncio.Event().wait()
        return self.messages.pop(0)

    async def send(self, message: Message) -> None:
        self.sent.append(message)

    @property
    def status(self) -> int:
        return int(self.sent[0]["status"])


class Site:
    """An application that reads a request to its end."""

    def __init__(self) -> None:
        self.body = b""
        self.headers: dict[bytes, bytes] = {}
        self.is_called = False

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.is_called = True
        self.headers = dict(scope["headers"])
        more = True
        while more:
            message = await receive()
            self.body += message["body"]
            more = message["more_body"]


async def asked(client: Client) -> Site:
    site = Site()
    await read_bodies(site)(client.scope, client.receive, client.send)
    return site


async def test_a_body_is_read_first_and_its_length_is_told() -> None:
    content = bytes(range(256)) * 1000
    client = Client(content[:100], content[100:], transfer_encoding="chunked", content_type="text/plain")
    site = await asked(client)
    assert site.body == content
    assert site.headers == {b"content-type": b"text/plain", b"content-length": b"256000"}
    assert not client.sent


@pytest.mark.parametrize("headers", [{}, {"content_length": "0"}])
async def test_what_has_no_body_goes_on_at_once(headers: dict[str, str]) -> None:
    site = await asked(Client(b"", **headers))
    assert site.is_called
    assert site.body == b""


async def test_over_http_2_a_body_need_not_be_announced() -> None:
    client = Client(b"x" * BODY_BYTES, b"x")
    client.scope["http_version"] = "2"
    assert not (await asked(client)).is_called
    assert client.status == 413


async def test_what_the_server_has_read_itself_is_left_alone() -> None:
    client = Client(b"x" * 10, content_length=str(BODY_BYTES + 1))
    client.scope[IS_READ] = True
    assert (await asked(client)).body == b"x" * 10


@pytest.mark.parametrize(
    "client",
    [
        Client(b"", content_length=str(BODY_BYTES + 1)),
        Client(b"x" * BODY_BYTES, b"x", transfer_encoding="chunked"),
    ],
    ids=["announced", "sent"],
)
async def test_one_that_is_too_long_is_refused(client: Client) -> None:
    assert not (await asked(client)).is_called
    assert client.status == 413
    assert b"1 MB" in client.sent[1]["body"]
    assert client.sent[-1] == {"type": "http.response.body"}


async def test_one_that_does_not_come_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admission, "_LINGER_SECONDS", 0.01)
    client = Client(content_length="10")
    assert not (await asked(client)).is_called
    assert client.status == 408


async def test_more_than_there_are_files_for_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admission, "_LINGER_SECONDS", 0.01)
    long = b"x" * (IN_MEMORY + 1)
    client = Client(long, content_length=str(len(long)))

    answered: list[bool] = []

    async def site(scope: Any, receive: Any, send: Any) -> None:
        """Answer the first while a second comes."""
        second = Client(long, content_length=str(len(long)))
        assert not (await asked(second)).is_called
        assert second.status == 503
        short = Client(b"x", content_length="1")
        assert (await asked(short)).is_called
        answered.append(True)

    await read_bodies(site)(client.scope, client.receive, client.send)
    assert answered
    assert (await asked(Client(long, content_length=str(len(long))))).is_called


async def test_a_sender_who_is_gone_is_answered_nothing() -> None:
    client = Client(content_length="100000")
    client.messages = [
        {"type": "http.request", "body": b"x" * (IN_MEMORY + 1), "more_body": True},
        {"type": "http.disconnect"},
    ]
    assert not (await asked(client)).is_called
    assert not client.sent
