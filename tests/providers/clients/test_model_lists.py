"""Which models a provider says it has: asked through its own SDK, kept, and suggested without a wait."""

import asyncio
import json
from collections.abc import Iterator
from dataclasses import replace

import pytest
from pytest_django.fixtures import Settings

from providers import catalog
from providers.catalog import model_names
from providers.clients import model_lists
from providers.errors import LLMAuthenticationError, LLMConnectionError
from providers.types.listed_model import ListedModel
from tests.providers.calling import KEY
from tests.providers.catalog.test_presets import parsed, set_up
from tests.providers.upstream import answering, forever, upstream

JSON = "content-type: application/json"
MODELS = {"data": [{"id": "b"}, {"id": "a"}, {"id": "text-embedding-9"}, {"id": 7}, None]}
GOOGLES = {
    "models": [
        {"name": "models/gemini-9", "supportedGenerationMethods": ["generateContent", "countTokens"]},
        {"name": "models/embedder", "supportedGenerationMethods": ["embedContent"]},
    ]
}


@pytest.fixture(autouse=True)
def nothing_known(fresh_clients: None) -> Iterator[None]:
    model_names.forget()
    yield
    model_names.forget()


@pytest.mark.parametrize(
    ("slug", "answer", "path", "header", "names"),
    [
        ("openai", MODELS, "/models", "authorization", ("b", "a", "text-embedding-9")),
        ("azure", MODELS, "/openai/v1/models", "api-key", ("b", "a", "text-embedding-9")),
        ("together", [{"id": "x"}], "/v1/models", "authorization", ("x",)),
        ("ollama", {"data": None}, "/v1/models", "authorization", ()),
        ("anthropic", MODELS, "/v1/models?limit=1000", "authorization", ("b", "a", "text-embedding-9")),
        ("gemini", GOOGLES, "/v1/models?pageSize=1000", "x-goog-api-key", ("gemini-9",)),
    ],
)
async def test_each_wire_has_its_own_way_to_ask(
    slug: str, answer: object, path: str, header: str, names: tuple[str, ...], settings: Settings
) -> None:
    async with upstream(answering("200 OK", json.dumps(answer).encode(), JSON)) as server:
        set_up(settings, slug, server.origin)
        assert await model_lists.fetch(catalog.resolve(f"{slug}/any")) == names
        request = parsed(server.requests[0])
    assert request.path == path
    assert KEY in request.headers[header]
    assert model_names.known(slug) == names


@pytest.mark.parametrize("slug", ["emulator", "chatgpt"])
async def test_one_without_a_list_is_not_asked(slug: str, settings: Settings) -> None:
    settings.CHATGPT_ACCESS_TOKEN = KEY
    settings.CHATGPT_BASE_URL = "http://127.0.0.1:9"
    assert await model_lists.fetch(catalog.resolve(f"{slug}/hello")) == ()


async def test_a_refusal_is_an_error_like_any_other(settings: Settings) -> None:
    body = b'{"error": {"message": "Incorrect API key provided: sk-test", "code": "invalid_api_key"}}'
    async with upstream(answering("401 Unauthorized", body, JSON)) as server:
        set_up(settings, "groq", server.origin)
        with pytest.raises(LLMAuthenticationError) as caught:
            await model_lists.fetch(catalog.resolve("groq/any"))
    assert caught.value.__context__ is None


async def test_a_page_that_is_no_list_is_an_error_too(settings: Settings) -> None:
    async with upstream(answering("200 OK", b"<html>Sign in</html>", "content-type: text/html")) as server:
        set_up(settings, "groq", server.origin)
        with pytest.raises(LLMConnectionError):
            await model_lists.fetch(catalog.resolve("groq/any"))


async def test_suggestions_are_what_a_provider_told_with_the_usual_ones_first(settings: Settings) -> None:
    set_up(settings, "groq", "http://127.0.0.1:9")
    assert "groq/openai/gpt-oss-120b" in catalog.suggestions()
    names = ("whisper-large", "zebra", "aya", "openai/gpt-oss-20b")
    model_names.keep("groq", tuple(ListedModel(name=name) for name in names))
    of_groq = [name for name in catalog.suggestions() if name.startswith("groq/")]
    assert of_groq == ["groq/openai/gpt-oss-20b", "groq/aya", "groq/zebra"]


async def test_whoever_is_silent_holds_up_nobody_and_is_asked_again_later(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(model_lists, "_PATIENCE", 2.0)
    good = answering("200 OK", json.dumps(MODELS).encode(), JSON)
    async with upstream(forever) as mute, upstream(good) as server:
        set_up(settings, "groq", mute.origin)
        set_up(settings, "mistral", server.origin)
        await asyncio.wait_for(model_lists.refresh(), 10)
        assert model_names.known("mistral")
        assert not model_names.known("groq")
        await model_lists.refresh()
        assert len(server.requests) == 1

        monkeypatch.setattr(model_lists, "_FRESH", 0.0)
        set_up(settings, "groq", server.origin)
        await model_lists.refresh()
        assert len(server.requests) == 3
        assert model_names.known("groq")


async def test_what_was_told_stays_known_when_a_provider_falls_silent(settings: Settings) -> None:
    async with upstream(answering("200 OK", json.dumps(MODELS).encode(), JSON)) as server:
        set_up(settings, "groq", server.origin)
        target = catalog.resolve("groq/any")
        await model_lists.fetch(target)
    with pytest.raises(LLMConnectionError):
        await model_lists.fetch(replace(target, base_url="http://127.0.0.1:9"))
    assert model_names.known("groq") == ("b", "a", "text-embedding-9")
