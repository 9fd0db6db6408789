"""Providers of the database: what a call gets of them, and that nothing of it is I/O or somebody else's."""

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import pytest
from channels.db import database_sync_to_async
from pytest_django.fixtures import Settings

from emulator import Emulator
from providers import catalog
from providers.catalog import ProviderUnavailable, UnknownModel, cache
from providers.catalog.limits import Limits
from providers.catalog.provider_types import PROVIDER_TYPES, default_address
from providers.clients import pool
from providers.errors import LLMAddressRefusedError, LLMConnectionError
from providers.models import Provider
from providers.security import vault
from providers.security.redaction import redact_text
from tests.providers.calling import BASE_PATHS, WIRES, Call
from tests.providers.upstream import answering, forever, streaming, upstream

pytestmark = pytest.mark.django_db(transaction=True)

KEY = "sk-row-THIS-KEY-MUST-NOT-LEAK-9876543210"

#: A kind for each wire that takes any address.
KIND_OF = {
    "openai-chat": "openai-compatible",
    "openai-responses": "openai",
    "anthropic-messages": "anthropic-compatible",
    "gemini-generate": "gemini-compatible",
}


@pytest.fixture(autouse=True)
def fresh(settings: Settings) -> Iterator[None]:
    settings.RUNNEL_ALLOW_LOOPBACK_PROVIDERS = True
    cache.forget()
    yield
    cache.forget()


def make(slug: str = "acme", *, key: str = KEY, **columns: Any) -> Provider:
    defaults = {"label": slug.title(), "kind": "openai-compatible", "base_url": "https://8.8.8.8/v1"}
    provider = Provider(slug=slug, **{**defaults, **columns})
    provider.seal(key)
    provider.save()
    return provider


amake = database_sync_to_async(make)


def test_a_row_is_called_as_it_says_over_checked_addresses() -> None:
    make(concurrency=3, requests_per_minute=60, model_names=["large", "small"])
    target = catalog.resolve("acme/any/model:free")
    assert (target.origin.provider, target.origin.wire, target.origin.model) == (
        "acme",
        "openai-chat",
        "any/model:free",
    )
    assert (target.api_key, target.base_url) == (KEY, "https://8.8.8.8/v1")
    assert target.is_guarded
    assert target.limits == Limits(concurrency=3, requests_per_minute=60)
    assert target.quirks == PROVIDER_TYPES["openai-compatible"].quirks
    assert KEY not in repr(target)
    assert KEY not in repr(cache.enabled()["acme"])
    assert {"acme/large", "acme/small"} <= set(catalog.suggestions())


def test_what_the_environment_says_is_not_guarded(settings: Settings) -> None:
    settings.OPENAI_API_KEY = "a-key-of-ours"
    assert not catalog.resolve("openai/gpt-5.5").is_guarded


def test_reading_it_asks_no_database(django_assert_num_queries: Any) -> None:
    make()
    with django_assert_num_queries(0):
        catalog.resolve("acme/model")
        catalog.suggestions()
        catalog.providers()
        cache.is_due("acme")


def test_its_key_is_redacted_from_then_on() -> None:
    make()
    cache.refresh()
    assert KEY not in redact_text(f"Incorrect API key provided: {KEY}.")


@pytest.mark.parametrize("change", ["delete", "disable", "rename"])
def test_what_is_not_there_any_more_is_unknown(change: str) -> None:
    provider = make()
    if change == "delete":
        provider.delete()
    elif change == "disable":
        provider.is_enabled = False
        provider.save()
    else:
        provider.slug = "other"
        provider.save()
    with pytest.raises(UnknownModel, match="acme"):
        catalog.resolve("acme/model")


def test_a_row_that_was_there_before_a_preset_of_its_name_goes_on_being_meant(settings: Settings) -> None:
    settings.OPENAI_API_KEY = "a-key-of-ours"
    make("openai")
    assert catalog.resolve("openai/gpt").api_key == KEY
    assert [info.label for info in catalog.providers() if info.slug == "openai"] == ["Openai"]


@pytest.mark.parametrize("kind", sorted(PROVIDER_TYPES))
def test_every_kind_says_where_it_is_and_never_asks_the_environment(kind: str) -> None:
    make(kind=kind, base_url="" if default_address(PROVIDER_TYPES[kind]) else "https://8.8.8.8")
    target = catalog.resolve("acme/model")
    assert target.base_url is not None
    assert target.base_url.startswith("https://")
    assert set(target.headers) <= {*PROVIDER_TYPES[kind].headers, ("x-api-key", KEY)}


