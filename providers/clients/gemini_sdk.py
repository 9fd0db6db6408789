"""Google's SDK: the Gemini API, and Gemini on Vertex AI.

Streams use a private method, because the SDK offers no other way to the response itself.
tests/providers/clients/test_clients.py checks how that method behaves.
"""

import json
import re
from importlib import import_module
from typing import Any, cast
from urllib.parse import quote

import httpx2

from providers.catalog import Target
from providers.clients.encoding import encoded
from providers.clients.listings import described
from providers.types import Json
from providers.types.listed_model import ListedModel

#: A version at the end of an address, where servers that copy the API document it.
_VERSION = re.compile(r"/(v\d\w*)/*$")


def make(http: httpx2.AsyncClient, target: Target, base_url: str | None) -> Any:
    """Return a client that sends its key as ``x-goog-api-key``."""
    from google.genai import Client

    return Client(api_key=target.api_key, vertexai=False, http_options=_options(http, target, base_url))


def make_vertex(http: httpx2.AsyncClient, target: Target, base_url: str | None) -> Any:
    """Return a client that sends an access token of Google's application default credentials."""
    from google.genai import Client

    return Client(
        vertexai=True,
        project=target.project,
        location=target.region,
        http_options=_options(http, target, base_url),
    )


def prepare_vertex() -> None:
    """Import the modules that get an access token."""
    import_module("google.auth.transport.requests")


async def post(client: Any, target: Target, body: Json) -> httpx2.Response:
    """Send ``body`` for a stream of generated content; return the response. Raises what the SDK raises."""
    path = vertex_path(target.origin.model) if target.sdk == "vertex" else gemini_path(target.origin.model)
    return cast(httpx2.Response, await _post(client, path, dict(body), stream=True))


async def count(client: Any, target: Target, body: Json) -> object:
    """Return the number of input tokens that the server counts in ``body``. Vertex accepts only some of the fields."""
    model = target.origin.model
    if target.sdk == "vertex":
        name, counted = vertex_path(model).partition(":")[0], _some_of(body)
    else:
        name = gemini_path(model).partition(":")[0]
        counted = {"generateContentRequest": {"model": name, **body}}
    [answer] = await _post(client, f"{name}:countTokens", counted, stream=False)
    return json.loads(answer).get("totalTokens")


async def _post(client: Any, path: str, body: Json, *, stream: bool) -> Any:
    """Return the response itself for a stream, otherwise its text in a list."""
    request = client._api_client._build_request("post", path, body, None)
    request.data = await encoded(request.data)
    answer = await client._api_client._async_request(http_request=request, http_options=None, stream=stream)
    return answer.response_stream


def _some_of(body: Json) -> Json:
    return {name: body[name] for name in ("contents", "systemInstruction", "tools") if name in body}


async def models(client: Any, target: Target) -> tuple[ListedModel, ...]:
    """Return the models that generate content."""
    found = await client.aio.models.list(config={"page_size": 1000})
    # Vertex does not tell what a model can do.
    return tuple(
        [
            described(model.name.rpartition("models/")[2], model.model_dump(exclude={"name"}))
            async for model in found
            if "generateContent" in (model.supported_actions or ["generateContent"])
        ]
    )


def gemini_path(model: str) -> str:
    """Return the path and query of the stream for ``model``. A plain name is quoted as one segment."""
    is_resource = model.startswith(("models/", "tunedModels/"))
    name = quote(model, safe="/") if is_resource else f"models/{quote(model, safe='')}"
    return f"{name}:streamGenerateContent?alt=sse"


def vertex_path(model: str) -> str:
    """Return the same for Vertex, where a model is named ``publisher/model``, or without a publisher if it is Google's."""
    publisher, _, name = model.rpartition("/")
    path = f"publishers/{quote(publisher or 'google', safe='')}/models/{quote(name, safe='')}"
    return f"{path}:streamGenerateContent?alt=sse"


def _options(http: httpx2.AsyncClient, target: Target, base_url: str | None) -> Any:
    from google.genai.types import HttpOptions

    # The SDK puts a version of its own behind every address, and not every server has that one.
    version = _VERSION.search(base_url or "")
    if base_url and version:
        base_url = base_url[: version.start()]
    # Without a client of ours it takes aiohttp where that is installed.
    return HttpOptions(
        base_url=base_url,
        api_version=version and version[1],
        httpx_async_client=http,
        headers=dict(target.headers) or None,
    )
