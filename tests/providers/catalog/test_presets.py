"""What each provider is really sent: over loopback, through its own SDK."""

import json
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlsplit

import pytest
from pytest_django.fixtures import Settings

from providers import catalog
from providers.catalog import ProviderUnavailable
from providers.catalog.presets import PRESETS
from providers.errors import LLMUnsupportedError
from providers.types import ChatMessage, ModelOptions, Role, TextPart, ToolCallPart, ToolResultPart
from tests.providers.calling import KEY, Call
from tests.providers.speaking import saying_hi
from tests.providers.upstream import upstream

BEARER = {"authorization": f"Bearer {KEY}"}


@dataclass(frozen=True, kw_only=True)
class Row:
    """One provider, as its own documentation describes a request."""

    slug: str
    #: Where it is asked; of a server of one's own only the path.
    url: str
    headers: dict[str, str] = field(default_factory=lambda: BEARER)
    model: str = "some-model"


ROWS = [
    Row(slug="openai", url="/responses"),
    Row(slug="openai-chat", url="/chat/completions"),
    Row(slug="anthropic", url="/v1/messages"),
    Row(
        slug="gemini",
        url="/v1/models/some-model:streamGenerateContent?alt=sse",
        headers={"x-goog-api-key": KEY},
    ),
    Row(slug="azure", url="/openai/v1/responses", headers={"api-key": KEY}),
    Row(slug="azure-chat", url="/openai/v1/chat/completions", headers={"api-key": KEY}),
    Row(
        slug="chatgpt",
        url="https://chatgpt.com/backend-api/codex/responses",
        headers={**BEARER, "chatgpt-account-id": "an-account", "originator": "runnel"},
    ),
    Row(slug="deepseek", url="https://api.deepseek.com/chat/completions"),
    Row(slug="zai", url="https://api.z.ai/api/paas/v4/chat/completions"),
    Row(slug="xai", url="https://api.x.ai/v1/responses"),
    Row(slug="groq", url="https://api.groq.com/openai/v1/chat/completions"),
    Row(slug="mistral", url="https://api.mistral.ai/v1/chat/completions"),
    Row(slug="openrouter", url="https://openrouter.ai/api/v1/chat/completions", model="a/b:free"),
    Row(slug="together", url="https://api.together.ai/v1/chat/completions", model="a/b"),
    Row(
        slug="fireworks",
        url="https://api.fireworks.ai/inference/v1/chat/completions",
        model="accounts/fireworks/models/a",
    ),
    Row(slug="ollama", url="/v1/chat/completions", model="qwen3:0.6b"),
    Row(slug="vllm", url="/v1/chat/completions"),
    Row(slug="lmstudio", url="/v1/chat/completions"),
    Row(slug="openai-compatible", url="/v1/chat/completions"),
    Row(slug="anthropic-compatible", url="/v1/messages", headers={**BEARER, "x-api-key": KEY}),
    Row(
        slug="gemini-compatible",
        url="/v1/models/some-model:streamGenerateContent?alt=sse",
        headers={"x-goog-api-key": KEY},
    ),
]
#: Whose credentials come from a cloud: tests/providers/clients/test_clouds.py.
CLOUDS = {"bedrock", "bedrock-runtime", "vertex", "vertex-anthropic"}


@dataclass(frozen=True, kw_only=True)
class Request:
    path: str
    headers: dict[str, str]
    body: dict[str, Any]


def parsed(raw: bytes) -> Request:
    head, _, body = raw.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
    return Request(path=first.split(" ")[1], headers=headers, body=json.loads(body) if body else {})


def set_up(settings: Settings, slug: str, origin: str) -> None:
    """Set what ``slug`` needs, and its address to ``origin``, with the path that it has by itself."""
    preset = PRESETS[slug]
    for name in filter(None, (*preset.needs, preset.key)):
        setattr(settings, name, KEY)
    assert preset.address is not None
    setattr(settings, preset.address, origin + urlsplit(preset.base_url or "").path)


async def sent(settings: Settings, slug: str, *, model: str = "some-model", **asked: Any) -> Request:
    """Have ``slug`` asked, with more of a ``Call`` in ``asked``, and return what its server got."""
    async with upstream(saying_hi(PRESETS[slug].wire)) as server:
        set_up(settings, slug, server.origin)
        result = await Call(catalog.resolve(f"{slug}/{model}"), **asked).start()
        assert result.text == "Hi"
        (raw,) = server.requests
        return parsed(raw)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.slug)