def test_an_address_without_a_path_gets_that_of_its_kind() -> None:
    make(kind="ollama", base_url="https://8.8.8.8")
    assert catalog.resolve("acme/model").base_url == "https://8.8.8.8/v1"


@pytest.mark.parametrize(
    ("columns", "sentence"),
    [
        ({"base_url": "http://127.0.0.1:11434/v1"}, "RUNNEL_ALLOW_LOOPBACK_PROVIDERS"),
        ({"base_url": "https://10.0.0.1/v1"}, "not a public address"),
        ({"base_url": "http://8.8.8.8/v1"}, "https://"),
        ({"base_url": "https://["}, "no name of a host"),
        ({"base_url": ""}, "no base URL"),
        ({"kind": "gone"}, "Choose another kind"),
    ],
)
def test_a_row_that_came_around_the_form_is_judged_all_the_same(
    settings: Settings, columns: dict[str, str], sentence: str
) -> None:
    settings.RUNNEL_ALLOW_LOOPBACK_PROVIDERS = False
    make(**columns)
    with pytest.raises(ProviderUnavailable, match=sentence):
        catalog.resolve("acme/model")
    assert "acme" not in {target.origin.provider for target in catalog.targets_in_use()}


def test_a_key_that_nobody_can_open_is_a_sentence(settings: Settings) -> None:
    make()
    settings.SECRET_KEY = "another one"
    cache.refresh()
    with pytest.raises(ProviderUnavailable, match="Enter the key again") as caught:
        catalog.resolve("acme/model")
    assert caught.value.message.startswith("Acme")


def test_a_key_does_not_follow_an_address_that_was_changed_in_the_database() -> None:
    make()
    Provider.objects.update(base_url="https://9.9.9.9/v1")
    cache.refresh()
    with pytest.raises(ProviderUnavailable, match="Enter the key again"):
        catalog.resolve("acme/model")


def test_saving_seals_with_the_current_secret(settings: Settings) -> None:
    provider = make()
    old, settings.SECRET_KEY = settings.SECRET_KEY, "the new one"
    settings.SECRET_KEY_FALLBACKS = [old]
    cache.refresh()
    assert catalog.resolve("acme/model").api_key == KEY
    provider.save()
    settings.SECRET_KEY_FALLBACKS = []
    assert vault.is_current(provider.sealed_key, purpose=provider.purpose)
    cache.refresh()
    assert catalog.resolve("acme/model").api_key == KEY


