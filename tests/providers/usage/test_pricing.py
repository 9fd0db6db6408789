import os
import subprocess
import sys
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from django.conf import settings

from providers.catalog import cache
from providers.catalog.cache import CachedProvider
from providers.catalog.limits import Limits
from providers.catalog.presets import PRESETS
from providers.types import Json, Origin
from providers.types.cost import Cost, CostIs
from providers.types.usage import Usage, UsageSource
from providers.usage import costs, pricing
from providers.usage.spending import StepUsage
from providers.wires import (
    _anthropic_usage,
    _gemini_usage,
    _openai_usage,
)
from providers.wires.accumulator import StepAccumulator

MILLION = 1_000_000
HELLO = Usage(input_tokens=MILLION, output_tokens=MILLION, source=UsageSource.REPORTED)


def anthropic(raw: Json) -> Usage:
    return _anthropic_usage.usage_from(raw, is_final=True)


def chat(raw: Json) -> Usage:
    return _openai_usage.usage_from(raw, is_final=True)


def gemini(raw: Json) -> Usage:
    return _gemini_usage.usage_from(raw, is_final=True)


@pytest.mark.parametrize(
    ("provider", "model", "usage", "expected"),
    [
        # $0.40 for fresh input, $0.10 for cached, $1.60 for output.
        pytest.param(
            "openai-chat",
            "gpt-4.1-mini-2025-04-14",
            chat(
                {
                    "prompt_tokens": 3_000,
                    "completion_tokens": 500,
                    "total_tokens": 3_500,
                    "prompt_tokens_details": {"cached_tokens": 2_000, "audio_tokens": 0},
                    "completion_tokens_details": {"reasoning_tokens": 0},
                }
            ),
            1_000 * Decimal("0.4") + 2_000 * Decimal("0.1") + 500 * Decimal("1.6"),
            id="chat",
        ),
        # $1.25, $0.125, $10; what was thought is in the output.
        pytest.param(
            "openai",
            "gpt-5-2025-08-07",
            chat(
                {
                    "input_tokens": 2_000,
                    "input_tokens_details": {"cached_tokens": 1_500},
                    "output_tokens": 900,
                    "output_tokens_details": {"reasoning_tokens": 640},
                    "total_tokens": 2_900,
                }
            ),
            500 * Decimal("1.25") + 1_500 * Decimal("0.125") + 900 * Decimal(10),
            id="responses",
        ),
        # $1, read $0.10, written $1.25, $5; Anthropic counts the three apart.
        pytest.param(
            "anthropic",
            "claude-haiku-4-5-20251001",
            anthropic(
                {
                    "input_tokens": 100,
                    "cache_read_input_tokens": 2_000,
                    "cache_creation_input_tokens": 4_000,
                    "output_tokens": 300,
                }
            ),
            100 * Decimal(1) + 2_000 * Decimal("0.1") + 4_000 * Decimal("1.25") + 300 * Decimal(5),
            id="anthropic",
        ),
        # $0.30, $0.03, $2.50; thoughts are beside the candidates.
        pytest.param(
            "gemini",
            "gemini-2.5-flash",
            gemini(
                {
                    "promptTokenCount": 1_000,
                    "cachedContentTokenCount": 400,
                    "candidatesTokenCount": 50,
                    "thoughtsTokenCount": 150,
                    "totalTokenCount": 1_200,
                }
            ),
            600 * Decimal("0.3") + 400 * Decimal("0.03") + 200 * Decimal("2.5"),
            id="gemini",
        ),
    ],
)
def test_every_token_of_a_wire_is_paid_once(
    provider: str, model: str, usage: Usage, expected: Decimal
) -> None:
    assert pricing.cost(usage, provider=provider, asked=model, served=model) == expected / MILLION


def test_what_is_kept_for_an_hour_costs_more() -> None:
    usage = replace(HELLO, cache_write_input_tokens=MILLION, output_tokens=0)
    costs = [
        pricing.cost(
            usage, provider="anthropic", asked="claude-haiku-4-5", is_cached_for_an_hour=is_cached_for_an_hour
        )
        for is_cached_for_an_hour in (False, True)
    ]
    assert costs == [Decimal("1.25"), Decimal(2)]
    # Elsewhere that makes no difference.
    known = pricing.cost(usage, provider="openai", asked="gpt-4.1-mini", is_cached_for_an_hour=True)
    assert known == pricing.cost(usage, provider="openai", asked="gpt-4.1-mini")


