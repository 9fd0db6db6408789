"""Models over HTTP: those that the user can choose from, with what is known of each."""

from collections.abc import Iterator
from typing import Any

from django.contrib.auth.models import User
from django.http import HttpRequest, JsonResponse

from providers import catalog
from providers.catalog import ProviderInfo, cache, model_names
from providers.types.listed_model import ListedModel
from providers.usage import model_facts
from runs.http.json_api import api
from runs.models import Run, WritingChoices

#: Runs among which the recently used models are looked for, and how many of these are told.
_LOOKED_AT = 100
_MOST_RECENT = 5
#: Models of one provider that are told at most: a router has hundreds.
_MOST = 600


@api("GET")
def models(request: HttpRequest, user: User) -> JsonResponse:
    """List the models of all providers that can be used, what each can and costs, and which the user prefers.

    Names that are not listed can be used as well: ``is_complete`` tells of which providers the list is their own.
    """
    cache.refresh_if_due()
    providers = catalog.providers()
    chosen = WritingChoices.objects.filter(user=user).first()
    return JsonResponse(
        {
            "default": catalog.default_model(),
            "providers": [_provider(info) for info in providers],
            "models": [shown for info in providers if info.available for shown in _models(info)],
            "favourites": chosen.favourite_models if chosen else [],
            "recent": _recent(user),
        }
    )


def _provider(info: ProviderInfo) -> dict[str, Any]:
    return {
        "slug": info.slug,
        "label": info.label,
        "available": info.available,
        "settings": info.settings,
        "is_complete": bool(model_names.known(info.slug)),
    }


def _models(info: ProviderInfo) -> Iterator[dict[str, Any]]:
    suggested = model_names.best(info.slug, info.models)
    others = () if model_names.known(info.slug) else model_facts.priced_names(info.slug)
    told = {model.name: model for model in model_names.listed(info.slug)}
    names = dict.fromkeys([*suggested, *model_names.talking(others)])
    for name in list(names)[:_MOST]:
        yield _model(info, told.get(name) or ListedModel(name=name), is_suggested=name in suggested)


def _model(info: ProviderInfo, told: ListedModel, *, is_suggested: bool) -> dict[str, Any]:
    facts = model_facts.about(info.slug, told.name)
    prices = {"input_price": facts.input_price, "output_price": facts.output_price}
    return {
        "name": f"{info.slug}/{told.name}",
        "title": told.title or facts.title,
        "provider": info.slug,
        "is_suggested": is_suggested,
        "context_window": told.context_window or facts.context_window,
        "price_is_guess": facts.is_guess,
        "abilities": sorted(told.abilities or facts.abilities),
    } | {key: None if price is None else float(price) for key, price in prices.items()}


def _recent(user: User) -> list[str]:
    """Return the models of the user's newest runs, the newest first."""
    newest = Run.objects.filter(owner=user).order_by("-created_at").values_list("model", flat=True)
    return list(dict.fromkeys(newest[:_LOOKED_AT]))[:_MOST_RECENT]
