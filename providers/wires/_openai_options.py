"""What both OpenAI wires say of a request's options in the same words. Pure."""

import json
from hashlib import sha256

from providers.types import Json, MediaPart, ModelRequest, TextPart
from providers.wires._schemas import is_strict

#: Tool choices that name no function.
PLAIN_CHOICES = frozenset({None, "auto", "none", "required"})

#: Characters by which files are told apart.
_COMPARED = 10_000


def named_schema(schema: Json) -> Json:
    """Return a demand for an answer that follows ``schema``; strict where OpenAI's subset has room for it."""
    return {"name": "answer", "schema": schema, "strict": is_strict(schema)}


def cache_fields(request: ModelRequest) -> Json:
    """Return what keeps the calls of one conversation at the same cache, and that for how long.

    ``prompt_cache_options`` says it better, but older models refuse that.
    """
    if request.options.cache is None:
        return {}
    fields: Json = {"prompt_cache_key": _cache_key(request)}
    if request.options.cache == "long":
        fields["prompt_cache_retention"] = "24h"
    return fields


def _cache_key(request: ModelRequest) -> str:
    """Return what a conversation's prompts have in common: how they begin."""
    first = request.messages[0].parts if request.messages else ()
    words = [part.text for part in first if isinstance(part, TextPart)]
    words += [_beginning(part) for part in first if isinstance(part, MediaPart)]
    tools = [[tool.name, tool.description, tool.parameters] for tool in request.tools]
    beginning = json.dumps([request.system, tools, words], sort_keys=True)
    return sha256(beginning.encode()).hexdigest()[:32]


def _beginning(part: MediaPart) -> str:
    """Return what tells a file from others, of a length that is hashed at once in each step."""
    text = part.data or part.url or ""
    return f"{len(text)}:{text[:_COMPARED]}"
