"""What we rely on in the SDKs, their private parts included: an update that changes it fails here."""

import asyncio
import json
import os
import subprocess
import sys

import httpx2
import pytest
from django.conf import settings as project_settings
from google import genai
from google.genai.types import HttpOptions
from pytest_django.fixtures import Settings

from emulator import Emulator, close_shared
from providers import catalog, clients
from providers.clients import gemini_sdk
from providers.clients.gemini_sdk import gemini_path
from providers.errors import LLMConnectionError
from tests.providers.calling import WIRES, Call, at, emulated
from tests.providers.upstream import answering, forever, upstream


async def test_google_genai_gives_the_response_itself_through_its_private_calls() -> None:
    asked: list[httpx2.Request] = []
    frames = b'data: {"candidates": [{"index": 0}]}\r\n\r\n'

    def answer(request: httpx2.Request) -> httpx2.Response:
        asked.append(request)
        return httpx2.Response(200, headers={"content-type": "text/event-stream"}, content=frames)

    async with httpx2.AsyncClient(transport=httpx2.MockTransport(answer), follow_redirects=False) as http:
        options = HttpOptions(base_url="http://upstream.test", httpx_async_client=http)
        client = genai.Client(api_key="a-key", vertexai=False, http_options=options)
        response = await gemini_sdk.post(client, at("", "gemini-generate"), {"contents": []})
        assert await response.aread() == frames
    (request,) = asked
    assert request.url.path.endswith("/models/some-model:streamGenerateContent")
    assert request.url.query == b"alt=sse"
    assert request.headers["x-goog-api-key"] == "a-key"
    assert json.loads(request.content) == {"contents": []}


@pytest.mark.parametrize(
    ("address", "path"),
    [
        # The SDK's own version: docs/reference/providers.md names it.
        ("", "/v1/models/some-model"),
        ("/v1beta", "/v1beta/models/some-model"),
        ("/v1beta/", "/v1beta/models/some-model"),
        ("/gemini/v1alpha", "/gemini/v1alpha/models/some-model"),
        ("/v1beta/gemini", "/v1beta/gemini/v1/models/some-model"),
        ("/videos", "/videos/v1/models/some-model"),
    ],
)
async def test_a_gemini_address_may_say_its_version(address: str, path: str, fresh_clients: None) -> None:
    async with upstream(answering("404 Not Found", b"{}")) as server:
        await Call(at(server.origin + address, "gemini-generate")).failure()
    assert server.requests[0].startswith(f"POST {path}:streamGenerateContent?alt=sse ".encode())


@pytest.mark.parametrize(
    ("model", "path"),
    [
        ("gemini-3.8-flash", "models/gemini-3.8-flash"),
        ("models/gemini-3.8-flash", "models/gemini-3.8-flash"),
        ("tunedModels/mine", "tunedModels/mine"),
        ("../files?x=1#", "models/..%2Ffiles%3Fx%3D1%23"),
    ],
)
def test_a_model_is_one_segment_of_the_path(model: str, path: str) -> None:
    assert gemini_path(model) == f"{path}:streamGenerateContent?alt=sse"


@pytest.mark.parametrize("wire", WIRES)
async def test_the_body_says_that_it_wants_a_stream(wire: str, emulator: Emulator) -> None:
    await Call(emulated("echo", wire)).start()
    body = emulator.exchanges[-1].body
    assert body is not None
    assert body.get("stream") is (None if wire == "gemini-generate" else True)


def test_each_loop_has_clients_of_its_own() -> None:
    async def ask() -> str:
        result = await Call(emulated("echo", "openai-chat"), prompt="Still here?").start()
        await clients.close_all()
        await close_shared()
        return result.text

    assert [asyncio.run(ask()) for _ in range(3)] == ["Still here?"] * 3


async def test_it_can_be_used_again_after_closing(emulator: Emulator) -> None:
    await clients.close_all()
    await Call(emulated("echo", "anthropic-messages")).start()
    await clients.close_all()
    result = await Call(emulated("echo", "anthropic-messages"), prompt="Again").start()
    assert result.text == "Again"


async def test_a_proxy_is_not_asked_for_this_machine(
    emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    result = await Call(emulated("echo", "openai-responses"), prompt="Direct").start()
    assert result.text == "Direct"


async def test_warming_up_sends_nothing(emulator: Emulator, settings: Settings) -> None:
    settings.OPENAI_API_KEY = settings.ANTHROPIC_API_KEY = settings.GEMINI_API_KEY = "a-key-of-ours"
    async with upstream(forever) as server:
        settings.OPENAI_BASE_URL = settings.ANTHROPIC_BASE_URL = settings.GOOGLE_GEMINI_BASE_URL = (
            server.origin
        )
        await clients.warm_up()
        assert not server.requests
    assert not emulator.exchanges
    assert {"openai", "anthropic", "google.genai"} <= sys.modules.keys()


async def test_a_broken_address_fails_the_call_and_not_the_start(
    settings: Settings, caplog: pytest.LogCaptureFixture, fresh_clients: None
) -> None:
    settings.OPENAI_API_KEY = "a-key-of-ours"
    settings.OPENAI_BASE_URL = "http://127.0.0.1:not-a-port"
    await clients.warm_up()
    assert "openai-chat could not be warmed up" in caplog.text
    error = await Call(catalog.resolve("openai-chat/gpt")).failure()
    assert type(error) is LLMConnectionError


def test_no_sdk_is_imported_before_it_is_needed() -> None:
    program = (
        "import sys, django; django.setup(); import providers.adapter, providers.admin; "
        "assert not {'openai', 'anthropic', 'google.genai'} & sys.modules.keys()"
    )
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "project.settings"}
    subprocess.run(
        [sys.executable, "-c", program], check=True, cwd=project_settings.BASE_DIR, env=environment
    )