async def test_it_is_asked_where_and_as_its_documentation_says(
    row: Row, settings: Settings, fresh_clients: None
) -> None:
    settings.CHATGPT_ACCOUNT_ID = "an-account"
    request = await sent(settings, row.slug, model=row.model)
    url = urlsplit(row.url)
    assert urlsplit(PRESETS[row.slug].base_url or "").netloc == url.netloc
    assert request.path == url.path + (f"?{url.query}" if url.query else "")
    assert row.headers.items() <= request.headers.items()
    assert {name for name, value in request.headers.items() if KEY in value} <= row.headers.keys()
    assert request.body.get("model", row.model) == row.model


def test_every_preset_is_tested() -> None:
    assert {row.slug for row in ROWS} | CLOUDS | {"emulator"} == PRESETS.keys()


@pytest.mark.parametrize("slug", [slug for slug in PRESETS if slug != "emulator"])
def test_without_its_settings_it_says_what_to_set_and_where(slug: str, settings: Settings) -> None:
    preset = PRESETS[slug]
    for name in preset.needs:
        setattr(settings, name, "")
    with pytest.raises(ProviderUnavailable) as caught:
        catalog.resolve(f"{slug}/some-model")
    assert preset.label in caught.value.message
    assert ".env" in caught.value.message
    assert all(name in caught.value.message for name in preset.needs)


@pytest.mark.parametrize("slug", ["ollama", "vllm", "lmstudio", "openai-compatible"])
def test_a_server_of_ones_own_needs_an_address_and_no_key(slug: str, settings: Settings) -> None:
    address = PRESETS[slug].address
    assert address is not None
    setattr(settings, address, "http://127.0.0.1:8000/")
    target = catalog.resolve(f"{slug}/some-model")
    assert target.base_url == "http://127.0.0.1:8000/v1"
    assert target.api_key
    assert catalog.targets_in_use()[-1].origin.provider == slug

    setattr(settings, address, "http://127.0.0.1:8000/deep/down")
    assert catalog.resolve(f"{slug}/some-model").base_url == "http://127.0.0.1:8000/deep/down"


def test_a_literal_names_only_settings_that_there_are(settings: Settings) -> None:
    for preset in PRESETS.values():
        names = (*preset.needs, preset.key, preset.address, preset.project, preset.region)
        for name in filter(None, (*names, *(setting for _, setting in preset.header_settings))):
            assert hasattr(settings, name)


def test_a_target_does_not_show_what_goes_along(settings: Settings) -> None:
    settings.CHATGPT_ACCESS_TOKEN = KEY
    settings.CHATGPT_ACCOUNT_ID = "an-account"
    shown = repr(replace(catalog.resolve("chatgpt/gpt-5.5")))
    assert KEY not in shown
    assert "an-account" not in shown


@dataclass(frozen=True, kw_only=True)
class Said:
    """How one server wants an output limit, an effort, a schema and a cache hint to be said."""

    slug: str
    model: str = "some-model"
    fields: dict[str, Any]
    #: What it does not know, or refuses.
    absent: frozenset[str] = frozenset()


USAGE = {"stream_options": {"include_usage": True}}
OLDER = {"max_tokens": 99, "reasoning_effort": "high", **USAGE}
ONLY_OPENAIS = frozenset({"max_completion_tokens", "prompt_cache_key", "prompt_cache_retention", "store"})

