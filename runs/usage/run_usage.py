"""Sums up a run's usage: by model for the current segment, and in total for all segments. No I/O."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from providers.types.cost import Cost, total
from providers.types.usage import Usage, add
from providers.usage.spending import ModelUsage, StepUsage
from runs.models.fields import usage_columns


@dataclass(frozen=True, kw_only=True, slots=True)
class UsageTotals:
    """The total usage of a run, earlier segments included."""

    usage: Usage = field(default_factory=Usage)
    #: ``None`` if the cost of no part is known.
    cost: Cost | None = None

    @property
    def columns(self) -> dict[str, Any]:
        """The columns of the run's row, as keyword arguments of an UPDATE."""
        return usage_columns(self.usage, self.cost)


class RunUsage:
    """Sums up the usage of one run. ``before`` is the usage of each step of earlier segments."""

    def __init__(self, before: Sequence[ModelUsage]) -> None:
        self._before = tuple(before)
        self._segment = StepUsage()

    def add(self, step: StepUsage) -> None:
        """Add the usage of one step."""
        self._segment.include(step)

    @property
    def by_model(self) -> tuple[ModelUsage, ...]:
        """One entry for each model that was asked in this segment."""
        return self._segment.by_model

    @property
    def totals(self) -> UsageTotals:
        """The run's total usage."""
        entries = (*self._before, *self.by_model)
        return UsageTotals(
            usage=add(*(entry.usage for entry in entries)), cost=total(entry.cost for entry in entries)
        )
