"""Runs over providers that somebody has entered in the admin."""

from collections.abc import Iterator
from typing import Any

import pytest
from pytest_django.fixtures import Settings

from concurrency.threads import readers
from emulator import shared
from providers.catalog import cache
from providers.models import Provider, ProviderTrace
from runs.models import Run, RunEvent
from tests.runs.conftest import Connect, Person

KEY = "sk-entered-THIS-KEY-MUST-NOT-LEAK-24680"


@pytest.fixture(autouse=True)
def fresh(settings: Settings) -> Iterator[None]:
    settings.RUNNEL_ALLOW_LOOPBACK_PROVIDERS = True
    cache.forget()
    yield
    cache.forget()


def _make(base_url: str, **columns: Any) -> Provider:
    provider = Provider(
        slug="acme", label="Acme", kind="openai-compatible", base_url=f"{base_url}/v1", **columns
    )
    provider.seal(KEY)
    provider.save()
    return provider


async def test_a_run_is_answered_by_it_and_keeps_no_key(ada: Person, connect: Connect) -> None:
    await readers.run(_make, (await shared()).origin)
    socket = await connect(ada)
    run_id = (await socket.start("acme/echo", "Over there"))["run_id"]
    assert (await socket.ended(run_id))["type"] == "RUN_FINISHED"
    assert socket.said(run_id) == "Over there"
    trace = await readers.run(ProviderTrace.objects.get, run_id=run_id)
    assert (trace.provider, trace.wire, trace.model) == ("acme", "openai-chat", "echo")
    for model in (ProviderTrace, Run, RunEvent):
        assert KEY not in str(await readers.run(list, model.objects.values()))
    payloads = await readers.run(lambda: f"{trace.request} {trace.response}")
    assert "Over there" in payloads
    assert KEY not in payloads
    assert not any(KEY in text for text in socket.received)


async def test_one_that_another_process_has_entered_is_found_by_the_next_start(
    ada: Person, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cache, "_LOOKED_FOR_AFTER", 0.0)
    socket = await connect(ada)
    refused = await socket.ask("start", model="acme/echo", input="hi")
    assert (refused["type"], refused["code"]) == ("error", "unknown_model")
    before = cache.enabled()
    provider = await readers.run(_make, (await shared()).origin)
    # As if the signal had come in another process.
    cache._snapshot.rows = before
    run_id = (await socket.start("acme/echo", "Found"))["run_id"]
    await socket.ended(run_id)
    assert socket.said(run_id) == "Found"
    await readers.run(Provider.objects.filter(pk=provider.pk).delete)


async def test_one_that_cannot_be_used_says_why(ada: Person, connect: Connect, settings: Settings) -> None:
    await readers.run(_make, (await shared()).origin)
    settings.RUNNEL_ALLOW_LOOPBACK_PROVIDERS = False
    cache.forget()
    socket = await connect(ada)
    refused = await socket.ask("start", model="acme/echo", input="hi")
    assert (refused["type"], refused["code"]) == ("error", "provider_unavailable")
    assert refused["message"].startswith("Acme cannot be used.")
