"""Requests to a provider through its SDK: a stream, a token count, a list of models.

SDKs never retry here: only the caller knows whether half an answer was shown already.
"""

import httpx2

from providers.catalog import Target
from providers.clients import credentials
from providers.clients.pool import of_this_loop
from providers.clients.sdk_table import SDKS, WIRE_CALLS, base_url_of, load, name_of_sdk
from providers.types import Json
from providers.types.listed_model import ListedModel


async def open_stream(target: Target, body: Json) -> httpx2.Response:
    """Send ``body`` to ``target``; return the response once a successful answer has begun. Its body is unread.

    Raises:
        Exception: whatever the SDK or httpx2 raises. ``providers.errors.translation.from_exception`` turns it into an
            ``LLMError``. After an unsuccessful status it means nothing: the exchange holds that answer.
    """
    await load(target)
    try:
        client = of_this_loop.get().sdk_client(target, await base_url_of(target))
        return await WIRE_CALLS[target.origin.wire].post(client, target, body)
    except Exception as exc:
        error = credentials.explain(exc)
        if error is None:
            raise
    # Out here, so that it does not drag along what may hold a secret.
    raise error


async def count_input(target: Target, body: Json) -> object:
    """Return the number of tokens that the provider of ``target`` counts in ``body``, as the provider sent it.

    Return ``None`` if the wire has no counting endpoint. There is no time limit: the caller sets one.

    Raises:
        Exception: as ``open_stream`` does.
    """
    if (count := WIRE_CALLS[target.origin.wire].count) is None:
        return None
    await load(target)
    return await count(of_this_loop.get().sdk_client(target, await base_url_of(target)), target, body)


async def list_models(target: Target) -> tuple[ListedModel, ...]:
    """Return the models that the provider of ``target`` lists.

    There is no time limit: the caller sets one.

    Raises:
        Exception: as ``open_stream`` does.
    """
    await load(target)
    sdk = SDKS[name_of_sdk(target)]
    return await sdk.models(of_this_loop.get().sdk_client(target, await base_url_of(target)), target)
