"""Compares a run's usage with its budget, during each step and after it. No I/O except the price list."""

from collections.abc import Callable, Sequence
from decimal import Decimal

from providers.types import Json, Origin
from providers.types.events import ModelEvent, ReasoningDelta, TextDelta, ToolCallDelta, UsageSeen
from providers.types.usage import CHARACTERS_PER_TOKEN, Usage
from providers.usage import pricing
from providers.usage.spending import ModelUsage

#: Returns the cost of a model's usage in US dollars; ``None`` if no price is known.
type Price = Callable[[Usage, Origin], Decimal | None]


def price_list(*, is_cached_for_an_hour: bool) -> Price:
    """Return the price function of a run.

    Args:
        is_cached_for_an_hour: whether cached prompts are kept for an hour, at a higher price.
    """

    def price(usage: Usage, origin: Origin) -> Decimal | None:
        return pricing.cost(
            usage, provider=origin.provider, asked=origin.model, is_cached_for_an_hour=is_cached_for_an_hour
        )

    return price


class BudgetMeter:
    """Compares a run's usage with its budget.

    The output of the current step is estimated from the length of its text until the provider reports usage.
    A budget therefore also stops an answer whose usage is reported at its end or never.
    """

    def __init__(self, budget: Json, *, before: Sequence[ModelUsage], price: Price) -> None:
        """Take the ``budget`` (``tokens``; ``cost`` in US dollars) and the usage of each earlier step."""
        self._tokens: int | None = budget.get("tokens")
        cost = budget.get("cost")
        self._cost = None if cost is None else Decimal(str(cost))
        self._price = price
        self._spent_tokens = sum(entry.usage.total_tokens or 0 for entry in before)
        self._spent_cost = _known_cost(before)
        self._characters = 0
        self._seen = Usage()
        self._origin: Origin | None = None
        #: Whether there is a budget at all.
        self.is_limited = self._tokens is not None or self._cost is not None

    def begin(self, origin: Origin) -> None:
        """Begin a step that asks the model ``origin``."""
        self._origin = origin
        self._characters, self._seen = 0, Usage()

    def observe(self, event: ModelEvent) -> None:
        """Count one event of the step."""
        match event:
            case TextDelta(text=text) | ReasoningDelta(text=text):
                self._characters += len(text)
            case ToolCallDelta(arguments=arguments):
                self._characters += len(arguments)
            case UsageSeen(usage=usage):
                self._seen = usage

    def settle(self, step: Sequence[ModelUsage]) -> None:
        """End the step, with its usage by model. Reported usage, if any, replaces the estimate."""
        reported = sum(entry.usage.total_tokens or 0 for entry in step)
        self._spent_tokens += reported or self._running.total_tokens or 0
        self._spent_cost += _known_cost(step)
        self._characters, self._seen, self._origin = 0, Usage(), None

    @property
    def is_spent(self) -> bool:
        """Whether usage has reached a limit of the budget. False without a budget."""
        running = self._running
        if self._tokens is not None and self._spent_tokens + (running.total_tokens or 0) >= self._tokens:
            return True
        if self._cost is None:
            return False
        cost = self._price(running, self._origin) if self._origin is not None else None
        return self._spent_cost + (cost or 0) >= self._cost

    @property
    def _running(self) -> Usage:
        """The usage of the current step so far, output estimated."""
        estimate = self._characters // CHARACTERS_PER_TOKEN
        return Usage(
            input_tokens=self._seen.input_tokens or 0,
            output_tokens=max(self._seen.output_tokens or 0, estimate),
        )


def _known_cost(entries: Sequence[ModelUsage]) -> Decimal:
    return sum((entry.cost.amount for entry in entries if entry.cost is not None), Decimal(0))
