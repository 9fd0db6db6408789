"""What a user may still spend in 24 hours: tokens and US dollars of all their runs together."""

from datetime import timedelta
from decimal import Decimal

from django.db.models import Min, Sum
from django.utils import timezone

from providers.types import Json
from runs.errors import RateLimited
from runs.limits import Ceilings
from runs.models import Run

#: The time that is looked back.
DAY = timedelta(hours=24)


def is_limited(ceilings: Ceilings) -> bool:
    """Return whether there is a ceiling at all. Without one nothing has to be read."""
    return bool(ceilings.tokens_per_day or ceilings.cost_per_day)


def left(owner_id: int, ceilings: Ceilings) -> Json:
    """Return what is left of the ceilings, as a budget. Reads the database.

    Runs that have not ended count with what was stored of them so far.

    Raises:
        RateLimited: nothing is left; ``retry_after`` says when the oldest run is a day old.
    """
    now = timezone.now()
    used = Run.objects.filter(owner_id=owner_id, created_at__gt=now - DAY).aggregate(
        input=Sum("input_tokens"), output=Sum("output_tokens"), cost=Sum("cost"), oldest=Min("created_at")
    )
    found: Json = {}
    if ceilings.tokens_per_day:
        found["tokens"] = ceilings.tokens_per_day - (used["input"] or 0) - (used["output"] or 0)
    if ceilings.cost_per_day:
        found["cost"] = float(Decimal(str(ceilings.cost_per_day)) - (used["cost"] or 0))
    for name, value in found.items():
        if value <= 0:
            raise RateLimited(
                f"Your runs have used the {_words(name, ceilings)} that you may use in 24 hours. Wait, or ask an "
                "admin for a higher limit.",
                limit=f"{name}_per_day",
                retry_after=max(1.0, (used["oldest"] + DAY - now).total_seconds()),
            )
    return found


def least(budget: Json, allowance: Json) -> Json:
    """Return a budget that exceeds neither of two."""
    return {name: min(value, budget.get(name, value)) for name, value in {**budget, **allowance}.items()}


def _words(name: str, ceilings: Ceilings) -> str:
    if name == "tokens":
        return f"{ceilings.tokens_per_day:,} tokens"
    return f"${ceilings.cost_per_day:,.2f}"
