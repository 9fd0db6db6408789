"""The options of a ``generateContent`` call, and the files that it may show. Pure.

Prompts are kept there without being asked, so a cache hint says nothing.
Source: https://ai.google.dev/api/generate-content
"""

import re
from typing import Any

from providers.text.file_text import prefixed
from providers.types import Json, MediaPart, ModelRequest
from providers.wires._media import refused
from providers.wires._options import budget_of, chosen_tool, effort_of

#: What this wire says for itself.
RESERVED = frozenset({"model", "contents", "systemInstruction"})

#: Signatures are demanded of these on the first call of every step; it is ``latest`` for good.
SIGNING = re.compile(r"gemini-([3-9]|\d\d|(pro|flash|flash-lite)-latest)")
#: These take a budget instead of a level.
_BUDGETED = re.compile(r"gemini-2\.5")
#: What shares their names and cannot think; it refuses a ``thinkingConfig``.
_UNTHINKING = re.compile(r"image|tts|audio|live|embedding")

#: Google's own equivalents of an effort: https://ai.google.dev/gemini-api/docs/openai
_BUDGETS = {"none": 0, "minimal": 1_024, "low": 1_024, "medium": 8_192, "high": 24_576}


def bare(model: str) -> str:
    """Return the model's own name, without a path such as ``models/``."""
    return model.rpartition("/")[2]


def tuned(request: ModelRequest) -> Json:
    """Return the fields that say the request's options."""
    options = request.options
    config: dict[str, Any] = {
        "maxOutputTokens": options.max_output_tokens,
        "temperature": options.temperature,
        "topP": options.top_p,
        "stopSequences": list(options.stop_sequences) or None,
        "responseMimeType": None if options.output_schema is None else "application/json",
        "responseJsonSchema": options.output_schema,
        "thinkingConfig": _thinking(request) or None,
    }
    fields = {
        "generationConfig": {name: value for name, value in config.items() if value is not None},
        "toolConfig": _tool_config(chosen_tool(request)),
    }
    return {name: value for name, value in fields.items() if value}


def show(part: MediaPart) -> Json:
    """Return ``part`` as a part of a content, or raise ``LLMUnsupportedError``."""
    if part.data is not None and part.mime_type:
        return {"inlineData": {"mimeType": part.mime_type, "data": prefixed("", part.data)}}
    if part.data is None and part.url is not None:
        file = {"fileUri": part.url}
        return {"fileData": {**file, "mimeType": part.mime_type} if part.mime_type else file}
    raise refused(part, "Say of which type the file is.")


def _thinking(request: ModelRequest) -> Json:
    model, options = bare(request.origin.model), request.options
    if _UNTHINKING.search(model):
        return {}
    if _BUDGETED.match(model):
        budget = budget_of(options, _BUDGETS)
        return {"includeThoughts": True} | ({} if budget is None else {"thinkingBudget": budget})
    if SIGNING.match(model):
        effort = effort_of(options)
        level = "minimal" if effort == "none" else effort
        return {"includeThoughts": True} | ({"thinkingLevel": level.upper()} if level else {})
    return {}


def _tool_config(choice: str | None) -> Json:
    match choice:
        case None:
            return {}
        case "auto" | "none":
            config: Json = {"mode": choice.upper()}
        case "required":
            config = {"mode": "ANY"}
        case _:
            config = {"mode": "ANY", "allowedFunctionNames": [choice]}
    return {"functionCallingConfig": config}
