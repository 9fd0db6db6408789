"""Anthropic's SDK: Anthropic itself, and Claude on Amazon's and Google's clouds.

On a cloud, credentials come from the cloud's own chain, which reads files and asks servers. The SDK does that on
threads. ``prepare_…`` imports, on a thread too, the modules that the SDK would import on the loop.
"""

import os
from contextlib import suppress
from importlib import import_module
from typing import Any

import httpx2

from providers.catalog import Target
from providers.clients.encoding import encoded
from providers.clients.listings import models_in
from providers.security.redaction import remember
from providers.types import Json
from providers.types.listed_model import ListedModel


def make(http: httpx2.AsyncClient, target: Target, base_url: str | None) -> Any:
    """Return a client that sends its key as ``x-api-key``."""
    from anthropic import AsyncAnthropic

    headers = dict(target.headers)
    client = AsyncAnthropic(
        api_key=target.api_key, base_url=base_url, max_retries=0, http_client=http, default_headers=headers
    )
    if target.is_guarded:
        # ANTHROPIC_CUSTOM_HEADERS: the operator's, and for nobody whose address the operator has not chosen.
        client._custom_headers = headers
    return client


def make_bedrock(http: httpx2.AsyncClient, target: Target, base_url: str | None) -> Any:
    """Return a client that sends its key as a bearer token or, without a key, signs with AWS credentials."""
    from anthropic import AsyncAnthropicBedrockMantle

    return AsyncAnthropicBedrockMantle(
        api_key=target.api_key or None,
        aws_region=target.region,
        base_url=base_url,
        max_retries=0,
        http_client=http,
    )


def make_bedrock_runtime(http: httpx2.AsyncClient, target: Target, base_url: str | None) -> Any:
    """Return a client for ``InvokeModel``, whose streams are not Server-Sent Events."""
    from anthropic import AsyncAnthropicBedrock

    client = AsyncAnthropicBedrock(
        aws_region=target.region, base_url=base_url, max_retries=0, http_client=http
    )
    return _written_off_loop(client)


def make_vertex(http: httpx2.AsyncClient, target: Target, base_url: str | None) -> Any:
    """Return a client that sends an access token of Google's application default credentials."""
    from anthropic import AsyncAnthropicVertex

    client = AsyncAnthropicVertex(
        project_id=target.project or "",
        region=target.region or "",
        base_url=base_url,
        max_retries=0,
        http_client=http,
    )
    return _written_off_loop(client)


def prepare_bedrock() -> None:
    """Import the modules that sign requests, if they are installed: a key needs no signature."""
    for name in ("AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        remember(os.environ.get(name, ""))
    with suppress(ImportError):
        import_module("boto3")
        import_module("botocore.auth")


def prepare_bedrock_runtime() -> None:
    """Import the modules that sign requests and read streams. The stream's shape is in a file of some megabytes."""
    prepare_bedrock()
    import_module("botocore.parsers")
    import_module("anthropic.lib.bedrock._stream_decoder").get_response_stream_shape()


def prepare_vertex() -> None:
    """Import the modules that get an access token."""
    import_module("google.auth.transport.requests")


#: Clouds whose clients move fields of the body elsewhere.
_REWRITTEN = frozenset({"bedrock-runtime", "vertex-anthropic"})
#: Fields of a body that may be long; no cloud moves them.
_LONG = frozenset({"messages", "system", "tools"})


async def post(client: Any, target: Target, body: Json) -> httpx2.Response:
    """Send ``body`` for a stream of Messages; return the response. Raises what the SDK raises."""
    # The documented low-level call, for the response itself: we read the stream ourselves.
    response: httpx2.Response = await client.post(
        "/v1/messages",
        cast_to=httpx2.Response,
        stream=True,
        **await _sendable(target, {**body, "stream": True}),
    )
    return response


#: What of a body the counting endpoint takes.
_COUNTED = ("model", "messages", "system", "tools", "tool_choice", "thinking")


async def count(client: Any, target: Target, body: Json) -> object:
    """Return the number of input tokens that the server counts in ``body``, as it sent it."""
    counted = {name: body[name] for name in _COUNTED if name in body}
    answer = await client.post(
        "/v1/messages/count_tokens", cast_to=object, **await _sendable(target, counted)
    )
    return answer.get("input_tokens")


async def _sendable(target: Target, body: Json) -> Json:
    """Return the arguments that give ``body`` to the SDK's ``post``."""
    if target.sdk in _REWRITTEN:
        return {"body": body}
    return {"content": await encoded(body)}


def _written_off_loop(client: Any) -> Any:
    """Return ``client``, which moves fields of a body as its cloud wants, and now has the body written by ``encoded``.

    The SDK lets a subclass change a request in ``_prepare_options``; the clouds' clients do so there.
    """
    move = client._prepare_options

    async def prepare(options: Any) -> Any:
        body = options.json_data
        if not isinstance(body, dict):
            return await move(options)
        # The SDK copies what it is given, down to each message.
        long = {name: value for name, value in body.items() if name in _LONG}
        options.json_data = {name: value for name, value in body.items() if name not in _LONG}
        options = await move(options)
        options.content, options.json_data = await encoded({**options.json_data, **long}), None
        return options

    client._prepare_options = prepare
    return client


async def models(client: Any, target: Target) -> tuple[ListedModel, ...]:
    """Return the server's models, at most one page of 1,000."""
    options = {"params": {"limit": 1000}}
    return models_in(await client.get("/v1/models", cast_to=object, options=options))
