"""How often a budget is priced while a model speaks: once for each commit, however many tokens it holds."""

from typing import Any
from uuid import uuid4

import pytest

from providers.types import Origin
from providers.types.events import TextDelta
from runs.engine.sink import StepSink
from runs.log.journal import Journal
from runs.log.run_log import RunLog
from runs.usage.budget import BudgetMeter

ORIGIN = Origin(wire="w", provider="p", model="m")


class Quiet(Journal):
    """A journal whose commits a test makes itself."""

    def _start(self) -> None:
        """Begin nothing."""


def begin(budget: dict[str, Any], priced: list[int]) -> tuple[StepSink, RunLog, list[str]]:
    """Return a sink, its log and a list that grows when the budget is spent."""
    journal = Quiet(interval=1.0, on_commit=lambda _: None)
    log = journal.open(uuid4(), fence=0, last_seq=0)
    spent: list[str] = []
    meter = BudgetMeter(budget, before=[], price=lambda usage, _: priced.append(usage.output_tokens or 0))
    meter.begin(ORIGIN)
    sink = StepSink(
        journal, log, "step 1", uuid4(), owner_id=1, budget=meter, on_spent=lambda: spent.append("spent")
    )
    return sink, log, spent


async def test_it_is_priced_with_the_commit_and_not_with_the_event() -> None:
    priced: list[int] = []
    sink, log, _ = begin({"cost": 5}, priced)
    for _ in range(1_000):
        sink.write(TextDelta("word "))
    assert priced == []
    assert log.before_commit is not None
    log.before_commit()
    assert priced == [1_250]
    sink.close()
    assert log.before_commit is None


async def test_a_commit_finds_out_that_it_is_spent() -> None:
    sink, log, spent = begin({"tokens": 10}, [])
    sink.write(TextDelta("x" * 36))
    assert log.before_commit is not None
    log.before_commit()
    assert spent == []
    sink.write(TextDelta("x" * 4))
    log.before_commit()
    assert spent == ["spent"]


@pytest.mark.parametrize("budget", [{}])
async def test_without_a_budget_nothing_is_asked(budget: dict[str, Any]) -> None:
    _, log, _ = begin(budget, [])
    assert log.before_commit is None
