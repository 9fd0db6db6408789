"""Prices calls with the price lists of the package ``genai-prices``. A pricing error never fails a call.

A cost is an amount or unknown, and an unknown cost is never 0: it is unknown if the model has no price or a token count
is missing. Charges beside tokens, such as searches by a provider's own tools, are not included. Tokens of files are
priced as tokens of text. This module does not depend on runs.
"""

import logging
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from providers.types.usage import Usage
from providers.usage import price_lists
from providers.usage.billing import NOTHING_SAID, Billing, Tier

if TYPE_CHECKING:
    from genai_prices.types import ModelPrice

logger = logging.getLogger("runnel.providers")

#: Providers that charge half the price for flex and batches (openai.com/api/pricing, ai.google.dev/pricing,
#: aws.amazon.com/bedrock/pricing; Anthropic for batches). Groq charges the full price for flex.
_HALF_IN_FLEX = frozenset({"openai", "azure", "google", "anthropic", "aws"})

#: Factors for priority processing, from the same pages: for most models, then for models that differ.
_PRIORITY = {"openai": Decimal(2), "azure": Decimal(2), "google": Decimal("1.8"), "aws": Decimal("1.75")}
_PRIORITY_OF_MODELS = {
    "gpt-4o": Decimal("1.7"),
    "gpt-4.1": Decimal("1.75"),
    "gpt-5-mini": Decimal("1.8"),
    "o3": Decimal("1.75"),
    "o4-mini": Decimal("1.8"),
}


@dataclass(frozen=True, slots=True)
class Price:
    """What a call costs."""

    #: US dollars.
    amount: Decimal
    #: Whether the price is that of the model's vendor, while another server answered.
    is_guess: bool = False


def cost(
    usage: Usage,
    *,
    provider: str,
    asked: str,
    served: str | None = None,
    is_cached_for_an_hour: bool = False,
    said: Billing = NOTHING_SAID,
) -> Decimal | None:
    """Return the cost of one call's ``usage`` in US dollars, ``None`` if it is unknown. See ``price``."""
    found = price(
        usage,
        provider=provider,
        asked=asked,
        served=served,
        is_cached_for_an_hour=is_cached_for_an_hour,
        said=said,
    )
    return None if found is None else found.amount


def price(
    usage: Usage,
    *,
    provider: str,
    asked: str,
    served: str | None = None,
    is_cached_for_an_hour: bool = False,
    said: Billing = NOTHING_SAID,
) -> Price | None:
    """Return what one call's ``usage`` costs, ``None`` if that is unknown.

    Calls are priced one by one, because prices depend on the length and the time of a call. The price is that
    of the model ``served`` if the list has it, else of the model ``asked``; for AWS ``asked`` comes first. An
    unknown count is taken as 0: one of the two totals, or the part of the input that was read from a cache or
    written to one.

    Args:
        usage: The usage of one call, reported or estimated. If both totals are missing, the cost is unknown.
        provider: The slug of the provider, from a preset or from the admin.
        asked: The name of the requested model.
        served: The name of the model in the answer; ``None`` if the answer has none.
        is_cached_for_an_hour: Whether the request asked the provider to cache for an hour, which costs more.
        said: The facts in the answer: its cache time takes precedence over the request's, and its service
            tier multiplies the listed price by a factor.
    """
    if usage.input_tokens is usage.output_tokens is None:
        return None
    written = usage.cache_write_input_tokens
    long_writes = said.long_cache_writes
    if long_writes is None and is_cached_for_an_hour:
        long_writes = written
    long_writes = min(long_writes or 0, written or 0)
    try:
        for source in price_lists.sources(provider):
            amount = _priced(usage, source.name, asked, served, long_writes=long_writes, tier=said.tier)
            if amount is not None:
                return Price(amount, is_guess=source.is_guess)
        return None
    except Exception:
        logger.warning("What a call to %s/%s has cost cannot be told.", provider, asked, exc_info=True)
        return None


def _priced(
    usage: Usage, source: str, asked: str, served: str | None, *, long_writes: int, tier: Tier
) -> Decimal | None:
    from genai_prices import Usage as Counts

    found = price_lists.look_up(source, asked, served)
    if found is None:
        return None
    prices, model = found
    # The package's totals include their parts, as ours do.
    counts = Counts(
        input_tokens=usage.input_tokens,
        cache_read_tokens=usage.cached_input_tokens,
        cache_write_tokens=usage.cache_write_input_tokens,
        cache_write_1h_tokens=long_writes or None,
        output_tokens=usage.output_tokens,
        output_reasoning_tokens=usage.reasoning_tokens,
    )
    calculation = model.calc_price(counts, prices)
    if not _covers(calculation.model_price, usage):
        return None
    return calculation.total_price * _factor(prices.id, model.id, tier)


def _factor(prices: str, model: str, tier: Tier) -> Decimal:
    """Return the price of a service tier relative to the standard one."""
    match tier:
        case Tier.FLEX | Tier.BATCH if prices in _HALF_IN_FLEX:
            return Decimal("0.5")
        case Tier.PRIORITY if prices in _PRIORITY:
            return next(
                (factor for start, factor in _PRIORITY_OF_MODELS.items() if model.startswith(start)),
                _PRIORITY[prices],
            )
        case _:
            return Decimal(1)


def _covers(prices: "ModelPrice", usage: Usage) -> bool:
    """Return whether ``prices`` cover all tokens of ``usage``.

    A list contains models without a price for tokens, and does not say whether those are free. For models
    that make pictures or speech, our usage does not tell the kinds of tokens apart.
    """
    return (
        not (usage.input_tokens and prices.input_mtok is None)
        and not (usage.output_tokens and prices.output_mtok is None)
        and prices.output_image_mtok is prices.output_audio_mtok is prices.output_video_mtok is None
    )
