"""Prices one call: by the amount in its answer, else by the price list. Its only I/O is loading that list."""

from providers.types import Origin, StepResult
from providers.types.cost import Cost, CostIs, total
from providers.types.usage import UsageSource
from providers.usage import billing, pricing
from providers.usage.billing import Billing, SideCall, Tier
from providers.usage.pricing import Price


def of_call(result: StepResult, origin: Origin, *, is_cached_for_an_hour: bool) -> Cost | None:
    """Return the cost of one call, ``None`` if it is unknown.

    An amount that the provider reports as charged takes precedence over the price list.

    Args:
        result: The call's answer, complete or not.
        origin: The model that was asked.
        is_cached_for_an_hour: Whether the request asked the provider to keep the prompt for an hour.
    """
    usage, said = result.usage, billing.of_result(result)
    if said.charged is not None and usage.source is not UsageSource.ESTIMATED:
        is_final = usage.source is UsageSource.REPORTED
        return Cost(amount=said.charged, kind=CostIs.EXACT if is_final else CostIs.AT_LEAST)
    price = pricing.price(
        usage,
        provider=origin.provider,
        asked=origin.model,
        served=result.model,
        is_cached_for_an_hour=is_cached_for_an_hour,
        said=said,
    )
    if price is None:
        return None
    side_costs = [_of_side_call(each, result, origin) for each in billing.side_calls(result)]
    return total([_of_answer(price, result, said), *side_costs])


def _of_side_call(call: SideCall, result: StepResult, origin: Origin) -> Cost | None:
    served = call.model or result.model
    asked = call.model or origin.model
    price = pricing.price(call.usage, provider=origin.provider, asked=asked, served=served)
    return None if price is None else _marked(price, is_sure=True)


def _of_answer(price: Price, result: StepResult, said: Billing) -> Cost:
    usage = result.usage
    if None in (usage.input_tokens, usage.output_tokens) or usage.source is UsageSource.PARTIAL:
        return Cost(amount=price.amount, kind=CostIs.AT_LEAST)
    is_sure = usage.source is UsageSource.REPORTED and said.tier is not Tier.PRIORITY
    return _marked(price, is_sure=is_sure)


def _marked(price: Price, *, is_sure: bool) -> Cost:
    is_exact = is_sure and not price.is_guess
    return Cost(amount=price.amount, kind=CostIs.EXACT if is_exact else CostIs.ABOUT)
