"""Fetches the lists of models from providers, in the background or on demand, and stores them in ``model_names``.

No page waits for a background fetch. If a provider does not answer, its old suggestions remain.
"""

import asyncio
import logging

from providers import catalog, clients
from providers.catalog import Target, model_names
from providers.errors import LLMError
from providers.errors.translation import from_exception

logger = logging.getLogger("runnel.providers")

#: Seconds for one provider's whole answer.
_PATIENCE = 15.0
#: Seconds after which a provider is asked again.
_FRESH = 6 * 3600.0


async def fetch(target: Target) -> tuple[str, ...]:
    """Fetch and store the models of the provider of ``target``; return their names. Empty if it has no list.

    Raises:
        LLMError: the provider did not answer within 15 seconds, or refused.
    """
    if not target.lists_models:
        return ()
    try:
        async with asyncio.timeout(_PATIENCE):
            models = await clients.list_models(target)
    except Exception as exc:  # noqa: BLE001 - SDKs raise what they like; all of it becomes one taxonomy
        error = from_exception(exc)
    else:
        model_names.keep(target.origin.provider, models)
        return tuple(model.name for model in models)
    # Out here, so that it does not drag the SDK's exception along, which holds the key.
    raise error


async def refresh() -> None:
    """Fetch the list of every provider in use whose list is older than 6 hours, all at once. Logs failures.

    Providers from the admin are left out: the admin fetches their lists and stores them in the database.
    """
    asked = (target for target in catalog.targets_in_use() if target.lists_models and not target.is_guarded)
    old = [target for target in asked if _is_old(target)]
    await asyncio.gather(*(_try(target) for target in old))


async def keep_fresh() -> None:
    """Refresh every 6 hours until the task is cancelled."""
    while True:
        await refresh()
        await asyncio.sleep(_FRESH)


def _is_old(target: Target) -> bool:
    age = model_names.age(target.origin.provider)
    return age is None or age >= _FRESH


async def _try(target: Target) -> None:
    slug = target.origin.provider
    try:
        await fetch(target)
    except LLMError as error:
        model_names.keep(slug, ())
        logger.info("The provider %s did not tell its models: %s", slug, error.message)
