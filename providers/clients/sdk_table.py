"""Which SDK sends a request: one row for each way to a provider, one for each wire; and how an SDK is loaded.

SDKs are imported when they are first needed: together they take seconds.
"""

import asyncio
from importlib import import_module

from providers import emulation
from providers.catalog import Target
from providers.clients import anthropic_sdk, gemini_sdk, openai_sdk
from providers.clients.sdk import Sdk, WireCalls

SDKS = {
    "openai": Sdk(module="openai", make=openai_sdk.make, models=openai_sdk.models),
    "azure": Sdk(module="openai", make=openai_sdk.make_azure, models=openai_sdk.models),
    "anthropic": Sdk(module="anthropic", make=anthropic_sdk.make, models=anthropic_sdk.models),
    "bedrock": Sdk(
        module="anthropic",
        make=anthropic_sdk.make_bedrock,
        prepare=anthropic_sdk.prepare_bedrock,
        models=anthropic_sdk.models,
    ),
    "bedrock-runtime": Sdk(
        module="anthropic",
        make=anthropic_sdk.make_bedrock_runtime,
        prepare=anthropic_sdk.prepare_bedrock_runtime,
        models=anthropic_sdk.models,
    ),
    "vertex-anthropic": Sdk(
        module="anthropic",
        make=anthropic_sdk.make_vertex,
        prepare=anthropic_sdk.prepare_vertex,
        models=anthropic_sdk.models,
    ),
    "gemini": Sdk(module="google.genai", make=gemini_sdk.make, models=gemini_sdk.models),
    "vertex": Sdk(
        module="google.genai",
        make=gemini_sdk.make_vertex,
        prepare=gemini_sdk.prepare_vertex,
        models=gemini_sdk.models,
    ),
}

WIRE_CALLS = {
    "openai-chat": WireCalls(sdk="openai", base_path="/v1", post=openai_sdk.post_chat),
    "openai-responses": WireCalls(
        sdk="openai", base_path="/v1", post=openai_sdk.post_responses, count=openai_sdk.count_responses
    ),
    "anthropic-messages": WireCalls(
        sdk="anthropic", base_path="", post=anthropic_sdk.post, count=anthropic_sdk.count
    ),
    "gemini-generate": WireCalls(sdk="gemini", base_path="", post=gemini_sdk.post, count=gemini_sdk.count),
}

#: The SDKs that are loaded, by their names in ``SDKS``.
_loaded: set[str] = set()


def name_of_sdk(target: Target) -> str:
    """Return the name in ``SDKS`` of the SDK for ``target``: its own, else that of its wire."""
    return target.sdk or WIRE_CALLS[target.origin.wire].sdk


async def load(target: Target) -> None:
    """Import the SDK for ``target`` if it is not loaded yet; on a thread, because it would block the loop.

    Raises:
        ImportError: a package that the SDK needs is not installed.
    """
    if (name := name_of_sdk(target)) not in _loaded:
        await asyncio.to_thread(_load_now, name)


async def base_url_of(target: Target) -> str | None:
    """Return the address to call; ``None`` for the SDK's own default. Starts the emulator if it is the one to answer."""
    if not target.emulated:
        return target.base_url
    return await emulation.upstream().origin() + WIRE_CALLS[target.origin.wire].base_path


def _load_now(name: str) -> None:
    import_module(SDKS[name].module)
    SDKS[name].prepare()
    _loaded.add(name)
