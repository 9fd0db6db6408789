"""OpenAI's SDK: OpenAI itself, Azure, and the many servers that speak one of its wires."""

from collections.abc import AsyncIterator
from typing import Any, cast

import httpx2

from providers.catalog import Target
from providers.clients.sdk import names_in
from providers.types import Json


def make(http: httpx2.AsyncClient, target: Target, base_url: str | None) -> Any:
    """Return a client that sends its key as a bearer token."""
    from openai import AsyncOpenAI

    headers = dict(target.headers)
    return AsyncOpenAI(
        api_key=target.api_key, base_url=base_url, max_retries=0, http_client=http, default_headers=headers
    )


def make_azure(http: httpx2.AsyncClient, target: Target, base_url: str | None) -> Any:
    """Return one that sends it as Azure's ``api-key``: the SDK's own client for Azure knows only the older API."""
    from openai import AsyncOpenAI

    headers = {**dict(target.headers), "api-key": target.api_key}
    return AsyncOpenAI(
        api_key=target.api_key, base_url=base_url, max_retries=0, http_client=http, default_headers=headers
    )


async def post_chat(client: Any, target: Target, body: Json) -> AsyncIterator[Any]:
    """Ask for a stream of Chat Completions."""
    return await _post("/chat/completions", client, target, body)


async def post_responses(client: Any, target: Target, body: Json) -> AsyncIterator[Any]:
    """Ask for a stream of Responses."""
    return await _post("/responses", client, target, body)


#: What of a body the counting endpoint takes.
_COUNTED = ("model", "input", "instructions", "tools", "tool_choice", "reasoning", "text", "truncation")


async def count_responses(client: Any, target: Target, body: Json) -> object:
    """Return how many tokens of input the server counts in ``body``."""
    counted = {name: body[name] for name in _COUNTED if name in body}
    answer = await client.post(
        "/responses/input_tokens", cast_to=object, body=counted, options=_options(target)
    )
    return answer.get("input_tokens")


async def models(client: Any, target: Target) -> tuple[str, ...]:
    """Return the names of the models that the server has."""
    return names_in(await client.get("/models", cast_to=object, options=_options(target)))


async def _post(path: str, client: Any, target: Target, body: Json) -> AsyncIterator[Any]:
    from openai import AsyncStream

    # The documented low-level call: everything but the models, which cost four times the rest.
    return cast(
        AsyncIterator[Any],
        await client.post(
            path,
            cast_to=object,
            body={**body, "stream": True},
            options=_options(target),
            stream=True,
            stream_cls=AsyncStream[object],
        ),
    )


def _options(target: Target) -> Json:
    from openai import omit

    # Azure's key is no bearer token, and the SDK takes its own away only request by request.
    return {"headers": {"Authorization": omit}} if target.sdk == "azure" else {}
