"""What a run has used so far and may use: its bills, its budget, and what its end says of them."""

from decimal import Decimal
from functools import partial

from providers.types import Origin, StepResult
from providers.types.usage import Usage
from providers.usage import pricing
from providers.usage.spending import ModelUsage, StepUsage
from runs.engine.endings import SegmentUsage
from runs.engine.spec import RunSpec
from runs.engine.step import RunningStep
from runs.store.transitions import UsageTotals
from runs.usage.ledger import Ledger, Meter


class Books:
    """The books of one segment; those of the segments before it are carried over."""

    def __init__(self, assignment: RunSpec) -> None:
        before = assignment.paused.bills if assignment.paused else ()
        self._ledger = Ledger(before)
        price = partial(_price, keeps_long=assignment.options.cache == "long")
        self.meter = Meter(assignment.budget, before=before, price=price)

    def add(self, spending: StepUsage) -> None:
        """Add what a step has used."""
        self._ledger.add(spending)

    @property
    def is_spent(self) -> bool:
        """Whether there is a budget, and nothing is left of it."""
        return self.meter.is_limited and self.meter.is_spent

    @property
    def used(self) -> UsageTotals:
        """What the run has used, earlier segments included."""
        return UsageTotals(usage=self._ledger.usage, cost=self._ledger.cost)

    def account(self, result: StepResult | None, step: RunningStep | None) -> SegmentUsage:
        """Return what was said and used; who was asked in vain by ``step`` is named without a count."""
        bills = self._ledger.bills
        if not bills and result is not None and step is not None:
            origin = step.attempts.target.origin
            bills = (ModelUsage(provider=origin.provider, model=result.model or origin.model, usage=Usage()),)
        return SegmentUsage(result=result, bills=bills, used=self.used)


def _price(usage: Usage, whom: Origin, *, keeps_long: bool) -> Decimal | None:
    return pricing.cost(usage, provider=whom.provider, asked=whom.model, keeps_long=keeps_long)
