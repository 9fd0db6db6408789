"""Warms up the SDKs at the server's start, so that the first stream is as fast as the later ones."""

import logging
from dataclasses import replace

import httpx2

from providers import catalog
from providers.catalog import Target
from providers.clients.pool import of_this_loop
from providers.clients.sdk_table import SDKS, WIRE_CALLS, load, name_of_sdk

logger = logging.getLogger("runnel.providers")


async def warm_up() -> None:
    """Do once, for every provider in use, the work that its first stream would have to do.

    That is the imports, the clients, the certificate store and what SDKs build lazily. Nothing is sent. A
    provider that cannot be warmed up is logged and skipped.
    """
    for target in catalog.targets_in_use():
        try:
            await _warm(target)
        except Exception:
            # A mistake in one provider's configuration is told to whoever calls that provider.
            logger.exception("The provider %s could not be warmed up.", target.origin.provider)


async def _warm(target: Target) -> None:
    await load(target)
    if not target.emulated:
        of_this_loop.get().sdk_client(target, target.base_url)
    if not target.api_key:
        # A request would ask the cloud for credentials.
        return
    sdk, calls = SDKS[name_of_sdk(target)], WIRE_CALLS[target.origin.wire]
    async with httpx2.AsyncClient(transport=httpx2.MockTransport(_first_event)) as http:
        mute = replace(target, api_key="warm-up", headers=())
        response = await calls.post(sdk.make(http, mute, "http://127.0.0.1"), mute, {})
        await response.aread()


def _first_event(request: httpx2.Request) -> httpx2.Response:
    return httpx2.Response(200, headers={"content-type": "text/event-stream"}, content=b"data: {}\n\n")