SAID = [
    Said(
        slug="openai-chat",
        fields={"max_completion_tokens": 99, "reasoning_effort": "high", **USAGE},
        absent=frozenset({"max_tokens"}),
    ),
    Said(slug="azure-chat", fields={"max_completion_tokens": 99, "reasoning_effort": "high", **USAGE}),
    Said(
        slug="groq",
        fields={"max_completion_tokens": 99, "reasoning_effort": "high", **USAGE},
        absent=ONLY_OPENAIS - {"max_completion_tokens"},
    ),
    Said(slug="deepseek", fields={**OLDER, "thinking": {"type": "enabled"}}, absent=ONLY_OPENAIS),
    Said(
        slug="zai",
        fields={"max_tokens": 99, "thinking": {"type": "enabled"}},
        absent=ONLY_OPENAIS | {"stream_options", "reasoning_effort"},
    ),
    Said(
        slug="mistral",
        fields={"max_tokens": 99, "reasoning_effort": "high"},
        absent=ONLY_OPENAIS | {"stream_options"},
    ),
    Said(
        slug="openrouter",
        fields={"max_tokens": 99, "reasoning": {"effort": "high"}, **USAGE},
        absent=ONLY_OPENAIS | {"reasoning_effort"},
    ),
    *(
        Said(slug=slug, fields=OLDER, absent=ONLY_OPENAIS)
        for slug in ("together", "fireworks", "ollama", "vllm", "lmstudio", "openai-compatible")
    ),
    Said(
        slug="xai",
        model="grok-4.5",
        fields={
            "max_output_tokens": 99,
            "reasoning": {"effort": "high"},
            "include": ["reasoning.encrypted_content"],
            "store": False,
        },
    ),
    Said(
        slug="azure",
        model="gpt-5.5",
        fields={"max_output_tokens": 99, "reasoning": {"effort": "high", "summary": "auto"}, "store": False},
    ),
]


@pytest.mark.parametrize("said", SAID, ids=lambda said: said.slug)
async def test_options_are_said_as_its_server_knows_them(
    said: Said, settings: Settings, fresh_clients: None
) -> None:
    options = ModelOptions(
        max_output_tokens=99, reasoning_effort="high", cache="long", output_schema={"type": "object"}
    )
    body = (await sent(settings, said.slug, model=said.model, options=options)).body
    assert said.fields.items() <= body.items()
    assert not said.absent & body.keys()
    if PRESETS[said.slug].wire == "openai-chat":
        takes_schema = said.slug not in {"deepseek", "zai"}
        assert body["response_format"]["type"] == ("json_schema" if takes_schema else "json_object")


async def test_deepseek_can_be_told_not_to_think(settings: Settings, fresh_clients: None) -> None:
    options = ModelOptions(reasoning_effort="none")
    body = (await sent(settings, "deepseek", options=options)).body
    assert body["thinking"] == {"type": "disabled"}
    assert "reasoning_effort" not in body


async def test_chatgpt_is_told_what_it_insists_on(settings: Settings, fresh_clients: None) -> None:
    body = (await sent(settings, "chatgpt", model="gpt-5.5", options=ModelOptions(cache="long"))).body
    assert body["instructions"]
    assert (body["store"], body["stream"]) == (False, True)
    assert body["include"] == ["reasoning.encrypted_content"]
    assert not {"prompt_cache_retention", "max_output_tokens"} & body.keys()


@pytest.mark.parametrize("option", ["max_output_tokens", "temperature", "top_p"])
async def test_what_chatgpt_refuses_is_refused_before_it_is_sent(
    option: str, settings: Settings, fresh_clients: None
) -> None:
    async with upstream(saying_hi("openai-responses")) as server:
        set_up(settings, "chatgpt", server.origin)
        asked: dict[str, Any] = {option: 1}
        call = Call(catalog.resolve("chatgpt/gpt-5.5"), options=ModelOptions(**asked))
        error = await call.failure()
        assert type(error) is LLMUnsupportedError
        assert option in error.message
        assert not server.requests


async def test_mistral_gets_ids_that_it_takes_and_results_that_belong_to_them(
    settings: Settings, fresh_clients: None
) -> None:
    calls = [
        ToolCallPart(id=call_id, name="look", arguments="{}") for call_id in ("call_of-another", "abcDEF123")
    ]
    results = [ToolResultPart(call_id=call.id, name="look", content="seen") for call in calls]
    before = (
        ChatMessage(role=Role.USER, parts=(TextPart(text="Look."),)),
        ChatMessage(role=Role.ASSISTANT, parts=tuple(calls)),
        ChatMessage(role=Role.TOOL, parts=tuple(results)),
    )
    _, asked, *answers, _ = (await sent(settings, "mistral", before=before)).body["messages"]
    ids = [call["id"] for call in asked["tool_calls"]]
    assert ids[1] == "abcDEF123"
    assert all(len(call_id) == 9 and call_id.isalnum() for call_id in ids)
    assert [answer["tool_call_id"] for answer in answers] == ids
