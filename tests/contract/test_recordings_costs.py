"""Real answers cost what the package of the prices reads in them itself, with its own hand."""

from decimal import Decimal
from typing import Any

import pytest

from providers.usage import pricing
from tests.contract.reading import Recording
from tests.contract.test_recordings_wires import ABSENT, RECORDINGS, name_of, tell

#: Ours, theirs, and their name for what the wire's usage looks like.
VENDORS = {
    "openai-chat": ("openai-chat", "openai", "chat"),
    "openai-responses": ("openai", "openai", "responses"),
    "anthropic-messages": ("anthropic", "anthropic", "default"),
    "gemini-generate": ("gemini", "google", "default"),
}


def usage_as_sent(wire: str, raw: dict[str, Any]) -> dict[str, Any]:
    if wire != "anthropic-messages":
        return raw
    at_end = {name: count for name, count in raw.get("message_delta", {}).items() if count is not None}
    return {**raw.get("message_start", {}), **at_end}


def read_by_the_package(wire: str, raw: dict[str, Any], model: str) -> Decimal:
    from genai_prices import extract_usage

    _, vendor, flavour = VENDORS[wire]
    usage = usage_as_sent(wire, raw)
    answer = {"model": model, "usage": usage, "modelVersion": model, "usageMetadata": usage}
    extracted = extract_usage(answer, provider_id=vendor, api_flavor=flavour)
    # Searches are no tokens.
    extracted.usage.__dict__.pop("web_searches", None)
    return extracted.calc_price().total_price


@pytest.mark.parametrize("recording", RECORDINGS or [ABSENT], ids=name_of)
def test_it_costs_what_another_hand_reads(recording: Recording) -> None:
    result = tell(recording).result
    cost = None
    if result.model is not None:
        provider = VENDORS[recording.wire][0]
        cost = pricing.cost(result.usage, provider=provider, asked="unknown", served=result.model)
    if cost is not None:
        assert cost == read_by_the_package(recording.wire, result.raw_usage or {}, result.model or "")


def test_most_recordings_have_a_price() -> None:
    if not RECORDINGS:
        pytest.skip("there are no recordings beside the project")
    priced = 0
    for recording in RECORDINGS:
        result = tell(recording).result
        provider = VENDORS[recording.wire][0]
        cost = pricing.cost(result.usage, provider=provider, asked="unknown", served=result.model)
        priced += cost is not None
    assert priced > len(RECORDINGS) / 2
