"""What a run has used: by whom it was asked in this segment, and in all. And what it may use. Pure."""

from collections.abc import Callable, Sequence
from decimal import Decimal

from providers.events import ModelEvent, ReasoningDelta, TextDelta, ToolCallDelta, UsageSeen
from providers.spending import Bill, Spending
from providers.types import Json
from providers.usage import CHARACTERS_PER_TOKEN, Usage, add

#: Tells what a bill costs in US dollars; ``None`` when that is not known.
type Price = Callable[[Bill], Decimal | None]


class Ledger:
    """The usage of a run. ``before`` is that of earlier segments, ``None`` when there were none."""

    def __init__(self, before: Usage | None) -> None:
        self._before = before
        self._spending = Spending()

    def add(self, spending: Spending) -> None:
        """Take what a step has used."""
        self._spending.include(spending)

    @property
    def bills(self) -> tuple[Bill, ...]:
        """One bill for each model that was asked in this segment."""
        return self._spending.bills

    @property
    def usage(self) -> Usage:
        """What the run has used in all."""
        segment = self._spending.total if self.bills else None
        known = [usage for usage in (self._before, segment) if usage is not None]
        return add(*known)


class Meter:
    """A run's budget: watched while it streams, and settled after each step.

    What nobody reports is estimated from the length of what was said, so that a budget holds there as well.
    """

    def __init__(self, budget: Json, *, spent: Usage | None, bills: Sequence[Bill], price: Price) -> None:
        """Take the ``budget`` (``tokens``, ``cost`` in US dollars), and what was spent before."""
        self._tokens: int | None = budget.get("tokens")
        cost = budget.get("cost")
        self._cost = None if cost is None else Decimal(str(cost))
        self._price = price
        self._spent_tokens = (spent.total_tokens if spent else 0) or 0
        self._spent_cost = sum((price(bill) or Decimal(0) for bill in bills), Decimal(0))
        self._characters = 0
        self._seen: Usage | None = None
        self._whom = ("", "")

    @property
    def is_limited(self) -> bool:
        """Whether there is a budget at all."""
        return self._tokens is not None or self._cost is not None

    def begin(self, provider: str, model: str) -> None:
        """Begin a step that asks ``model``."""
        self._whom = (provider, model)
        self._characters, self._seen = 0, None

    def hear(self, event: ModelEvent) -> None:
        """Take what the model says."""
        match event:
            case TextDelta(text=text) | ReasoningDelta(text=text):
                self._characters += len(text)
            case ToolCallDelta(arguments=arguments):
                self._characters += len(arguments)
            case UsageSeen(usage=usage):
                self._seen = usage

    def settle(self, bills: Sequence[Bill]) -> None:
        """End the step: its ``bills`` take the place of what was estimated."""
        used = add(*(bill.usage for bill in bills))
        self._spent_tokens += max(used.total_tokens or 0, 0) or self._running.total_tokens or 0
        self._spent_cost += sum((self._price(bill) or Decimal(0) for bill in bills), Decimal(0))
        self._characters, self._seen = 0, None

    @property
    def is_spent(self) -> bool:
        """Whether nothing is left."""
        running = self._running
        if self._tokens is not None and self._spent_tokens + (running.total_tokens or 0) >= self._tokens:
            return True
        if self._cost is None:
            return False
        provider, model = self._whom
        cost = self._price(Bill(provider=provider, model=model, usage=running)) or Decimal(0)
        return self._spent_cost + cost >= self._cost

    @property
    def _running(self) -> Usage:
        """What the step under way has used so far, as far as can be told."""
        seen = self._seen or Usage()
        said = self._characters // CHARACTERS_PER_TOKEN
        return Usage(input_tokens=seen.input_tokens or 0, output_tokens=max(seen.output_tokens or 0, said))
