"""The options of a Chat Completions call, and the files that it may show. Pure.

Source: https://platform.openai.com/docs/api-reference/chat/create; how servers that are compatible differ
is in ``providers.types.quirks``.
"""

import json
from typing import Any

from providers.errors import LLMUnsupportedError
from providers.text.file_text import prefixed
from providers.types import Json, MediaPart, ModelOptions, ModelRequest
from providers.wires._media import AUDIO_FORMATS, data_url, file_name, refused
from providers.wires._openai_options import PLAIN_CHOICES, cache_fields, named_schema
from providers.wires._options import chosen_tool, effort_of

#: What this wire says for itself. One choice is read, so another one would be paid for in vain.
RESERVED = frozenset({"model", "messages", "stream", "stream_options", "n", "store"})


def tuned(request: ModelRequest) -> Json:
    """Return the fields that say the request's options."""
    options, quirks = request.options, request.quirks
    fields: dict[str, Any] = {
        quirks.output_limit: options.max_output_tokens,
        "temperature": options.temperature,
        "top_p": options.top_p,
        "stop": list(options.stop_sequences) or None,
        "tool_choice": _tool_choice(chosen_tool(request)),
        "response_format": _response_format(request),
    }
    said = {name: value for name, value in fields.items() if value is not None}
    cache = cache_fields(request) if quirks.takes_cache_key else {}
    return said | _effort(request) | cache


def system(request: ModelRequest) -> str:
    """Return the system prompt; it holds the schema where the server takes one nowhere else."""
    schema = request.options.output_schema
    if schema is None or request.quirks.takes_json_schema:
        return request.system
    demand = f"Answer with JSON only, and let it follow this JSON Schema:\n{json.dumps(schema)}"
    return f"{request.system}\n\n{demand}" if request.system else demand


def show(part: MediaPart) -> Json:
    """Return ``part`` as a content part of a user's message, or raise ``LLMUnsupportedError``."""
    match part:
        case MediaPart(kind="image", data=str()):
            return {"type": "image_url", "image_url": {"url": data_url(part)}}
        case MediaPart(kind="image", url=str(url)):
            return {"type": "image_url", "image_url": {"url": url}}
        case MediaPart(kind="document", data=str()):
            return {"type": "file", "file": {"filename": file_name(part), "file_data": data_url(part)}}
        case MediaPart(kind="audio", data=str(data), mime_type=mime_type) if mime_type in AUDIO_FORMATS:
            audio = {"data": prefixed("", data), "format": AUDIO_FORMATS[mime_type]}
            return {"type": "input_audio", "input_audio": audio}
    raise refused(part, "Send an image, a document as a file, or audio as a WAV or MP3 file.")


def _tool_choice(choice: str | None) -> Json | str | None:
    if choice in PLAIN_CHOICES:
        return choice
    return {"type": "function", "function": {"name": choice}}


def _response_format(request: ModelRequest) -> Json | None:
    schema = request.options.output_schema
    if schema is None:
        return None
    if not request.quirks.takes_json_schema:
        return {"type": "json_object"}
    return {"type": "json_schema", "json_schema": named_schema(schema)}


def _effort(request: ModelRequest) -> Json:
    options = request.options
    effort = effort_of(options)
    if effort is None:
        return {}
    match request.quirks.effort:
        case "reasoning_effort":
            return {"reasoning_effort": effort}
        case "reasoning":
            return {"reasoning": _reasoning(options, effort)}
        case "thinking":
            return {"thinking": {"type": "disabled" if effort in {"none", "minimal"} else "enabled"}}
        case "thinking_effort" if effort == "none":
            return {"thinking": {"type": "disabled"}}
        case "thinking_effort":
            return {"thinking": {"type": "enabled"}, "reasoning_effort": effort}
        case None:
            raise LLMUnsupportedError(
                "This model's provider cannot be asked for more or less thinking: "
                "leave reasoning_effort and reasoning_budget out."
            )


def _reasoning(options: ModelOptions, effort: str) -> Json:
    """Return OpenRouter's words: it takes either of the two."""
    if options.reasoning_effort is None and options.reasoning_budget:
        return {"max_tokens": options.reasoning_budget}
    return {"effort": effort}
