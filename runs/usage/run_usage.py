"""What a run has used: by model in this segment, and in all. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from providers.types.usage import Usage, add
from providers.usage.spending import ModelUsage, StepUsage, cost_of
from runs.models.fields import usage_columns


@dataclass(frozen=True, kw_only=True, slots=True)
class UsageTotals:
    """What a run has used in all, earlier segments included."""

    usage: Usage = field(default_factory=Usage)
    #: In US dollars; ``None`` when it is not known.
    cost: Decimal | None = None

    @property
    def columns(self) -> dict[str, Any]:
        """The values as keyword arguments of an UPDATE."""
        return {**usage_columns(self.usage), "cost": self.cost}


class RunUsage:
    """Adds up what a run uses. ``before`` holds the usage of the steps of earlier segments."""

    def __init__(self, before: Sequence[ModelUsage]) -> None:
        self._before = tuple(before)
        self._segment = StepUsage()

    def add(self, step: StepUsage) -> None:
        """Add what a step has used."""
        self._segment.include(step)

    @property
    def by_model(self) -> tuple[ModelUsage, ...]:
        """One entry for each model that was asked in this segment."""
        return self._segment.by_model

    @property
    def totals(self) -> UsageTotals:
        """What the run has used in all; its cost is ``None`` when a part of it is unknown."""
        entries = (*self._before, *self.by_model)
        return UsageTotals(usage=add(*(entry.usage for entry in entries)), cost=cost_of(entries))
