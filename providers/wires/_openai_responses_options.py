"""The options of a Responses call, and the files that it may show. Pure.

Source: https://platform.openai.com/docs/api-reference/responses/create
"""

from typing import Any

from providers.errors import LLMUnsupportedError
from providers.types import Json, MediaPart, ModelRequest
from providers.wires._media import data_url, file_name, refused
from providers.wires._openai_options import cache_fields, named_schema
from providers.wires._options import chosen_tool

#: What this wire says for itself, and what would make a call something else than one streamed answer.
RESERVED = frozenset(
    {
        *("model", "input", "instructions", "stream", "stream_options", "store"),
        *("background", "conversation", "previous_response_id", "prompt"),
    }
)

_FUNCTION_CHOICES = {"auto", "none", "required"}


def tuned(request: ModelRequest) -> Json:
    """Return the fields that say the request's options, but for the effort."""
    options, quirks = request.options, request.quirks
    if options.stop_sequences:
        raise LLMUnsupportedError("OpenAI's Responses API knows no stop sequences: leave stop_sequences out.")
    schema = options.output_schema
    fields: dict[str, Any] = {
        "max_output_tokens": options.max_output_tokens,
        "temperature": options.temperature,
        "top_p": options.top_p,
        "tool_choice": _tool_choice(chosen_tool(request)),
        "text": None if schema is None else {"format": {"type": "json_schema", **named_schema(schema)}},
    }
    said = {name: value for name, value in fields.items() if value is not None}
    if refused_here := sorted(quirks.refuses & said.keys()):
        raise LLMUnsupportedError(f"This model's provider takes no {refused_here[0]}: leave it out.")
    return said | (cache_fields(request) if quirks.takes_cache_key else {})


def show(part: MediaPart) -> Json:
    """Return ``part`` as a content part of a user's message, or raise ``LLMUnsupportedError``."""
    match part:
        case MediaPart(kind="image", data=str()):
            return {"type": "input_image", "image_url": data_url(part), "detail": "auto"}
        case MediaPart(kind="image", url=str(url)):
            return {"type": "input_image", "image_url": url, "detail": "auto"}
        case MediaPart(kind="document", data=str()):
            return {"type": "input_file", "filename": file_name(part), "file_data": data_url(part)}
        case MediaPart(kind="document", url=str(url)):
            return {"type": "input_file", "file_url": url}
    raise refused(part, "Send an image or a document.")


def _tool_choice(choice: str | None) -> Json | str | None:
    if choice is None or choice in _FUNCTION_CHOICES:
        return choice
    return {"type": "function", "name": choice}
