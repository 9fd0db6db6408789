"""The options of a Responses call, and the files that it may show. Pure.

Source: https://platform.openai.com/docs/api-reference/responses/create
"""

from typing import Any

from providers.errors import LLMUnsupportedError
from providers.types import Json, MediaPart, ModelRequest
from providers.wires._media import data_url, file_name, refused
from providers.wires._openai_options import PLAIN_CHOICES, cache_fields, named_schema
from providers.wires._options import chosen_tool
from providers.wires.shapes import object_in, objects_in, text_in

#: What this wire says for itself, and what would make a call something else than one streamed answer.
RESERVED = frozenset(
    {
        *("model", "input", "instructions", "stream", "stream_options", "store"),
        *("background", "conversation", "previous_response_id", "prompt"),
    }
)

#: The provider's tools whose calls its own client would have to execute.
_CLIENT_TOOLS = frozenset({"custom", "local_shell", "apply_patch", "computer", "computer_use_preview"})


def tuned(request: ModelRequest) -> Json:
    """Return the fields that say the request's options, but for the effort."""
    options, quirks = request.options, request.quirks
    if options.stop_sequences:
        raise LLMUnsupportedError("OpenAI's Responses API knows no stop sequences: leave stop_sequences out.")
    for tool in objects_in(options.provider_options.get("tools")):
        _check_own_tool(tool)
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


def _check_own_tool(tool: Json) -> None:
    """Raise ``LLMUnsupportedError`` for a tool of the provider's whose calls would wait for an answer of its own client."""
    kind = text_in(tool.get("type"))
    is_local_shell = kind == "shell" and not text_in(
        object_in(tool.get("environment")).get("type")
    ).startswith("container")
    is_local_search = kind == "tool_search" and tool.get("execution") == "client"
    if kind in _CLIENT_TOOLS or is_local_shell or is_local_search:
        raise LLMUnsupportedError(
            f"Nothing here can execute the calls of a tool of the type {kind}: offer it as a function instead."
        )
    if kind == "mcp" and _may_ask(tool):
        raise LLMUnsupportedError(
            "The approvals that an MCP server of the provider's asks for cannot be given here: set its require_approval to "
            "never, or connect the server to Runnel itself, which asks you."
        )


def _may_ask(server: Json) -> bool:
    approval = server.get("require_approval")
    if not isinstance(approval, dict):
        return approval != "never"
    free, allowed = (
        names if isinstance(names := object_in(part).get("tool_names"), list) else []
        for part in (approval.get("never"), {"tool_names": server.get("allowed_tools")})
    )
    return not allowed or not all(name in free for name in allowed)


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
    if choice in PLAIN_CHOICES:
        return choice
    return {"type": "function", "name": choice}