def test_the_length_of_one_call_decides_its_price() -> None:
    one, both = (
        pricing.cost(
            Usage(input_tokens=read, output_tokens=0),
            provider="vertex-anthropic",
            asked="claude-sonnet-4-5@20250929",
        )
        for read in (150_000, 300_000)
    )
    assert one is not None
    assert both is not None
    assert both > 2 * one


@pytest.mark.parametrize(
    ("provider", "asked", "served", "expected"),
    [
        pytest.param("openai", "gpt-4.1-mini", None, Decimal(2), id="as asked"),
        pytest.param("azure", "our-deployment", "gpt-4.1-mini-2025-04-14", Decimal(2), id="as served"),
        pytest.param("openai", "gpt-4.1-mini", "some-snapshot", Decimal(2), id="an unknown answer"),
        pytest.param("groq", "openai/gpt-oss-20b", None, Decimal("0.375"), id="gateway"),
        pytest.param("openrouter", "openrouter/auto", "openai/gpt-4.1-mini", Decimal(2), id="router"),
        pytest.param("vertex-anthropic", "claude-haiku-4-5", None, Decimal(6), id="cloud"),
        pytest.param(
            "bedrock-runtime",
            "global.anthropic.claude-sonnet-4-5-20250929-v1:0",
            "claude-sonnet-4-5-20250929",
            Decimal(18),
            id="AWS as asked",
        ),
        pytest.param("openai", "gpt-none", None, None, id="unknown model"),
        pytest.param("openrouter", "openrouter/auto", None, None, id="router that says nothing"),
        pytest.param("emulator", "gpt-4.1-mini", "gpt-4.1-mini", None, id="emulator"),
        pytest.param("emulator", "hello", "hello", None, id="emulator's own"),
        pytest.param("chatgpt", "gpt-4.1-mini", None, None, id="subscription"),
        pytest.param("ollama", "gpt-4.1-mini", None, None, id="own server"),
        pytest.param("nobody", "gpt-4.1-mini", None, None, id="unknown provider"),
        pytest.param("gemini", "gemma-3", None, None, id="no price in the list"),
        pytest.param("gemini", "gemini-2.5-flash-image-preview", None, None, id="draws"),
    ],
)
def test_a_price_is_known_or_it_is_not(
    provider: str, asked: str, served: str | None, expected: Decimal | None
) -> None:
    usage = replace(HELLO)
    assert pricing.cost(usage, provider=provider, asked=asked, served=served) == expected


@pytest.mark.parametrize(
    ("usage", "expected"),
    [
        (Usage(), None),
        # Half a bill is better than none; ``costs`` says that it is no more than that.
        (Usage(input_tokens=MILLION), Decimal("0.4")),
        (Usage(output_tokens=MILLION), Decimal("1.6")),
        (Usage(input_tokens=MILLION, output_tokens=0), Decimal("0.4")),
        (Usage(input_tokens=0, output_tokens=0, source=UsageSource.REPORTED), Decimal(0)),
        (replace(HELLO, source=UsageSource.ESTIMATED), Decimal(2)),
        (replace(HELLO, cached_input_tokens=MILLION), Decimal("1.7")),
    ],
)
def test_it_prices_what_is_known(usage: Usage, expected: Decimal | None) -> None:
    assert pricing.cost(usage, provider="openai", asked="gpt-4.1-mini") == expected


@pytest.mark.parametrize(
    "usage",
    [
        pytest.param(replace(HELLO, cached_input_tokens=MILLION + 1), id="more cached than read"),
        pytest.param(replace(HELLO, input_tokens=-1), id="negative"),
        pytest.param(replace(HELLO, input_tokens=float("nan")), id="no number"),  # type: ignore[arg-type]
    ],
)
def test_what_goes_wrong_is_logged_and_unknown(usage: Usage, caplog: pytest.LogCaptureFixture) -> None:
    assert pricing.cost(usage, provider="openai", asked="gpt-4.1-mini") is None
    (record,) = caplog.records
    assert "openai/gpt-4.1-mini" in record.getMessage()


def row(kind: str, address: str) -> CachedProvider:
    return CachedProvider(
        slug="ours", label="Ours", kind=kind, address=address, api_key="k", limits=Limits(), models=()
    )


