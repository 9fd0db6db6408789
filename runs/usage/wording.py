"""Writes counts and costs for people. An unknown value is shown as a dash, never as 0."""

from decimal import Decimal

from providers.types.cost import CostIs

UNKNOWN = "–"
#: Keeps a number and its sign or unit on one line.
BLANK = "\N{NO-BREAK SPACE}"


def count(value: int | None) -> str:
    """Return ``value`` with a comma between thousands."""
    return UNKNOWN if value is None else f"{value:,}"


def tokens(value: int | None, estimated: int | None) -> str:
    """Return a token count, marked with ≈ if a part of it is ``estimated``."""
    return f"≈{BLANK}{count(value)}" if value is not None and estimated is not None else count(value)


#: What stands before a cost, by how exact it is.
_COST_MARKS: dict[str, str] = {CostIs.AT_LEAST: f"≥{BLANK}", CostIs.ABOUT: f"≈{BLANK}"}


def dollars(value: Decimal | None, kind: str) -> str:
    """Return a cost in US dollars; ``kind`` is a ``CostIs``, whose mark stands before the amount."""
    if value is None:
        return UNKNOWN
    # Six decimals, because most calls cost less than a cent.
    amount = f"${value:,.6f}".rstrip("0").rstrip(".")
    return _COST_MARKS.get(kind, "") + amount
