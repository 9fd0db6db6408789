"""What an answer says about its price: the amount charged, the service tier, how long the cache is kept. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import Any

from providers.types import StepResult
from providers.types.usage import count_in


class Tier(StrEnum):
    """The service tier that processed a call."""

    STANDARD = "standard"
    #: Slower and cheaper.
    FLEX = "flex"
    #: Much later, at the price of flex.
    BATCH = "batch"
    #: Faster and dearer.
    PRIORITY = "priority"


@dataclass(frozen=True, kw_only=True, slots=True)
class Billing:
    """What an answer says about its price."""

    #: US dollars that the provider says it charged; ``None`` if it does not say.
    charged: Decimal | None = None
    tier: Tier = Tier.STANDARD
    #: Tokens that were written to a cache that is kept for an hour; ``None`` if that is not reported.
    long_cache_writes: int | None = None


#: Of an answer that says nothing about it.
NOTHING_SAID = Billing()

#: Providers' words for a tier; Vertex says ``ON_DEMAND_FLEX``. Others are the standard tier.
_TIERS = {"flex": Tier.FLEX, "batch": Tier.BATCH, "priority": Tier.PRIORITY}

#: Where usage objects say what was charged in US dollars: OpenRouter and Requesty, DeepInfra, LLM Gateway,
#: and Perplexity, which splits it.
_CHARGED = (("cost",), ("estimated_cost",), ("cost_usd_total",), ("cost", "total_cost"))

#: xAI counts in ten-billionths of a US dollar.
_TICKS = Decimal(10) ** 10

#: Nobody charges that much for one call: a server counts in something else then.
_MOST_CHARGED = Decimal(100_000)


def of_result(result: StepResult) -> Billing:
    """Return what ``result`` says about its price."""
    usages = list(_usage_objects(result.raw_usage))
    return Billing(
        charged=_first(map(_charged, usages)),
        tier=_first(map(_tier, (*usages, result.response))) or Tier.STANDARD,
        long_cache_writes=_first(
            count_in(usage, "cache_creation", "ephemeral_1h_input_tokens") for usage in usages
        ),
    )


def _usage_objects(raw: Mapping[str, Any] | None) -> Iterable[Mapping[str, Any]]:
    """Yield the usage objects in ``raw``, the newest first: a wire may keep those of several events."""
    if raw is not None:
        yield from reversed([value for value in raw.values() if isinstance(value, Mapping)])
        yield raw


def _first[T](values: Iterable[T | None]) -> T | None:
    return next((value for value in values if value is not None), None)


def _charged(usage: Mapping[str, Any]) -> Decimal | None:
    amount = _first(_amount(usage, *path) for path in _CHARGED)
    if amount is not None and usage.get("is_byok"):
        # With a key of one's own, OpenRouter charges its fee, and the provider behind it the rest.
        amount += _amount(usage, "cost_details", "upstream_inference_cost") or 0
    if amount is None and (ticks := count_in(usage, "cost_in_usd_ticks")) is not None:
        amount = ticks / _TICKS
    return amount


def _amount(value: Any, *path: str) -> Decimal | None:
    for name in path:
        value = value.get(name) if isinstance(value, Mapping) else None
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        amount = Decimal(str(value))
    except InvalidOperation:
        return None
    return amount if amount.is_finite() and 0 <= amount <= _MOST_CHARGED else None


def _tier(said: Mapping[str, Any]) -> Tier | None:
    for name in ("service_tier", "serviceTier", "trafficType"):
        if isinstance(word := said.get(name), str):
            return _TIERS.get(word.lower().removeprefix("on_demand_"))
    return None