@pytest.mark.parametrize(
    ("entered", "asked", "expected"),
    [
        pytest.param(row("openai", "https://api.openai.com/v1"), "gpt-4.1-mini", Decimal(2), id="vendor"),
        pytest.param(row("ollama", "http://127.0.0.1:9/v1"), "gpt-4.1-mini", None, id="one's own server"),
        pytest.param(row("openai", "https://models.example.org/v1"), "our-model", None, id="an unknown name"),
        pytest.param(
            row("openai-compatible", "http://127.0.0.1:9/v1"), "gpt-4.1-mini", None, id="a local server"
        ),
        pytest.param(
            row("openai-compatible", "https://api.groq.com/openai/v1"),
            "openai/gpt-oss-20b",
            Decimal("0.375"),
            id="a server that a list knows",
        ),
        pytest.param(
            row("azure", "https://us.openai.azure.com/openai/v1"), "gpt-4.1-mini", Decimal(2), id="az"
        ),
    ],
)
def test_a_provider_from_the_admin_costs_what_its_server_does(
    entered: CachedProvider, asked: str, expected: Decimal | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cache, "enabled", lambda: {entered.slug: entered})
    assert pricing.cost(HELLO, provider=entered.slug, asked=asked) == expected


@pytest.mark.parametrize(
    ("kind", "address", "asked"),
    [
        ("openai", "https://models.example.org/v1", "gpt-4.1-mini"),
        ("openai", "http://127.0.0.1:9/v1", "gpt-4.1-mini"),
        ("openai-compatible", "https://models.example.org/v1", "gpt-4.1-mini"),
        ("openai-compatible", "https://models.example.org/v1", "openai/gpt-4.1-mini"),
    ],
)
def test_a_known_model_at_another_address_costs_about_what_its_vendor_charges(
    kind: str, address: str, asked: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    entered = row(kind, address)
    monkeypatch.setattr(cache, "enabled", lambda: {entered.slug: entered})
    result = replace(StepAccumulator().result(), usage=HELLO)
    origin = Origin(wire="openai-chat", provider=entered.slug, model=asked)
    found = costs.of_call(result, origin, is_cached_for_an_hour=False)
    assert found == Cost(amount=Decimal(2), kind=CostIs.ABOUT)


def test_a_vendors_own_address_in_the_environment_has_its_exact_price(settings: Any) -> None:
    for address, is_guess in (("https://models.example.org/v1", True), ("https://api.openai.com/v1", False)):
        settings.OPENAI_BASE_URL = address
        found = pricing.price(HELLO, provider="openai", asked="gpt-4.1-mini")
        assert found == pricing.Price(Decimal(2), is_guess=is_guess)


def test_every_suggested_model_of_a_priced_provider_is_looked_for_without_a_failure(
    caplog: pytest.LogCaptureFixture,
) -> None:
    for preset in PRESETS.values():
        for model in preset.models:
            pricing.cost(HELLO, provider=preset.slug, asked=model)
    assert not caplog.records


def test_the_bill_of_a_model_adds_its_attempts() -> None:
    spending = StepUsage()
    result = replace(StepAccumulator().result(), usage=HELLO)
    for model, amount in (("one", 1), ("two", None), ("one", 2)):
        origin = Origin(wire="openai-chat", provider="p", model=model)
        cost = None if amount is None else Cost(amount=Decimal(amount))
        spending.add(origin, result, was_open=True, cost=cost)
    assert [(bill.model, bill.cost) for bill in spending.by_model] == [
        ("one", Cost(amount=Decimal(3))),
        ("two", None),
    ]
    assert spending.cost == Cost(amount=Decimal(3), kind=CostIs.AT_LEAST)


def test_the_lists_are_loaded_when_a_price_is_asked_for_and_nobody_else_is_asked() -> None:
    program = """
import socket, sys
import django
django.setup()
import project.asgi
from providers.usage import costs, pricing
from providers.types.usage import Usage
assert "genai_prices" not in sys.modules, "loaded early"
def refuse(*args): raise AssertionError("a connection")
socket.socket.connect = socket.getaddrinfo = refuse
assert pricing.cost(Usage(input_tokens=1, output_tokens=1), provider="openai", asked="gpt-4.1") is not None
"""
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=settings.BASE_DIR,
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "project.settings"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
