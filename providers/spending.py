"""What the attempts of one step have used, told apart by who was asked. Pure."""

from dataclasses import dataclass

from providers.types import Origin, StepResult
from providers.usage import Usage, add


@dataclass(frozen=True, kw_only=True, slots=True)
class Bill:
    """What one model has used."""

    provider: str
    #: As the provider names what answered, else as it was asked for.
    model: str
    usage: Usage


class Spending:
    """The bills of one step's attempts."""

    def __init__(self) -> None:
        self._bills: list[Bill] = []

    def add(self, origin: Origin, result: StepResult, *, was_open: bool) -> None:
        """Take an attempt. One that the provider refused without counting anything has used nothing."""
        if was_open or not result.usage.is_unknown:
            model = result.model or origin.model
            self._bills.append(Bill(provider=origin.provider, model=model, usage=result.usage))

    def include(self, other: "Spending") -> None:
        """Take all bills of another step."""
        self._bills.extend(other._bills)

    @property
    def total(self) -> Usage:
        """What all of them have used together."""
        return add(*(bill.usage for bill in self._bills))

    @property
    def bills(self) -> tuple[Bill, ...]:
        """One bill for each model, in the order in which they were asked."""
        usages: dict[tuple[str, str], list[Usage]] = {}
        for bill in self._bills:
            usages.setdefault((bill.provider, bill.model), []).append(bill.usage)
        return tuple(
            Bill(provider=provider, model=model, usage=add(*parts))
            for (provider, model), parts in usages.items()
        )
