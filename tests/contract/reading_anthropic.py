"""Reads streams of Anthropic Messages, without anything of Runnel's."""

import json

from tests.contract.reading_notes import Call, Json, Notes, Usage, code_of, total

_ANTHROPIC_ENDS = {
    "max_tokens": "length",
    "stop_sequence": "stop_sequence",
    "refusal": "blocked",
    "model_context_window_exceeded": "context",
}


#: Blocks that are text, reasoning or a function call, and so no provider item.
_ANTHROPIC_WORDS = {"text", "thinking", "redacted_thinking", "tool_use"}


def read_anthropic(stream: list[Json]) -> Notes:
    notes = Notes()
    usage: Json = {}
    kinds: dict[int, str] = {}
    for event in stream:
        match event["type"]:
            case "message_start":
                usage |= _read_start(notes, event["message"])
            case "content_block_start":
                _read_block(notes, event["content_block"])
                kinds[event["index"]] = event["content_block"]["type"]
            case "content_block_delta":
                delta = event["delta"]
                notes.text.append(delta.get("text") or "")
                notes.reasoning.append(delta.get("thinking") or "")
                notes.sealed += filter(None, [delta.get("signature")])
                if kinds[event["index"]] == "tool_use":
                    notes.calls[-1].arguments += delta.get("partial_json") or ""
            case "content_block_stop":
                notes.items += {kinds[event["index"]]} - _ANTHROPIC_WORDS
            case "message_delta":
                counts = event.get("usage") or {}
                usage |= {key: value for key, value in counts.items() if value is not None}
                if reason := (event.get("delta") or {}).get("stop_reason"):
                    notes.end = _ANTHROPIC_ENDS.get(reason, "plain")
            case "message_stop":
                notes.end = notes.end or "plain"
            case "error":
                notes.error_code = code_of(event["error"])
    notes.usage = _anthropic_usage(usage)
    return notes


def _read_start(notes: Notes, message: Json) -> Json:
    """Note what a message holds before it streams, even its end; return what it says of the usage."""
    notes.response_id, notes.model = message.get("id"), message.get("model")
    for block in message.get("content") or []:
        _read_block(notes, block)
        notes.items += {block["type"]} - _ANTHROPIC_WORDS
    usage: Json = message.get("usage") or {}
    if reason := message.get("stop_reason"):
        notes.end = _ANTHROPIC_ENDS.get(reason, "plain")
        return usage
    # What was written by then says nothing about the answer.
    return {name: count for name, count in usage.items() if not name.startswith("output_")}


def _read_block(notes: Notes, block: Json) -> None:
    # Empty as a rule, but nothing says that it has to be.
    notes.text.append(block.get("text") or "")
    notes.reasoning.append(block.get("thinking") or "")
    match block["type"]:
        case "redacted_thinking":
            notes.sealed.append(block["data"])
        case "tool_use":
            # The input comes in pieces, or whole with the start.
            notes.calls.append(
                Call(name=block["name"], arguments=json.dumps(block["input"]) if block.get("input") else "")
            )
        case "fallback":
            # Another model goes on; message_start has named the one that declined.
            notes.model = block["to"]["model"]


def _anthropic_usage(usage: Json) -> Usage:
    parts = ("input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens")
    return {
        "input_tokens": total(*(usage.get(part) for part in parts)),
        "cached_input_tokens": usage.get("cache_read_input_tokens"),
        "cache_write_input_tokens": usage.get("cache_creation_input_tokens"),
        "output_tokens": usage.get("output_tokens"),
        "reasoning_tokens": (usage.get("output_tokens_details") or {}).get("thinking_tokens"),
    }
