"""The cost of calls in US dollars, and how exact it is. Frozen data only."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum


class CostIs(StrEnum):
    """How exact a cost is."""

    #: The price of counts that the provider reported, or what it says that it charged.
    EXACT = "exact"
    #: A part of the counts, or the price, is an estimate.
    ABOUT = "about"
    #: A part is unknown and not in the amount.
    AT_LEAST = "at_least"


@dataclass(frozen=True, kw_only=True, slots=True)
class Cost:
    """An amount of US dollars."""

    amount: Decimal
    kind: CostIs = CostIs.EXACT


#: From the least to the most exact: a sum is as exact as its worst part.
_EXACTNESS = (CostIs.AT_LEAST, CostIs.ABOUT, CostIs.EXACT)


def total(costs: Iterable[Cost | None]) -> Cost | None:
    """Return the sum; ``None`` if no cost is known. A cost that is unknown makes the sum a lower bound."""
    costs = list(costs)
    known = [cost for cost in costs if cost is not None]
    if not known:
        return None
    kind = min((cost.kind for cost in known), key=_EXACTNESS.index)
    return Cost(
        amount=sum((cost.amount for cost in known), start=Decimal(0)),
        kind=kind if len(known) == len(costs) else CostIs.AT_LEAST,
    )
