"""What the attempts of one step have used, told apart by who was asked. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from providers.types import Origin, StepResult
from providers.types.usage import Usage, add


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelUsage:
    """What one model has used."""

    provider: str
    #: As the provider names what answered, else as it was asked for.
    model: str
    usage: Usage
    #: In US dollars; ``None`` when nobody knows.
    cost: Decimal | None = None


def cost_of(bills: Iterable[ModelUsage]) -> Decimal | None:
    """Return what ``bills`` come to in US dollars; ``None`` when the cost of one is unknown, or there is none."""
    costs = [bill.cost for bill in bills]
    known = [cost for cost in costs if cost is not None]
    return sum(known, start=Decimal(0)) if known and len(known) == len(costs) else None


class StepUsage:
    """The bills of one step's attempts."""

    def __init__(self) -> None:
        self._bills: list[ModelUsage] = []

    def add(self, origin: Origin, result: StepResult, *, was_open: bool, cost: Decimal | None = None) -> None:
        """Take an attempt. One that the provider refused without counting anything has used nothing."""
        if was_open or not result.usage.is_unknown:
            model = result.model or origin.model
            self._bills.append(
                ModelUsage(provider=origin.provider, model=model, usage=result.usage, cost=cost)
            )

    def include(self, other: "StepUsage") -> None:
        """Take all bills of another step."""
        self._bills.extend(other._bills)

    @property
    def total(self) -> Usage:
        """What all of them have used together."""
        return add(*(bill.usage for bill in self._bills))

    @property
    def cost(self) -> Decimal | None:
        """What all of them have cost together, in US dollars; ``None`` when that of one is unknown."""
        return cost_of(self._bills)

    @property
    def bills(self) -> tuple[ModelUsage, ...]:
        """One bill for each model, in the order in which they were asked."""
        groups: dict[tuple[str, str], list[ModelUsage]] = {}
        for bill in self._bills:
            groups.setdefault((bill.provider, bill.model), []).append(bill)
        return tuple(
            ModelUsage(
                provider=provider,
                model=model,
                usage=add(*(bill.usage for bill in parts)),
                cost=cost_of(parts),
            )
            for (provider, model), parts in groups.items()
        )
