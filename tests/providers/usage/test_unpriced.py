"""Why a cost is unknown, in a few words."""

import pytest
from pytest_django.fixtures import Settings

from providers.types.usage import Usage
from providers.usage import pricing, unpriced

USED = Usage(input_tokens=10, output_tokens=5)


@pytest.mark.parametrize(
    ("usage", "provider", "reason"),
    [
        (Usage(), "openai", unpriced.NOTHING_REPORTED),
        (Usage(input_tokens=1), "openai", unpriced.NO_PRICE),
        (USED, "anthropic", unpriced.NO_PRICE),
        (USED, "emulator", unpriced.NO_LIST),
        (USED, "ollama", unpriced.NO_LIST),
        (USED, "a-deleted-one", unpriced.NO_LIST),
    ],
)
def test_the_reason_names_what_is_missing(usage: Usage, provider: str, reason: str) -> None:
    assert pricing.cost(usage, provider=provider, asked="nobody-knows-this") is None
    assert unpriced.reason(usage, provider) == reason


@pytest.mark.parametrize("address", ["https://gateway.test/v1", "http://127.0.0.1:9/v1"])
def test_a_provider_at_another_address_is_named_as_such(address: str, settings: Settings) -> None:
    settings.OPENAI_BASE_URL = address
    assert pricing.cost(USED, provider="openai", asked="nobody-knows-this") is None
    assert unpriced.reason(USED, "openai") == unpriced.ELSEWHERE
