"""What is known of models, for a list to choose from: prices, context, names, abilities. Nothing is asked for."""

import logging
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from providers.types.listed_model import Ability
from providers.usage import price_lists
from providers.usage.model_families import abilities_of

if TYPE_CHECKING:
    from genai_prices.types import ModelInfo, ModelPrice, TieredPrices

logger = logging.getLogger("runnel.providers")


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelFacts:
    """What is known of a model. What is not is empty."""

    #: Its name for people.
    title: str = ""
    #: Tokens that fit into its context.
    context_window: int | None = None
    #: US dollars for a million tokens: those that it reads, and those that it writes. Long requests may cost more.
    input_price: Decimal | None = None
    output_price: Decimal | None = None
    #: Whether the prices are those of the model's vendor, while another server answers.
    is_guess: bool = False
    abilities: frozenset[Ability] = frozenset()


NOTHING_KNOWN = ModelFacts()


def about(provider: str, model: str) -> ModelFacts:
    """Return what the price lists say of a model of ``provider``, whose slug it is, and its name of what it can.

    Loads the lists if need be (0.2 s).
    """
    facts = NOTHING_KNOWN
    try:
        for source in price_lists.sources(provider):
            if (found := price_lists.look_up(source.name, model, None)) is not None:
                facts = _facts(found[1], is_guess=source.is_guess)
                break
    except Exception:
        logger.warning("What %s/%s is cannot be told.", provider, model, exc_info=True)
    return replace(facts, abilities=facts.abilities | abilities_of(model))


def priced_names(provider: str) -> tuple[str, ...]:
    """Return the models of the price list of ``provider`` that may be asked for today; none without a list of its own.

    Outdated models are left out, and those of which neither the context is known nor what they can: most of them are
    no models for conversations.
    """
    try:
        return tuple(_names(provider))
    except Exception:
        logger.warning("The price list of %s cannot be read.", provider, exc_info=True)
        return ()


def _names(provider: str) -> Iterator[str]:
    from genai_prices.data_snapshot import get_snapshot

    for source in price_lists.sources(provider):
        if source.is_vendors_list:
            for model in reversed(price_lists.list_of(get_snapshot(), source.name, "").models):
                is_known = model.context_window or abilities_of(model.id)
                # Fine-tuned models stand there by the beginnings of their names.
                if is_known and not model.deprecated and not model.id.startswith("ft:"):
                    yield model.id


def _facts(model: "ModelInfo", *, is_guess: bool) -> ModelFacts:
    prices = model.get_prices(datetime.now(UTC))
    return ModelFacts(
        title=model.name or "",
        context_window=model.context_window,
        input_price=_base(prices.input_mtok),
        output_price=_base(prices.output_mtok),
        is_guess=is_guess,
        abilities=frozenset(_abilities(prices)),
    )


def _base(price: "Decimal | TieredPrices | None") -> Decimal | None:
    """Return the price of a short request."""
    return price if price is None or isinstance(price, Decimal) else price.base


def _abilities(prices: "ModelPrice") -> Iterator[Ability]:
    if prices.input_audio_mtok is not None:
        yield Ability.AUDIO
    if getattr(prices, "input_image_mtok", None) is not None:
        yield Ability.IMAGES
