"""What an answer says about its price, and what a call costs by that or by the list."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from providers.types import Json, Origin, StepResult
from providers.types.cost import Cost, CostIs, total
from providers.types.usage import Usage, UsageSource
from providers.usage import billing, costs
from providers.usage.billing import NOTHING_SAID, Billing, Tier
from providers.wires.accumulator import StepAccumulator

MILLION = 1_000_000
#: No amounts of US dollars.
ODD: tuple[Any, ...] = (None, True, -1, "much", "NaN", float("inf"), 1e12, [])
#: Of gpt-4.1-mini: $0.40 and $1.60 for a million.
USAGE = Usage(input_tokens=MILLION, output_tokens=MILLION, source=UsageSource.REPORTED)
LISTED = Decimal(2)


def result(
    usage: Usage = USAGE, *, raw: Any = None, response: Any = None, model: str | None = None
) -> StepResult:
    empty = StepAccumulator().result()
    return replace(empty, usage=usage, raw_usage=raw, response=response or {}, model=model)


@pytest.mark.parametrize(
    ("raw", "response", "expected"),
    [
        pytest.param(None, {}, NOTHING_SAID, id="nothing"),
        pytest.param({"cost": 0.25}, {}, Billing(charged=Decimal("0.25")), id="OpenRouter"),
        pytest.param({"cost": 1e-07}, {}, Billing(charged=Decimal("1E-7")), id="a tiny amount"),
        pytest.param({"cost": "0.5"}, {}, Billing(charged=Decimal("0.5")), id="an amount as text"),
        pytest.param({"cost": 0}, {}, Billing(charged=Decimal(0)), id="a free model"),
        pytest.param(
            {"cost": 0.01, "is_byok": True, "cost_details": {"upstream_inference_cost": 0.2}},
            {},
            Billing(charged=Decimal("0.21")),
            id="a fee and the upstream's price",
        ),
        pytest.param(
            {"cost": 0.01, "is_byok": False, "cost_details": {"upstream_inference_cost": 0.2}},
            {},
            Billing(charged=Decimal("0.01")),
            id="the upstream's price is in the amount",
        ),
        pytest.param({"cost": {"total_cost": 0.75}}, {}, Billing(charged=Decimal("0.75")), id="Perplexity"),
        pytest.param(
            {"cost": 0.5, "cost_details": {"cost": 0.1}},
            {},
            Billing(charged=Decimal("0.5")),
            id="a part of it",
        ),
        pytest.param({"estimated_cost": 0.5}, {}, Billing(charged=Decimal("0.5")), id="DeepInfra"),
        *(
            pytest.param(usage, {}, Billing(charged=Decimal("0.5")), id=str(usage))
            for usage in (
                {"total_cost": "0.5"},
                {"cost": {"total": 0.5}},
                {"cost_details": {"total_cost": 0.5}},
            )
        ),
        pytest.param({"cost_in_usd_ticks": 5 * 10**9}, {}, Billing(charged=Decimal("0.5")), id="xAI"),
        *(pytest.param({"cost": odd}, {}, NOTHING_SAID, id=f"no amount: {odd!r}") for odd in ODD),
        pytest.param({}, {"service_tier": "flex"}, Billing(tier=Tier.FLEX), id="OpenAI's flex"),
        pytest.param({}, {"service_tier": "default"}, NOTHING_SAID, id="OpenAI's default"),
        pytest.param({}, {"service_tier": "priority"}, Billing(tier=Tier.PRIORITY), id="OpenAI's priority"),
        pytest.param({"trafficType": "ON_DEMAND_FLEX"}, {}, Billing(tier=Tier.FLEX), id="Vertex's flex"),
        pytest.param({"trafficType": "ON_DEMAND"}, {}, NOTHING_SAID, id="Vertex's default"),
        pytest.param({"service_tier": ["flex"]}, {"service_tier": 3}, NOTHING_SAID, id="no word"),
        pytest.param(
            {
                "message_start": {
                    "service_tier": "batch",
                    "cache_creation": {"ephemeral_1h_input_tokens": 70, "ephemeral_5m_input_tokens": 5},
                },
                "message_delta": {"output_tokens": 3},
            },
            {},
            Billing(tier=Tier.BATCH, long_cache_writes=70),
            id="Anthropic's first event",
        ),
    ],
)
def test_it_finds_what_an_answer_says_about_its_price(raw: Any, response: Any, expected: Billing) -> None:
    assert billing.of_result(result(raw=raw, response=response)) == expected


def cost(
    call: StepResult, *, provider: str = "openai", model: str = "gpt-4.1-mini", for_an_hour: bool = False
) -> Cost | None:
    origin = Origin(wire="openai-chat", provider=provider, model=model)
    return costs.of_call(call, origin, is_cached_for_an_hour=for_an_hour)


@pytest.mark.parametrize(
    ("call", "amount", "kind"),
    [
        pytest.param(result(), LISTED, CostIs.EXACT, id="all reported"),
        pytest.param(
            result(replace(USAGE, source=UsageSource.ESTIMATED)), LISTED, CostIs.ABOUT, id="an estimate"
        ),
        pytest.param(
            result(replace(USAGE, source=UsageSource.PARTIAL)), LISTED, CostIs.AT_LEAST, id="a running count"
        ),
        pytest.param(result(replace(USAGE, output_tokens=None)), "0.4", CostIs.AT_LEAST, id="no output"),
        pytest.param(result(replace(USAGE, input_tokens=None)), "1.6", CostIs.AT_LEAST, id="no input"),
        pytest.param(result(raw={"cost": 0.3}), "0.3", CostIs.EXACT, id="what was charged"),
        pytest.param(
            result(replace(USAGE, source=UsageSource.PARTIAL), raw={"cost": 0.3}),
            "0.3",
            CostIs.AT_LEAST,
            id="charged so far",
        ),
        pytest.param(
            result(replace(USAGE, source=UsageSource.ESTIMATED), raw={"cost": 0.3}),
            LISTED,
            CostIs.ABOUT,
            id="charged before more was said",
        ),
        pytest.param(result(response={"service_tier": "flex"}), LISTED / 2, CostIs.EXACT, id="flex"),
        pytest.param(
            result(response={"service_tier": "priority"}),
            LISTED * Decimal("1.75"),
            CostIs.ABOUT,
            id="priority",
        ),
    ],
)
def test_a_call_costs_what_is_known_and_says_how_exact_that_is(
    call: StepResult, amount: Decimal | str, kind: CostIs
) -> None:
    assert cost(call) == Cost(amount=Decimal(amount), kind=kind)


def test_what_was_charged_needs_no_price_list() -> None:
    assert cost(result(raw={"cost": 0.3}), provider="emulator") == Cost(amount=Decimal("0.3"))
    assert cost(result(), provider="emulator") is None
    assert cost(result(Usage())) is None


@pytest.mark.parametrize(
    ("split", "for_an_hour", "amount"),
    [
        pytest.param(None, False, "1.25", id="five minutes"),
        pytest.param(None, True, "2", id="an hour, as it was asked for"),
        pytest.param(0, True, "1.25", id="five minutes, whatever was asked for"),
        pytest.param(MILLION, False, "2", id="an hour, whatever was asked for"),
        pytest.param(MILLION // 2, True, "1.625", id="both"),
        pytest.param(3 * MILLION, False, "2", id="more than was written"),
    ],
)
def test_what_is_kept_for_an_hour_is_what_the_answer_says(
    split: int | None, for_an_hour: bool, amount: str
) -> None:
    usage = Usage(
        input_tokens=MILLION,
        cache_write_input_tokens=MILLION,
        output_tokens=0,
        source=UsageSource.REPORTED,
    )
    raw = {} if split is None else {"message_start": {"cache_creation": {"ephemeral_1h_input_tokens": split}}}
    call = result(usage, raw=raw)
    known = cost(call, provider="anthropic", model="claude-haiku-4-5", for_an_hour=for_an_hour)
    assert known == Cost(amount=Decimal(amount))


EXACT, ABOUT, AT_LEAST = (
    Cost(amount=Decimal(1), kind=kind) for kind in (CostIs.EXACT, CostIs.ABOUT, CostIs.AT_LEAST)
)


@pytest.mark.parametrize(
    ("parts", "amount", "kind"),
    [
        ([EXACT, EXACT], 2, CostIs.EXACT),
        ([EXACT, ABOUT], 2, CostIs.ABOUT),
        ([ABOUT, AT_LEAST], 2, CostIs.AT_LEAST),
        ([EXACT, None], 1, CostIs.AT_LEAST),
    ],
)
def test_a_sum_is_as_exact_as_its_worst_part(parts: list[Cost | None], amount: int, kind: CostIs) -> None:
    assert total(parts) == Cost(amount=Decimal(amount), kind=kind)


def test_nothing_known_is_no_sum() -> None:
    assert total([None, None]) is total([]) is None


def iteration(kind: str, **counts: Any) -> Json:
    return {"type": kind, "input_tokens": MILLION, "output_tokens": MILLION, **counts}


MESSAGE, COMPACTION = iteration("message"), iteration("compaction")


@pytest.mark.parametrize(
    ("iterations", "amount", "kind"),
    [
        pytest.param([MESSAGE], LISTED, CostIs.EXACT, id="the totals are the answer's"),
        pytest.param([MESSAGE, MESSAGE], LISTED, CostIs.EXACT, id="the totals are the sum of both"),
        pytest.param([COMPACTION, MESSAGE], LISTED * 2, CostIs.EXACT, id="a compaction"),
        pytest.param(
            [iteration("compaction", cache_read_input_tokens=MILLION), MESSAGE],
            LISTED * 2 + Decimal("0.1"),
            CostIs.EXACT,
            id="a compaction of what was cached",
        ),
        pytest.param(
            [MESSAGE, iteration("advisor_message", model="gpt-4.1")],
            LISTED + 10,
            CostIs.EXACT,
            id="advice of another model",
        ),
        pytest.param(
            [MESSAGE, iteration("advisor_message", model="a model of tomorrow")],
            LISTED,
            CostIs.AT_LEAST,
            id="advice of an unknown model",
        ),
        pytest.param(["odd", None], LISTED, CostIs.EXACT, id="no iterations"),
    ],
)
@pytest.mark.parametrize("place", ["flat", "message_delta"])
def test_what_the_totals_leave_out_is_billed_once(
    iterations: list[Any], amount: Decimal, kind: CostIs, place: str
) -> None:
    usage: Json = {"input_tokens": MILLION, "output_tokens": MILLION, "iterations": iterations}
    raw = usage if place == "flat" else {"message_start": {"input_tokens": 1}, "message_delta": usage}
    assert cost(result(raw=raw)) == Cost(amount=amount, kind=kind)
