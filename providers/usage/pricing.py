"""Prices calls with the price lists of the package ``genai-prices``. A pricing error never fails a call.

The lists are part of the package; none is downloaded. A cost is an amount or unknown, and an unknown cost is
never 0: it is unknown if the model has no price or a token count is missing. Charges beside tokens, such as
searches by a provider's own tools, are not included. Tokens of files are priced as tokens of text. This
module does not depend on runs.
"""

import asyncio
import logging
import threading
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import TYPE_CHECKING

from django.conf import settings

from providers import catalog
from providers.catalog import cache, provider_types
from providers.catalog.presets import PRESETS
from providers.security.addresses import origin_of
from providers.types.usage import Usage
from providers.usage.billing import NOTHING_SAID, Billing, Tier

if TYPE_CHECKING:
    from genai_prices.data_snapshot import DataSnapshot
    from genai_prices.types import ModelInfo, ModelPrice
    from genai_prices.types import Provider as PriceList

logger = logging.getLogger("runnel.providers")

#: The package's price lists, by preset. Presets without a list have no prices: the emulator, a subscription,
#: self-hosted servers.
_LISTS = {
    "openai": "openai",
    "openai-chat": "openai",
    "anthropic": "anthropic",
    "gemini": "google",
    "azure": "azure",
    "azure-chat": "azure",
    "bedrock": "aws",
    "bedrock-runtime": "aws",
    "vertex": "google",
    "vertex-anthropic": "google",
    "deepseek": "deepseek",
    "zai": "zai",
    "xai": "x-ai",
    "groq": "groq",
    "mistral": "mistral",
    "openrouter": "openrouter",
    "together": "together",
    "fireworks": "fireworks",
}

#: Presets of servers on one's own machines.
_FREE = frozenset({"ollama", "vllm", "lmstudio"})

#: Stands for the list of the vendor whose models have such names, if it is one of these.
_ANY_VENDOR = ""
_VENDORS = frozenset({"openai", "anthropic", "google", "deepseek", "mistral", "x-ai"})

#: AWS charges by the requested inference profile, but its answers name only the model.
_BILLED_AS_ASKED = frozenset({"aws"})

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

#: The most models whose prices are cached, because servers may report any number of names.
_MOST_MODELS = 512

#: Set when loading of the lists has begun. A price that is needed earlier waits for the lists.
_is_loading = threading.Event()
#: Set when the lists are there.
_is_loaded = threading.Event()


@dataclass(frozen=True, slots=True)
class Price:
    """What a call costs."""

    #: US dollars.
    amount: Decimal
    #: Whether the price is that of the model's vendor, while another server answered.
    is_guess: bool = False


@dataclass(frozen=True, slots=True)
class Source:
    """Where a provider's prices are looked for."""

    #: The name of a price list, the address of a server, or ``_ANY_VENDOR``.
    name: str
    is_guess: bool = False

    @property
    def is_vendors_list(self) -> bool:
        """Whether it is the list of the vendor, at whose own address the provider is."""
        return not self.is_guess and "://" not in self.name


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
        for source in sources(provider):
            amount = _priced(usage, source.name, asked, served, long_writes=long_writes, tier=said.tier)
            if amount is not None:
                return Price(amount, is_guess=source.is_guess)
        return None
    except Exception:
        logger.warning("What a call to %s/%s has cost cannot be told.", provider, asked, exc_info=True)
        return None


def context_window(provider: str, *, asked: str, served: str | None = None) -> int | None:
    """Return the tokens that fit into a model's context, ``None`` if the lists do not tell.

    Lists that are not loaded yet tell nothing: what a page shows must not wait for them. The other arguments are
    those of ``cost``.
    """
    if not _is_loaded.is_set():
        return None
    try:
        models = (look_up(source.name, asked, served) for source in sources(provider))
        return next((found[1].context_window for found in models if found), None)
    except Exception:
        logger.warning("The context of %s/%s cannot be told.", provider, asked, exc_info=True)
        return None


async def warm_up() -> None:
    """Load the price lists on a thread, if an available provider has prices. This takes some 100 ms."""
    if any(sources(target.origin.provider) for target in catalog.targets_in_use()):
        _is_loading.set()
        await asyncio.to_thread(_load)


def load_soon(provider: str) -> None:
    """Start to load the price lists on a thread, if ``provider`` has prices and they are not loaded yet."""
    if not _is_loading.is_set() and sources(provider):
        _is_loading.set()
        asyncio.get_running_loop().run_in_executor(None, _load)


def sources(provider: str) -> tuple[Source, ...]:
    """Return where the prices of ``provider`` are looked for, in order; empty if it has none.

    At another address than the vendor's, a gateway most likely charges what the vendor does.
    """
    row = cache.enabled().get(provider)
    preset = provider_types.PROVIDER_TYPES.get(row.kind) if row is not None else PRESETS.get(provider)
    if preset is None or preset.slug in _FREE:
        return ()
    set_address = getattr(settings, preset.address) if preset.address else ""
    address = row.address if row is not None else set_address
    usual = provider_types.default_address(preset)
    is_elsewhere = bool(address and usual and origin_of(address) != origin_of(usual))
    if preset.slug in _LISTS and not is_elsewhere:
        return (Source(_LISTS[preset.slug]),)
    is_remote = address.startswith("https://")
    found = [Source(address)] if is_remote else []
    if preset.slug in _LISTS:
        found.append(Source(_LISTS[preset.slug], is_guess=True))
    elif is_remote:
        found.append(Source(_ANY_VENDOR, is_guess=True))
    return tuple(found)


def _priced(
    usage: Usage, source: str, asked: str, served: str | None, *, long_writes: int, tier: Tier
) -> Decimal | None:
    from genai_prices import Usage as Counts

    found = look_up(source, asked, served)
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


@lru_cache(maxsize=_MOST_MODELS)
def look_up(source: str, asked: str, served: str | None) -> "tuple[PriceList, ModelInfo] | None":
    """Return the price list of a ``Source`` by its name, and the model in it; ``None`` if there is none.

    The package's own look-up caches every name without limit.
    """
    from genai_prices.data_snapshot import get_snapshot

    lists = get_snapshot()
    _is_loaded.set()
    for name in filter(None, (served, asked)):
        try:
            prices = list_of(lists, source, name)
        except LookupError:
            continue
        names = (asked, served) if prices.id in _BILLED_AS_ASKED else (served, asked)
        for each in filter(None, names):
            plain = each.rpartition("/")[2] if source == _ANY_VENDOR else each
            if (model := prices.find_model(plain, all_providers=lists.providers)) is not None:
                return prices, model
    return None


def list_of(lists: "DataSnapshot", source: str, model: str) -> "PriceList":
    """Return the price list that ``source`` stands for.

    Raises:
        LookupError: there is none.
    """
    if source == _ANY_VENDOR:
        prices = lists.find_provider(model.rpartition("/")[2], None, None)
        if prices.id not in _VENDORS:
            raise LookupError(model)
        return prices
    is_address = "://" in source
    return lists.find_provider(None, None if is_address else source, source if is_address else None)


def _load() -> None:
    try:
        from genai_prices.data_snapshot import get_snapshot

        get_snapshot()
        _is_loaded.set()
    except Exception:
        logger.exception("The price lists could not be loaded.")
