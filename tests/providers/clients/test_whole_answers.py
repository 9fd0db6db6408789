"""Answers that are no streams: a token count, a list of models. They are read within limits, whoever sends them."""

import asyncio
import json
from collections.abc import Iterator

import pytest
from pytest_django.fixtures import Settings

from providers import catalog, clients
from providers.catalog import model_names
from providers.clients import model_lists
from providers.errors import LLMConnectionError, LLMError, LLMOversizedResponseError, LLMRateLimitError
from providers.errors.translation import from_exception
from tests.providers.calling import BASE_PATHS, at
from tests.providers.catalog.test_presets import set_up
from tests.providers.upstream import Behaviour, answering, upstream

JSON = "content-type: application/json"
#: The wires that can count.
COUNTING = {
    "openai-responses": {"input_tokens": 11},
    "anthropic-messages": {"input_tokens": 11},
    "gemini-generate": {"totalTokens": 11},
}


@pytest.fixture(autouse=True)
def nothing_known(fresh_clients: None) -> Iterator[None]:
    model_names.forget()
    yield
    model_names.forget()


def endless(status: str, start: bytes) -> Behaviour:
    """Answer with ``start`` and then as much as the other side takes."""

    async def behave(writer: asyncio.StreamWriter) -> None:
        writer.write(f"HTTP/1.1 {status}\r\n{JSON}\r\nconnection: close\r\n\r\n".encode() + start)
        while True:
            writer.write(b"y" * 65_536)
            await writer.drain()

    return behave


async def counted(wire: str, origin: str) -> object:
    target = at(origin + BASE_PATHS[wire], wire)
    body = {"model": "some-model", "messages": [], "input": [], "contents": []}
    try:
        return await clients.count_input(target, body)
    except Exception as exc:  # noqa: BLE001 - as its caller does
        raise from_exception(exc) from None


@pytest.mark.parametrize("wire", COUNTING)
async def test_a_count_is_read(wire: str) -> None:
    async with upstream(answering("200 OK", json.dumps(COUNTING[wire]).encode(), JSON)) as server:
        assert await counted(wire, server.origin) == 11


@pytest.mark.parametrize("wire", COUNTING)
async def test_an_endless_error_of_a_count_is_read_in_part_and_judged_by_it(wire: str) -> None:
    start = b'{"error": {"code": 429, "message": "Rate limit reached, slow down.", "filler": "'
    async with upstream(endless("429 Too Many Requests", start)) as server:
        with pytest.raises(LLMRateLimitError):
            await asyncio.wait_for(counted(wire, server.origin), 20)
        await asyncio.wait_for(server.deserted.wait(), 5)


@pytest.mark.parametrize("wire", COUNTING)
async def test_an_endless_count_is_an_error_that_names_the_limit(wire: str, settings: Settings) -> None:
    settings.RUNNEL_EVENT_MB = 1
    async with upstream(endless("200 OK", b'{"input_tokens": 1')) as server:
        with pytest.raises(LLMOversizedResponseError) as caught:
            await asyncio.wait_for(counted(wire, server.origin), 20)
        await asyncio.wait_for(server.deserted.wait(), 5)
    assert caught.value.detail == {"limit": "RUNNEL_EVENT_MB", "value": 1}


@pytest.mark.parametrize("slug", ["groq", "anthropic", "gemini"])
@pytest.mark.parametrize(
    ("status", "error"), [("200 OK", LLMOversizedResponseError), ("503 Service Unavailable", LLMError)]
)
async def test_an_endless_list_of_models_is_an_error(
    slug: str, status: str, error: type[LLMError], settings: Settings
) -> None:
    settings.RUNNEL_EVENT_MB = 1
    async with upstream(endless(status, b'{"data": ["')) as server:
        set_up(settings, slug, server.origin)
        with pytest.raises(error) as caught:
            await asyncio.wait_for(model_lists.fetch(catalog.resolve(f"{slug}/any")), 20)
        await asyncio.wait_for(server.deserted.wait(), 5)
    assert caught.value.__context__ is None
    assert len(json.dumps(caught.value.detail)) < 20_000


async def test_a_list_that_breaks_off_is_a_connection_that_broke(settings: Settings) -> None:
    async def broken(writer: asyncio.StreamWriter) -> None:
        writer.write(f"HTTP/1.1 200 OK\r\n{JSON}\r\ncontent-length: 100\r\n\r\n{{".encode())
        await writer.drain()

    async with upstream(broken) as server:
        set_up(settings, "groq", server.origin)
        target = catalog.resolve("groq/any")
        with pytest.raises(LLMConnectionError):
            await model_lists.fetch(target)
