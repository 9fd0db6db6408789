"""What a run has used, and whether its budget is spent."""

from decimal import Decimal
from typing import Any

import pytest

from providers.types import Origin
from providers.types.cost import Cost, CostIs
from providers.types.events import ModelEvent, ReasoningDelta, TextDelta, ToolCallDelta, UsageSeen
from providers.types.usage import Usage
from providers.usage.spending import ModelUsage, StepUsage
from runs.usage.budget import BudgetMeter
from runs.usage.run_usage import RunUsage

WHOM = Origin(wire="w", provider="p", model="m")


def money(amount: str | None, kind: CostIs = CostIs.EXACT) -> Cost | None:
    return None if amount is None else Cost(amount=Decimal(amount), kind=kind)


def bill(tokens: int | None, cost: str | None = None) -> ModelUsage:
    usage = Usage() if tokens is None else Usage(input_tokens=tokens, output_tokens=0)
    return ModelUsage(provider="p", model="m", usage=usage, cost=money(cost))


def meter(budget: dict[str, Any], *before: ModelUsage) -> BudgetMeter:
    def price(usage: Usage, whom: Origin) -> Decimal | None:
        assert whom == WHOM
        return Decimal(usage.total_tokens or 0) / 1000

    it = BudgetMeter(budget, before=before, price=price)
    it.begin(WHOM)
    return it


@pytest.mark.parametrize(
    ("heard", "is_spent"),
    [
        ([], False),
        ([TextDelta("x" * 396)], False),
        ([TextDelta("x" * 400)], True),
        ([TextDelta("x" * 200), ReasoningDelta("x" * 200)], True),
        ([ToolCallDelta("id", "x" * 400)], True),
        ([UsageSeen(Usage(input_tokens=90)), TextDelta("x" * 40)], True),
        ([UsageSeen(Usage(input_tokens=90)), UsageSeen(Usage(input_tokens=20))], False),
        ([UsageSeen(Usage(input_tokens=60, output_tokens=40))], True),
    ],
)
def test_a_budget_of_tokens_holds_while_the_model_speaks(heard: list[ModelEvent], is_spent: bool) -> None:
    it = meter({"tokens": 100})
    for event in heard:
        it.observe(event)
    assert it.is_spent is is_spent


def test_what_is_reported_takes_the_place_of_what_was_estimated() -> None:
    it = meter({"tokens": 100})
    it.observe(TextDelta("x" * 380))
    it.settle([bill(10)])
    assert not it.is_spent
    it.settle([bill(90)])
    assert it.is_spent


def test_what_nobody_reports_is_estimated() -> None:
    it = meter({"tokens": 100})
    it.observe(TextDelta("x" * 400))
    it.settle([bill(None)])
    assert it.is_spent


def test_what_was_used_before_a_pause_counts() -> None:
    assert meter({"tokens": 100}, bill(60), bill(40)).is_spent
    assert not meter({"tokens": 100}, bill(60), bill(39)).is_spent
    assert meter({"cost": 1.5}, bill(1, "1.0"), bill(1, "0.5")).is_spent


def test_a_budget_of_money_holds_while_the_model_speaks() -> None:
    it = meter({"cost": 0.1})
    it.observe(UsageSeen(Usage(input_tokens=99)))
    assert not it.is_spent
    it.observe(TextDelta("xxxx"))
    assert it.is_spent


def test_without_a_budget_nothing_is_limited() -> None:
    it = meter({})
    it.observe(TextDelta("x" * 4_000))
    assert not it.is_limited
    assert not it.is_spent


def test_a_run_has_used_what_all_its_segments_have() -> None:
    run = RunUsage([bill(5, "0.5"), bill(7, "0.7")])
    assert (run.totals.usage.input_tokens, run.totals.cost, run.by_model) == (12, money("1.2"), ())
    step = StepUsage()
    step._attempts.append(bill(3, "0.3"))
    run.add(step)
    assert (run.totals.usage.input_tokens, run.totals.cost) == (15, money("1.5"))
    assert [each.usage.input_tokens for each in run.by_model] == [3]


def test_an_unknown_cost_makes_the_whole_a_lower_bound() -> None:
    assert RunUsage([bill(5, "0.5"), bill(7)]).totals.cost == money("0.5", CostIs.AT_LEAST)
    assert RunUsage([bill(7)]).totals.cost is None
    assert RunUsage([]).totals.cost is None
    assert RunUsage([]).totals.usage == Usage()
