"""Asks providers for their model names: periodically for suggestions, and on request.

No page waits for it: ``model_names`` keeps what was told. A provider that does not answer costs nothing
but its suggestions.
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
    """Return the model names that ``target``'s provider reports, and store them.

    One that has no list, or an empty one, gives none.

    Raises:
        LLMError: it could not be asked, or refused.
    """
    if not target.lists_models:
        return ()
    try:
        async with asyncio.timeout(_PATIENCE):
            names = await clients.list_models(target)
    except Exception as exc:  # noqa: BLE001 - SDKs raise what they like; all of it becomes one taxonomy
        error = from_exception(exc)
    else:
        model_names.keep(target.origin.provider, names)
        return names
    # Out here, so that it does not drag the SDK's exception along, which holds the key.
    raise error


async def refresh() -> None:
    """Ask all configured providers whose names are old, concurrently. Raises nothing.

    Those from the admin are asked there, and keep their lists in the database.
    """
    asked = (target for target in catalog.targets_in_use() if target.lists_models and not target.is_guarded)
    old = [target for target in asked if _is_old(target)]
    await asyncio.gather(*(_try(target) for target in old))


async def keep_fresh() -> None:
    """Ask periodically without end; the caller cancels it."""
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
