"""OpenAI's SDK: OpenAI itself, Azure, and the many servers that speak one of its wires."""

from typing import Any

import httpx2

from providers.catalog import Target
from providers.clients.encoding import encoded
from providers.clients.listings import models_in
from providers.types import Json
from providers.types.listed_model import ListedModel


def make(http: httpx2.AsyncClient, target: Target, base_url: str | None) -> Any:
    """Return a client that sends its key as a bearer token."""
    return _client(http, target, base_url, dict(target.headers))


def make_azure(http: httpx2.AsyncClient, target: Target, base_url: str | None) -> Any:
    """Return a client that sends its key as Azure's ``api-key``. The SDK's own Azure client knows only the older API."""
    return _client(http, target, base_url, {**dict(target.headers), "api-key": target.api_key})


def _client(http: httpx2.AsyncClient, target: Target, base_url: str | None, headers: dict[str, str]) -> Any:
    from openai import AsyncOpenAI

    client = AsyncOpenAI(
        api_key=target.api_key, base_url=base_url, max_retries=0, http_client=http, default_headers=headers
    )
    if target.is_guarded:
        # OPENAI_ORG_ID, OPENAI_PROJECT_ID, OPENAI_ADMIN_KEY, OPENAI_CUSTOM_HEADERS: the operator's, and for nobody
        # whose address the operator has not chosen.
        client.organization = client.project = client.admin_api_key = None
        client._custom_headers = headers
    return client


async def post_chat(client: Any, target: Target, body: Json) -> httpx2.Response:
    """Send ``body`` for a stream of Chat Completions; return the response. Raises what the SDK raises."""
    return await _post("/chat/completions", client, target, body)


async def post_responses(client: Any, target: Target, body: Json) -> httpx2.Response:
    """Send ``body`` for a stream of Responses; return the response. Raises what the SDK raises."""
    return await _post("/responses", client, target, body)


#: What of a body the counting endpoint takes.
_COUNTED = ("model", "input", "instructions", "tools", "tool_choice", "reasoning", "text", "truncation")


async def count_responses(client: Any, target: Target, body: Json) -> object:
    """Return the number of input tokens that the server counts in ``body``, as it sent it."""
    counted = {name: body[name] for name in _COUNTED if name in body}
    answer = await client.post(
        "/responses/input_tokens", cast_to=object, content=await encoded(counted), options=_options(target)
    )
    return answer.get("input_tokens")


async def models(client: Any, target: Target) -> tuple[ListedModel, ...]:
    """Return the server's models."""
    return models_in(await client.get("/models", cast_to=object, options=_options(target)))


async def _post(path: str, client: Any, target: Target, body: Json) -> httpx2.Response:
    # The documented low-level call, for the response itself: we read the stream ourselves.
    response: httpx2.Response = await client.post(
        path,
        cast_to=httpx2.Response,
        content=await encoded({**body, "stream": True}),
        options=_options(target),
        stream=True,
    )
    return response


def _options(target: Target) -> Json:
    from openai import omit

    # Azure's key is no bearer token, and the SDK takes its own away only request by request.
    return {"headers": {"Authorization": omit}} if target.sdk == "azure" else {}
