"""Reads from an answer how it is billed: the amount charged, the service tier, the cache's time. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import Any

from providers.types import StepResult
from providers.types.usage import Usage, count_in


class Tier(StrEnum):
    """The service tier that processed a call."""

    STANDARD = "standard"
    #: Slower and cheaper.
    FLEX = "flex"
    #: Much later, at the price of flex.
    BATCH = "batch"
    #: Faster and more expensive.
    PRIORITY = "priority"


@dataclass(frozen=True, kw_only=True, slots=True)
class Billing:
    """The facts in an answer that decide its price."""

    #: US dollars that the provider reports as charged; ``None`` if it reports none.
    charged: Decimal | None = None
    tier: Tier = Tier.STANDARD
    #: Tokens written to a cache that the provider keeps for an hour; ``None`` if not reported.
    long_cache_writes: int | None = None


#: For an answer without such facts.
NOTHING_SAID = Billing()

#: Providers' words for the tiers; Vertex sends ``ON_DEMAND_FLEX``. All other words mean the standard tier.
_TIERS = {"flex": Tier.FLEX, "batch": Tier.BATCH, "priority": Tier.PRIORITY}

#: The fields of usage objects with the amount charged, in US dollars: of OpenRouter and Requesty, DeepInfra,
#: LLM Gateway, and Perplexity; then other names for the same.
_CHARGED = (
    *(("cost",), ("estimated_cost",), ("cost_usd_total",), ("cost", "total_cost")),
    *(("total_cost",), ("cost", "total"), ("cost_usd",), ("cost_in_usd",), ("cost_details", "total_cost")),
)

#: Where the Anthropic wire keeps the usage objects of its events.
_OF_EVENTS = ("message_delta", "message_start")

#: xAI reports ten-billionths of a US dollar.
_TICKS = Decimal(10) ** 10

#: US dollars. A larger amount for one call must be in another unit, so it is ignored.
_MOST_CHARGED = Decimal(100_000)


def of_result(result: StepResult) -> Billing:
    """Return the facts in ``result`` that decide its price."""
    usages = list(_usage_objects(result.raw_usage))
    return Billing(
        charged=_first(map(_charged, usages)),
        tier=_first(map(_tier, (*usages, result.response))) or Tier.STANDARD,
        long_cache_writes=_first(
            count_in(usage, "cache_creation", "ephemeral_1h_input_tokens") for usage in usages
        ),
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class SideCall:
    """Work of the provider within a call that the call's totals leave out: a compaction, or advice of another model."""

    #: ``None`` for the model of the call.
    model: str | None
    usage: Usage


def side_calls(result: StepResult) -> tuple[SideCall, ...]:
    """Return the side calls in ``result``.

    Source: https://platform.claude.com/docs/en/build-with-claude/compaction (``usage.iterations``): the totals are the
    sum of the iterations of the type ``message``, and each of the others is billed beside them.
    """
    usages = _usage_objects(result.raw_usage)
    listed = _first(found if isinstance(found := usage.get("iterations"), list) else None for usage in usages)
    return tuple(
        SideCall(model=model if isinstance(model := each.get("model"), str) else None, usage=_counted(each))
        for each in listed or ()
        if isinstance(each, Mapping) and each.get("type") not in {None, "message"}
    )


def _counted(iteration: Mapping[str, Any]) -> Usage:
    fresh, read, written = (
        count_in(iteration, name)
        for name in ("input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens")
    )
    return Usage(
        input_tokens=None if fresh is None else fresh + (read or 0) + (written or 0),
        cached_input_tokens=read,
        cache_write_input_tokens=written,
        output_tokens=count_in(iteration, "output_tokens"),
    )


def _usage_objects(raw: Mapping[str, Any] | None) -> Iterable[Mapping[str, Any]]:
    """Yield the usage objects in ``raw``: itself, or those of Anthropic's two events, the newest first."""
    if raw is not None:
        yield raw
        yield from (raw[name] for name in _OF_EVENTS if isinstance(raw.get(name), Mapping))


def _first[T](values: Iterable[T | None]) -> T | None:
    return next((value for value in values if value is not None), None)


def _charged(usage: Mapping[str, Any]) -> Decimal | None:
    amount = _first(_amount(usage, *path) for path in _CHARGED)
    if amount is not None and usage.get("is_byok"):
        # With the user's own key, OpenRouter charges its fee, and the provider behind it charges the rest.
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
