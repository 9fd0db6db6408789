"""Bodies of requests as JSON, written off the event loop where that takes long."""

import json
import threading
from dataclasses import replace
from typing import Any

import httpx2
import orjson
import pytest
from pytest_django.fixtures import Settings

from providers import catalog
from providers.catalog.presets import PRESETS
from providers.clients import anthropic_sdk, encoding
from providers.clients.sdk_table import SDKS

SHORT = {
    "model": "m",
    "messages": [{"role": "user", "content": "Räksmörgås 🦐 \"'\\ \u2028"}],
    "n": 0.1,
    "stream": True,
}


@pytest.mark.parametrize(
    ("body", "is_threaded"),
    [
        (SHORT, False),
        ({**SHORT, "file": "x" * 1_000_001}, True),
        ({**SHORT, "files": ["x" * 600_000] * 2}, True),
    ],
)
async def test_a_long_body_is_written_on_a_thread(
    body: dict[str, Any], is_threaded: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads = []
    dumps = orjson.dumps

    def watched(value: Any, **options: Any) -> bytes:
        threads.append(threading.get_ident())
        return dumps(value, **options)

    monkeypatch.setattr(orjson, "dumps", watched)
    assert json.loads(await encoding.encoded(body)) == body
    [thread] = threads
    assert (thread != threading.get_ident()) is is_threaded


@pytest.mark.parametrize("slug", ["bedrock-runtime", "vertex-anthropic"])
async def test_a_clouds_client_moves_fields_and_leaves_the_writing_to_us(
    slug: str, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.AWS_REGION = settings.GOOGLE_CLOUD_LOCATION = "eu-central-1"
    settings.GOOGLE_CLOUD_PROJECT = "a-project"
    monkeypatch.setitem(PRESETS, slug, replace(PRESETS[slug], package=None))
    threads: dict[str, int] = {}
    sent: list[httpx2.Request] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        sent.append(request)
        return httpx2.Response(200, json={"input_tokens": 7})

    def watched(value: Any, dumps: Any = orjson.dumps, **options: Any) -> bytes:
        threads["dumps"] = threading.get_ident()
        return bytes(dumps(value, **options))

    monkeypatch.setattr(orjson, "dumps", watched)
    target = catalog.resolve(f"{slug}/claude")
    body = {"model": "claude", "max_tokens": 5, "messages": [{"role": "user", "content": "x" * 1_000_001}]}
    async with httpx2.AsyncClient(transport=httpx2.MockTransport(answer)) as http:
        client = SDKS[slug].make(http, target, "http://cloud.test")
        client._prepare_request = nothing
        await anthropic_sdk.post(client, target, body)
    written = json.loads(sent[0].content)
    assert written.pop("anthropic_version")
    assert written.pop("stream", True)
    assert written == {name: value for name, value in body.items() if name != "model"}
    assert "claude" in sent[0].url.path
    assert sent[0].headers["content-type"] == "application/json"
    assert threads["dumps"] != threading.get_ident()


async def nothing(request: httpx2.Request) -> None:
    """Sign nothing: no credentials here."""
