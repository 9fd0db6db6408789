"""Finds the price list of a provider, and a model in it. The lists are those of the package ``genai-prices``.

The lists are part of the package; none is downloaded. They are loaded when they are first needed, on a thread.
"""

import asyncio
import logging
import threading
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from django.conf import settings

from providers import catalog
from providers.catalog import cache, provider_types
from providers.catalog.presets import PRESETS
from providers.security.addresses import origin_of

if TYPE_CHECKING:
    from genai_prices.data_snapshot import DataSnapshot
    from genai_prices.types import ModelInfo
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

#: The most models whose prices are cached, because servers may report any number of names.
_MOST_MODELS = 512

#: Set when loading of the lists has begun. A price that is needed earlier waits for the lists.
_is_loading = threading.Event()
#: Set when the lists are there.
_is_loaded = threading.Event()


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


def context_window(provider: str, *, asked: str, served: str | None = None) -> int | None:
    """Return the tokens that fit into a model's context, ``None`` if the lists do not tell.

    Lists that are not loaded yet tell nothing: what a page shows must not wait for them. The other arguments are
    those of ``pricing.cost``.
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