class TestFreshness:
    def test_what_another_process_has_changed_is_looked_for_after_a_while(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        make()
        assert not cache.is_due("acme")
        # As another process does it: no signal comes here.
        Provider.objects.filter(slug="acme").update(label="Renamed")
        cache.refresh_if_due("acme")
        assert cache.enabled()["acme"].label == "Acme"
        monkeypatch.setattr(cache, "_OLD_AFTER", 0.0)
        assert cache.is_due("acme")
        cache.refresh_if_due("acme")
        assert cache.enabled()["acme"].label == "Renamed"

    def test_one_that_is_not_there_is_looked_for_sooner(self, monkeypatch: pytest.MonkeyPatch) -> None:
        cache.refresh()
        monkeypatch.setattr(cache, "_LOOKED_FOR_AFTER", 0.0)
        assert cache.is_due("newcomer")
        assert not cache.is_due("openai")

    def test_a_new_process_looks_first(self) -> None:
        assert cache.is_due("openai")

    def test_a_database_that_fails_leaves_what_was_there(
        self, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        make()
        monkeypatch.setattr(cache, "_OLD_AFTER", 0.0)
        with monkeypatch.context() as broken:
            broken.setattr(Provider.objects, "filter", _fail)
            cache.refresh_if_due("acme")
        assert "could not be read" in caplog.text
        assert catalog.resolve("acme/model").api_key == KEY


def _fail(**filters: object) -> None:
    raise RuntimeError("the database is away")


class TestCalls:
    @pytest.mark.parametrize("wire", WIRES)
    async def test_it_answers_over_the_guarded_pool(self, wire: str, emulator: Emulator) -> None:
        await amake(kind=KIND_OF[wire], base_url=emulator.origin + BASE_PATHS[wire])
        result = await Call(catalog.resolve("acme/echo"), prompt="Over there").start()
        assert result.text == "Over there"
        here = pool.of_this_loop.get()
        assert here.guarded._transport._pool.connections  # type: ignore[attr-defined]
        assert not here.http._transport._pool.connections  # type: ignore[attr-defined]

    @pytest.mark.parametrize("wire", WIRES)
    async def test_nothing_of_the_environment_goes_to_it(
        self, wire: str, monkeypatch: pytest.MonkeyPatch, fresh_clients: None
    ) -> None:
        canary = "operators-canary"
        for name in (
            "OPENAI_API_KEY",
            "OPENAI_ADMIN_KEY",
            "OPENAI_ORG_ID",
            "OPENAI_PROJECT_ID",
            "ANTHROPIC_API_KEY",
            "ANTHROPIC_AUTH_TOKEN",
            "GEMINI_API_KEY",
            "GOOGLE_API_KEY",
            "GOOGLE_CLOUD_PROJECT",
        ):
            monkeypatch.setenv(name, canary)
        for name in ("OPENAI_CUSTOM_HEADERS", "ANTHROPIC_CUSTOM_HEADERS"):
            monkeypatch.setenv(name, f"x-gateway: {canary}\nauthorization: Bearer {canary}")
        for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
            monkeypatch.setenv(name, "http://127.0.0.1:9")
        monkeypatch.setenv("NO_PROXY", "nowhere.example.org")
        async with upstream(answering("401 Unauthorized", b"{}")) as server:
            for key in (KEY, ""):
                await database_sync_to_async(Provider.objects.all().delete)()
                await amake(kind=KIND_OF[wire], base_url=server.origin, key=key)
                await Call(catalog.resolve("acme/echo")).failure()
                head = server.requests[-1].decode().lower()
                assert canary not in head
                assert (KEY.lower() in head) is bool(key)

    async def test_a_redirect_is_not_followed(self, fresh_clients: None) -> None:
        async with (
            upstream(answering("200 OK", b"stolen")) as thief,
            upstream(answering("307 Temporary Redirect", b"", f"location: {thief.origin}/v1")) as server,
        ):
            await amake(base_url=server.origin)
            error = await Call(catalog.resolve("acme/echo")).failure()
            assert "redirect" in error.message
            assert not thief.requests

    async def test_an_address_that_leads_inside_is_told_apart_and_not_called(
        self, settings: Settings, fresh_clients: None
    ) -> None:
        async with upstream(forever) as server:
            await amake(base_url=server.origin)
            target = catalog.resolve("acme/echo")
            settings.RUNNEL_ALLOW_LOOPBACK_PROVIDERS = False
            call = Call(target)
            error = await call.failure()
            assert type(error) is LLMAddressRefusedError
            assert isinstance(error, LLMConnectionError)
            assert "administrator" in error.message
            assert "RUNNEL_ALLOW_LOOPBACK_PROVIDERS" in json.dumps(call.trace.error)
            assert not server.requests

    async def test_a_changed_row_gets_new_clients_and_streams_under_way_go_on(
        self, fresh_clients: None
    ) -> None:
        more = asyncio.Event()

        async def say_the_rest(writer: asyncio.StreamWriter) -> None:
            await more.wait()
            writer.write(_chunk("b", "stop") + b"data: [DONE]\n\n")
            await writer.drain()

        async with upstream(streaming(_chunk("a"), then=say_the_rest)) as server:
            provider = await amake(base_url=f"{server.origin}/v1")
            call = Call(catalog.resolve("acme/echo"))
            task = call.start()
            await asyncio.wait_for(call.sink.heard.wait(), 5)
            here = pool.of_this_loop.get()
            assert len(here._sdk_clients) == 1
            await database_sync_to_async(provider.delete)()
            await asyncio.sleep(0)
            assert not here._sdk_clients
            more.set()
            assert (await task).text == "ab"


def _chunk(text: str, stop: str | None = None) -> bytes:
    choice = {"index": 0, "delta": {"content": text}, "finish_reason": stop}
    return b"data: " + json.dumps({"id": "1", "model": "m", "choices": [choice]}).encode() + b"\n\n"
