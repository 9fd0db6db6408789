"""Large answers that nobody reads make room for others, and give their memory back."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse

from project import unread
from project.connection import ABORT
from project.unread import send_large_answers, take_large_answers
from tests.providers.calling import until

LARGE = b"x" * 100_000


@pytest.fixture(autouse=True)
def no_connections(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave alone what other tests have opened in this process."""
    monkeypatch.setattr(unread, "close_old_connections", lambda: None)


class Client:
    """A client that reads when it is told to, and its connection."""

    def __init__(self, *, reads: bool) -> None:
        self.may_read = asyncio.Event()
        if reads:
            self.may_read.set()
        self.body = b""
        self.is_asked = False
        self.is_aborted = False

    def abort(self) -> None:
        self.is_aborted = True
        self.may_read.set()

    async def send(self, message: Any) -> None:
        if message["type"] == "http.response.body":
            self.is_asked = True
            await self.may_read.wait()
            self.body += message.get("body", b"")


def site(response: Any) -> Any:
    """Return an application that answers with ``response``, through the middleware."""

    async def view(request: HttpRequest) -> Any:
        return response

    async def application(scope: Any, receive: Any, send: Any) -> None:
        request: Any = HttpRequest()
        request.scope = scope
        answer = await take_large_answers(view)(request)
        await send({"type": "http.response.start", "status": 200, "headers": []})
        if not answer.streaming:
            await send({"type": "http.response.body", "body": answer.content})

    return send_large_answers(application)


async def began(serving: "asyncio.Future[None]", client: Client) -> None:
    """Wait until the answer is on its way to the client."""
    await until(lambda: client.is_asked or serving.done())


async def ask(client: Client, content: bytes = LARGE) -> "asyncio.Future[None]":
    serving: asyncio.Future[None] = asyncio.ensure_future(
        site(HttpResponse(content))({ABORT: client.abort}, None, client.send)
    )
    await began(serving, client)
    return serving


@pytest.mark.parametrize("content", [b"", b"small", LARGE])
async def test_whoever_reads_gets_all_of_it(content: bytes) -> None:
    client = Client(reads=True)
    await (await ask(client, content))
    assert client.body == content


async def test_those_that_do_not_read_make_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unread, "MOST_BYTES", 3 * len(LARGE))
    slow = [Client(reads=False) for _ in range(5)]
    serving = [await ask(client) for client in slow]
    assert [client.is_aborted for client in slow] == [True, True, False, False, False]
    reader = Client(reads=True)
    await (await ask(reader))
    assert reader.body == LARGE
    slow[4].may_read.set()
    await serving[4]
    assert slow[4].body == LARGE
    for client in slow:
        client.may_read.set()
    await asyncio.gather(*serving)


async def test_a_large_one_alone_has_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unread, "MOST_BYTES", 10)
    client = Client(reads=True)
    await (await ask(client))
    assert client.body == LARGE


async def test_a_response_keeps_nothing_of_what_was_taken() -> None:
    response = HttpResponse(LARGE)
    client = Client(reads=False)
    serving = asyncio.ensure_future(site(response)({ABORT: client.abort}, None, client.send))
    await began(serving, client)
    assert response.content == b""
    client.may_read.set()
    await serving
    assert client.body == LARGE


async def test_files_are_not_taken() -> None:
    async def pieces() -> AsyncIterator[bytes]:
        yield LARGE

    response: Any = StreamingHttpResponse(pieces())
    client = Client(reads=True)
    await site(response)({ABORT: client.abort}, None, client.send)
    assert b"".join([part async for part in response]) == LARGE


async def test_the_database_is_given_back_before_the_client_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    closed: list[bool] = []
    client = Client(reads=False)
    monkeypatch.setattr(unread, "close_old_connections", lambda: closed.append(not client.body))
    serving = await ask(client)
    assert closed == [True]
    client.may_read.set()
    await serving
