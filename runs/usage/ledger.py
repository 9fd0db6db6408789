"""What a run has used: by whom it was asked in this segment, and in all. And what it may use. Pure."""

from collections.abc import Callable, Sequence
from decimal import Decimal

from providers.types import Json, Origin
from providers.types.events import ModelEvent, ReasoningDelta, TextDelta, ToolCallDelta, UsageSeen
from providers.types.usage import CHARACTERS_PER_TOKEN, Usage, add
from providers.usage.spending import ModelUsage, StepUsage, cost_of

#: Tells what a usage of a model costs in US dollars; ``None`` when that is not known.
type Price = Callable[[Usage, Origin], Decimal | None]


class Ledger:
    """What a run has used. ``before`` are the bills of earlier segments: one for each step."""

    def __init__(self, before: Sequence[ModelUsage]) -> None:
        self._before = tuple(before)
        self._spending = StepUsage()

    def add(self, spending: StepUsage) -> None:
        """Take what a step has used."""
        self._spending.include(spending)

    @property
    def bills(self) -> tuple[ModelUsage, ...]:
        """One bill for each model that was asked in this segment."""
        return self._spending.bills

    @property
    def usage(self) -> Usage:
        """What the run has used in all."""
        return add(*(bill.usage for bill in (*self._before, *self.bills)))

    @property
    def cost(self) -> Decimal | None:
        """What the run has cost in all, in US dollars; ``None`` when that of a part of it is unknown."""
        return cost_of((*self._before, *self.bills))


class Meter:
    """A run's budget: watched while it streams, and settled after each step.

    What nobody reports is estimated from the length of what was said, so that a budget holds there as well.
    """

    def __init__(self, budget: Json, *, before: Sequence[ModelUsage], price: Price) -> None:
        """Take the ``budget`` (``tokens``, ``cost`` in US dollars), and the bills of earlier segments."""
        self._tokens: int | None = budget.get("tokens")
        cost = budget.get("cost")
        self._cost = None if cost is None else Decimal(str(cost))
        self._price = price
        self._spent_tokens = sum(bill.usage.total_tokens or 0 for bill in before)
        self._spent_cost = _sum(before)
        self._characters = 0
        self._seen = Usage()
        self._whom: Origin | None = None
        #: Whether there is a budget at all.
        self.is_limited = self._tokens is not None or self._cost is not None

    def begin(self, whom: Origin) -> None:
        """Begin a step that asks ``whom``."""
        self._whom = whom
        self._characters, self._seen = 0, Usage()

    def hear(self, event: ModelEvent) -> None:
        """Take what the model says."""
        match event:
            case TextDelta(text=text) | ReasoningDelta(text=text):
                self._characters += len(text)
            case ToolCallDelta(arguments=arguments):
                self._characters += len(arguments)
            case UsageSeen(usage=usage):
                self._seen = usage

    def settle(self, bills: Sequence[ModelUsage]) -> None:
        """End the step: its ``bills`` take the place of what was estimated, as far as they say anything."""
        reported = sum(bill.usage.total_tokens or 0 for bill in bills)
        self._spent_tokens += reported or self._running.total_tokens or 0
        self._spent_cost += _sum(bills)
        self._characters, self._seen, self._whom = 0, Usage(), None

    @property
    def is_spent(self) -> bool:
        """Whether nothing is left."""
        running = self._running
        if self._tokens is not None and self._spent_tokens + (running.total_tokens or 0) >= self._tokens:
            return True
        if self._cost is None:
            return False
        cost = self._price(running, self._whom) if self._whom is not None else None
        return self._spent_cost + (cost or 0) >= self._cost

    @property
    def _running(self) -> Usage:
        """What the step under way has used so far, as far as can be told."""
        said = self._characters // CHARACTERS_PER_TOKEN
        return Usage(
            input_tokens=self._seen.input_tokens or 0,
            output_tokens=max(self._seen.output_tokens or 0, said),
        )


def _sum(bills: Sequence[ModelUsage]) -> Decimal:
    return sum((bill.cost for bill in bills if bill.cost is not None), Decimal(0))
