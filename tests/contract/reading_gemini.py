"""Reads streams of Gemini, without anything of Runnel's."""

import json
import re
from typing import Any

from tests.contract.reading_notes import Call, Json, Notes, Usage, code_of, total

#: What is not named here ends an answer plainly, NO_IMAGE and IMAGE_OTHER included.
_GEMINI_ENDS = {
    "MAX_TOKENS": "length",
    "CONTINUATION": "length",
    "MALFORMED_FUNCTION_CALL": "malformed_call",
    "UNEXPECTED_TOOL_CALL": "malformed_call",
    "TOO_MANY_TOOL_CALLS": "malformed_call",
    "MISSING_THOUGHT_SIGNATURE": "unsigned",
    "MALFORMED_RESPONSE": "malformed",
} | dict.fromkeys(
    (
        "SAFETY",
        "RECITATION",
        "BLOCKLIST",
        "PROHIBITED_CONTENT",
        "SPII",
        "LANGUAGE",
        "ESCALATION",
        "MODEL_ARMOR",
        "IMAGE_SAFETY",
        "IMAGE_PROHIBITED_CONTENT",
        "IMAGE_RECITATION",
    ),
    "blocked",
)


#: Keys of a part that describe it; the others say what it is.
_GEMINI_ASIDES = {
    "thought",
    "thoughtSignature",
    "partMetadata",
    "mediaResolution",
    "mediaProcessing",
    "videoMetadata",
    "audioMetadata",
    "documentMetadata",
    "spreadsheetMetadata",
    "speechMetadata",
}


def read_gemini(stream: list[Json]) -> Notes:
    notes = Notes()
    open_call: Json | None = None
    for chunk in stream:
        if error := chunk.get("error"):
            notes.error_code = code_of(error)
            break
        notes.response_id = notes.response_id or chunk.get("responseId")
        notes.model = notes.model or chunk.get("modelVersion")
        if usage := chunk.get("usageMetadata"):
            notes.usage = _gemini_usage(usage)
        if (chunk.get("promptFeedback") or {}).get("blockReason"):
            notes.end = "blocked"
        for candidate in chunk.get("candidates") or []:
            if candidate.get("index", 0) != 0:
                continue
            for part in (candidate.get("content") or {}).get("parts") or []:
                open_call = _read_part(notes, part, open_call)
            if reason := candidate.get("finishReason"):
                notes.end = _GEMINI_ENDS.get(reason, "plain")
    return notes


def _read_part(notes: Notes, part: Json, open_call: Json | None) -> Json | None:
    """Note what ``part`` says; return the arguments of the call that it leaves open."""
    notes.sealed += filter(None, [part.get("thoughtSignature")])
    for kind in part.keys() - _GEMINI_ASIDES:
        match kind:
            case "text":
                (notes.reasoning if part.get("thought") else notes.text).append(part["text"])
            case "functionCall":
                return _read_function_call(notes, part["functionCall"], open_call)
            case _:
                notes.items.append(kind)
    return open_call


def _read_function_call(notes: Notes, call: Json, arguments: Json | None) -> Json | None:
    """Vertex AI sends one call in many parts: a name, then values by their paths, then nothing."""
    if arguments is None:
        arguments = dict(call.get("args") or {})
        notes.calls.append(Call(name=call["name"]))
    for piece in call.get("partialArgs") or []:
        _put(arguments, _steps(piece["jsonPath"]), _partial_value(piece))
    notes.calls[-1].arguments = json.dumps(arguments)
    return arguments if call.get("willContinue") else None


def _partial_value(piece: Json) -> Any:
    values = ("stringValue", "numberValue", "boolValue")
    return next((piece[name] for name in values if name in piece), None)


def _steps(path: str) -> list[str | int]:
    """Return the steps of a singular JSON path (RFC 9535): ``$.steps[0]`` is ``["steps", 0]``."""
    found = re.findall(r"\.([^.\[]+)|\[(\d+)\]|\['([^']*)'\]", path)
    return [int(index) if index else name or quoted for name, index, quoted in found]


def _put(target: Any, steps: list[str | int], value: Any) -> None:
    """Set what ``steps`` lead to in ``target``, or extend it where words go on."""
    *above, last = steps
    for step, below in zip(above, steps[1:], strict=True):
        target = _at(target, step, [] if isinstance(below, int) else {})
    old = _at(target, last, None)
    target[last] = old + value if isinstance(old, str) and isinstance(value, str) else value


def _at(target: Any, step: str | int, missing: Any) -> Any:
    """Return what is at ``step``, put there as ``missing`` if nothing is."""
    if isinstance(step, str):
        return target.setdefault(step, missing)
    if step == len(target):
        target.append(missing)
    return target[step]


def _gemini_usage(usage: Json) -> Usage:
    thoughts = usage.get("thoughtsTokenCount")
    return {
        "input_tokens": total(usage.get("promptTokenCount"), usage.get("toolUsePromptTokenCount")),
        "cached_input_tokens": usage.get("cachedContentTokenCount"),
        "cache_write_input_tokens": None,
        "output_tokens": total(usage.get("candidatesTokenCount"), thoughts),
        "reasoning_tokens": thoughts,
    }
