"""An independent reader of recorded provider streams, for comparison with the wires.

The contract tests compare its result with Runnel's for the same bytes. This module must never import
``providers``, because shared code could hide a shared mistake. It reads whole bodies, favours simple code
over speed, and depends neither on Django nor on an SDK.

Sources: the HTML standard on server-sent events, the providers' API references, and this project's
design for the accounting of tokens, the stop reasons and the error codes.
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

type Json = dict[str, Any]
type Usage = dict[str, int | None]

COUNTS = (
    "input_tokens",
    "cached_input_tokens",
    "cache_write_input_tokens",
    "output_tokens",
    "reasoning_tokens",
)


#: The folder of real streams that others recorded. It lies beside the project, never inside it.
_RECORDINGS = Path(__file__).resolve().parents[3] / "shared" / "recordings"


@dataclass(frozen=True, kw_only=True, slots=True)
class Recording:
    """One response body as received, with its metadata."""

    wire: str
    name: str
    sse: bytes
    meta: Json


def recordings() -> list[Recording]:
    """Return all recordings; none if the folder does not exist."""
    return [
        Recording(
            wire=path.parent.name,
            name=path.stem,
            sse=path.read_bytes(),
            meta=json.loads(path.with_suffix(".json").read_bytes()),
        )
        for path in sorted(_RECORDINGS.glob("*/*.sse"))
    ]


@dataclass(frozen=True, kw_only=True, slots=True)
class Reading:
    """The content, the usage and the end of one answer."""

    #: The whole text of choice or candidate 0, a refusal included, without separators.
    text: str
    #: Every visible thought or summary of thoughts, without separators.
    reasoning: str
    #: Signatures, encrypted reasoning and redacted thinking, in order.
    sealed: tuple[str, ...]
    #: Function calls only: the name, and the decoded arguments, or their text if they are not JSON.
    tool_calls: tuple[tuple[str, Any], ...]
    #: The provider's names of all other items in its answer, in the order of their completion.
    provider_items: tuple[str, ...]
    #: The protocol's stop reason; ``None`` for a call that failed.
    stop_reason: str | None
    #: The protocol's error code; ``None`` for a call that did not fail.
    error_code: str | None
    #: The five counts of ``COUNTS``; ``None`` is "not reported".
    usage: Usage
    response_id: str | None
    model: str | None


@dataclass(kw_only=True)
class _Call:
    """A function call whose pieces are still arriving."""

    id: str | None = None
    name: str = ""
    arguments: str = ""
    #: Its place among the answer's items, if that differs from the order of completion.
    place: int = 0


@dataclass(kw_only=True)
class _Notes:
    """The notes of a reader while it reads a stream."""

    text: list[str] = field(default_factory=list)
    reasoning: list[str] = field(default_factory=list)
    sealed: list[str] = field(default_factory=list)
    calls: list[_Call] = field(default_factory=list)
    items: list[str] = field(default_factory=list)
    usage: Usage = field(default_factory=lambda: dict.fromkeys(COUNTS))
    response_id: str | None = None
    model: str | None = None
    #: Whether the provider marked a part of the text as a refusal.
    refused: bool = False
    #: ``plain``, ``stop_sequence``, ``filtered`` or a key of ``_ENDS``; ``None`` before the end.
    end: str | None = None
    error_code: str | None = None


#: Ends whose meaning does not depend on the content before them: stop reason and error code.
_ENDS: dict[str, tuple[str | None, str | None]] = {
    "length": ("max_tokens_exceeded", None),
    "blocked": (None, "llm_content_filter"),
    "context": (None, "llm_context_window_exceeded"),
    "malformed": (None, "invalid_llm_response"),
    "malformed_call": (None, "invalid_tool_call"),
    "broken_off": (None, "llm_server"),
    "out_of_resources": (None, "llm_provider_overloaded"),
    "unsigned": (None, "llm_bad_request"),
}


def read(wire: str, sse: bytes, meta: Mapping[str, Any]) -> Reading:
    """Return the content of the body ``sse`` in the format ``wire``, up to its first terminal event.

    ``meta`` is the recording's metadata. It only has to name the same wire: everything else must follow from
    the bytes.

    Raises:
        ValueError: ``meta`` names another wire.
        KeyError: there is no wire of this name.
    """
    if meta.get("wire", wire) != wire:
        raise ValueError(f"a recording of {meta['wire']} read as {wire}")
    notes = _READERS[wire](events(sse))
    stop_reason, error_code = _outcome(notes)
    return Reading(
        text="".join(notes.text),
        reasoning="".join(notes.reasoning),
        sealed=tuple(notes.sealed),
        tool_calls=tuple((call.name, decoded(call.arguments)) for call in notes.calls),
        provider_items=tuple(notes.items),
        stop_reason=stop_reason,
        error_code=error_code,
        usage=notes.usage,
        response_id=notes.response_id,
        model=notes.model,
    )


def events(sse: bytes) -> list[Json]:
    """Return the decoded JSON of every event before ``[DONE]``.

    An event that the end of the body leaves open counts, because a message may be complete without
    its last newline. A bare JSON object between events counts too: Vertex AI reports errors like
    that. Data that is no JSON object becomes an error event, which is one in every format.
    """
    found: list[Json] = []
    data: list[bytes] = []
    bare: list[bytes] = []
    for raw in [*sse.removeprefix(b"\xef\xbb\xbf").split(b"\n"), b""]:
        line = raw.removesuffix(b"\r")
        name, _, value = line.partition(b":")
        if name == b"data":
            data.append(value.removeprefix(b" "))
        elif line and name not in {b"", b"event", b"id", b"retry"}:
            bare.append(line)
        elif not line:
            body = b"\n".join(data or (bare if bare and bare[0].startswith(b"{") else []))
            data, bare = [], []
            if body == b"[DONE]":
                break
            if body:
                found.append(_event(body))
    return found


def _event(body: bytes) -> Json:
    try:
        event = json.loads(body)
    except ValueError:
        event = None
    if isinstance(event, dict):
        return event
    return {"type": "error", "error": {"type": "connection_error", "message": "no JSON object"}}


def decoded(arguments: str) -> Any:
    """Return a call's arguments as JSON, or as they are; none at all are how some send ``{}``."""
    try:
        return json.loads(arguments or "{}")
    except ValueError:
        return arguments


def _outcome(notes: _Notes) -> tuple[str | None, str | None]:
    """Return the stop reason and the error code, one of which is ``None``."""
    said_something = any((*notes.text, *notes.reasoning, *notes.sealed, *notes.calls, *notes.items))
    if notes.error_code:
        return None, notes.error_code
    if notes.end is None:
        return None, "llm_connection" if said_something or notes.response_id else "invalid_llm_response"
    if notes.end in _ENDS:
        return _ENDS[notes.end]
    if notes.end == "filtered":
        return ("content_filter", None) if any(notes.text) else (None, "llm_content_filter")
    if notes.refused:
        return "content_filter", None
    if any(isinstance(decoded(call.arguments), str) for call in notes.calls):
        return None, "invalid_tool_call"
    if notes.calls:
        return "tool_calls", None
    if notes.end == "plain" and not said_something:
        return None, "invalid_llm_response"
    return "end_turn", None


_CONTEXT_WINDOW = (
    "context_length|context window|context size|maximum context|prompt is too long|token count.*exceed"
)

#: From a mark in what the provider says about an error to the code; the first that is found wins.
_ERROR_CODES = (
    # The model called a tool wrongly; the request was in order, although Groq says 400.
    (r"tool_use_failed", "invalid_tool_call"),
    (r"\b402\b|billing|insufficient_quota|credit|spend limit", "llm_insufficient_credits"),
    (r"\b429\b|rate_limit|resource_exhausted|throttl", "llm_rate_limit"),
    (r"\b(503|529)\b|overloaded|unavailable", "llm_provider_overloaded"),
    (r"\b(408|504)\b|timeout|deadline_exceeded", "llm_timeout"),
    (r"\b401\b|authentication|unauthenticated|invalid_api_key", "llm_authentication"),
    (r"\b403\b|permission", "llm_permission_denied"),
    (r"\b404\b|not_found", "llm_not_found"),
    (r"\b409\b|conflict", "llm_conflict"),
    (r"\b422\b|unprocessable", "llm_unprocessable_entity"),
    (r"\b(400|413)\b|invalid_request|invalid_argument|failed_precondition", "llm_bad_request"),
    (r"connection_error", "llm_connection"),
)


def _error_code(error: Json) -> str:
    """Return the protocol's code for an error that came inside the stream.

    One that says nothing we know is the provider's fault: it had accepted the request by then.
    """
    marks = " ".join(str(error.get(key)) for key in ("status_code", "code", "type", "status"))
    if re.search(_CONTEXT_WINDOW, f"{marks} {error.get('message')}", re.IGNORECASE):
        return "llm_context_window_exceeded"
    for pattern, code in _ERROR_CODES:
        if re.search(pattern, marks, re.IGNORECASE):
            return code
    return "llm_server"


#: OpenAI's words, and what others say for the same.
_CHAT_ENDS = {
    "length": "length",
    "model_length": "length",
    "content_filter": "filtered",
    "sensitive": "filtered",
    "model_context_window_exceeded": "context",
    "network_error": "broken_off",
    "insufficient_system_resource": "out_of_resources",
}


def _read_chat(stream: list[Json]) -> _Notes:
    notes = _Notes()
    slots: dict[int, _Call] = {}
    # Groq runs tools itself; it says each twice, first without what came of it.
    executed: dict[int, str] = {}
    for chunk in stream:
        if error := chunk.get("error"):
            notes.error_code = _error_code(error)
            break
        notes.response_id = notes.response_id or chunk.get("id") or None
        notes.model = notes.model or chunk.get("model") or None
        if usage := chunk.get("usage") or (chunk.get("x_groq") or {}).get("usage"):
            notes.usage = _chat_usage(usage)
        for choice in chunk.get("choices") or []:
            if choice.get("index", 0) != 0:
                continue
            delta = choice.get("delta") or {}
            _read_chat_words(notes, delta)
            executed |= {tool["index"]: tool["type"] for tool in delta.get("executed_tools") or []}
            for piece in delta.get("tool_calls") or []:
                _read_chat_call(notes, slots, piece)
            if reason := choice.get("finish_reason"):
                notes.end = _CHAT_ENDS.get(reason, "plain")
    notes.items += executed.values()
    return notes


def _read_chat_words(notes: _Notes, delta: Json) -> None:
    content = delta.get("content") or ""
    parts: list[Json] = [{"type": "text", "text": content}] if isinstance(content, str) else content
    for part in parts:
        if part["type"] == "text":
            notes.text.append(part["text"])
        elif part["type"] == "thinking":
            notes.reasoning += [thought.get("text", "") for thought in part["thinking"]]
    if refusal := delta.get("refusal"):
        notes.refused = True
        notes.text.append(refusal)
    details = delta.get("reasoning_details") or []
    spelled_out = "".join(detail.get("text") or detail.get("summary") or "" for detail in details)
    # OpenRouter says the same words in two places.
    notes.reasoning.append(delta.get("reasoning_content") or delta.get("reasoning") or spelled_out)
    for detail in details:
        notes.sealed += [detail[key] for key in ("signature", "data") if detail.get(key)]


def _read_chat_call(notes: _Notes, slots: dict[int, _Call], piece: Json) -> None:
    slot = piece.get("index") or 0
    call_id = piece.get("id") or None
    if slot not in slots or (call_id and slots[slot].id not in {None, call_id}):
        slots[slot] = _Call(id=call_id)
        notes.calls.append(slots[slot])
    function = piece.get("function") or {}
    slots[slot].name = slots[slot].name or function.get("name") or ""
    slots[slot].arguments += function.get("arguments") or ""


def _chat_usage(usage: Json) -> Usage:
    prompt, completion = usage.get("prompt_tokens"), usage.get("completion_tokens")
    inputs = usage.get("prompt_tokens_details") or {}
    reasoning = (usage.get("completion_tokens_details") or {}).get("reasoning_tokens")
    if reasoning and usage.get("total_tokens") == _sum(prompt, completion, reasoning):
        # xAI counts what was thought beside what was said.
        completion = _sum(completion, reasoning)
    cached = inputs.get("cached_tokens")
    return {
        "input_tokens": prompt,
        "cached_input_tokens": usage.get("prompt_cache_hit_tokens") if cached is None else cached,
        "cache_write_input_tokens": inputs.get("cache_write_tokens"),
        "output_tokens": completion,
        "reasoning_tokens": reasoning,
    }


def _read_responses(stream: list[Json]) -> _Notes:
    notes = _Notes()
    for event in stream:
        # Perplexity ends with the response itself.
        response = event.get("response") or event
        notes.response_id = notes.response_id or response.get("id")
        notes.model = response.get("model") or notes.model
        if usage := response.get("usage"):
            notes.usage = _responses_usage(usage)
        match event["type"]:
            case "response.output_text.delta":
                notes.text.append(event["delta"])
            case "response.refusal.delta":
                notes.refused = True
                notes.text.append(event["delta"])
            case "response.reasoning_summary_text.delta" | "response.reasoning_text.delta":
                notes.reasoning.append(event["delta"])
            case "response.output_item.done":
                _read_item(notes, event["item"], event.get("output_index") or 0)
            case "response.completed" | "response.incomplete" | "response.failed":
                _read_end(notes, event, response)
            case "error":
                notes.error_code = _error_code(event.get("error") or event)
        if notes.end or notes.error_code:
            break
    notes.calls.sort(key=lambda call: call.place)
    return notes


def _read_end(notes: _Notes, event: Json, response: Json) -> None:
    if event["type"] == "response.failed":
        notes.error_code = _error_code(response.get("error") or {})
    elif event["type"] == "response.incomplete":
        reason = (response.get("incomplete_details") or {}).get("reason")
        notes.end = "filtered" if reason == "content_filter" else "length"
    else:
        notes.end = "plain"
    if response is event:
        for place, item in enumerate(event.get("output") or []):
            _read_item(notes, item, place)


def _read_item(notes: _Notes, item: Json, place: int) -> None:
    match item["type"]:
        case "message":
            return
        case "reasoning":
            notes.sealed += filter(None, [item.get("encrypted_content")])
        case "function_call":
            notes.calls.append(_Call(name=item["name"], arguments=item["arguments"], place=place))
        case kind:
            notes.items.append(kind)


def _responses_usage(usage: Json) -> Usage:
    inputs, outputs = usage.get("input_tokens_details") or {}, usage.get("output_tokens_details") or {}
    return {
        "input_tokens": usage.get("input_tokens"),
        "cached_input_tokens": inputs.get("cached_tokens"),
        "cache_write_input_tokens": inputs.get("cache_write_tokens"),
        "output_tokens": usage.get("output_tokens"),
        "reasoning_tokens": outputs.get("reasoning_tokens"),
    }


_ANTHROPIC_ENDS = {
    "max_tokens": "length",
    "stop_sequence": "stop_sequence",
    "refusal": "blocked",
    "model_context_window_exceeded": "context",
}

#: Blocks that are text, reasoning or a function call, and so no provider item.
_ANTHROPIC_WORDS = {"text", "thinking", "redacted_thinking", "tool_use"}


def _read_anthropic(stream: list[Json]) -> _Notes:
    notes = _Notes()
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
                notes.error_code = _error_code(event["error"])
    notes.usage = _anthropic_usage(usage)
    return notes


def _read_start(notes: _Notes, message: Json) -> Json:
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


def _read_block(notes: _Notes, block: Json) -> None:
    # Empty as a rule, but nothing says that it has to be.
    notes.text.append(block.get("text") or "")
    notes.reasoning.append(block.get("thinking") or "")
    match block["type"]:
        case "redacted_thinking":
            notes.sealed.append(block["data"])
        case "tool_use":
            # The input comes in pieces, or whole with the start.
            notes.calls.append(
                _Call(name=block["name"], arguments=json.dumps(block["input"]) if block.get("input") else "")
            )
        case "fallback":
            # Another model goes on; message_start has named the one that declined.
            notes.model = block["to"]["model"]


def _anthropic_usage(usage: Json) -> Usage:
    parts = ("input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens")
    return {
        "input_tokens": _sum(*(usage.get(part) for part in parts)),
        "cached_input_tokens": usage.get("cache_read_input_tokens"),
        "cache_write_input_tokens": usage.get("cache_creation_input_tokens"),
        "output_tokens": usage.get("output_tokens"),
        "reasoning_tokens": (usage.get("output_tokens_details") or {}).get("thinking_tokens"),
    }


def _sum(*counts: int | None) -> int | None:
    """Return the sum of the counts that were reported, ``None`` when there is none."""
    reported = [count for count in counts if count is not None]
    return sum(reported) if reported else None


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


def _read_gemini(stream: list[Json]) -> _Notes:
    notes = _Notes()
    open_call: Json | None = None
    for chunk in stream:
        if error := chunk.get("error"):
            notes.error_code = _error_code(error)
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


def _read_part(notes: _Notes, part: Json, open_call: Json | None) -> Json | None:
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


def _read_function_call(notes: _Notes, call: Json, arguments: Json | None) -> Json | None:
    """Vertex AI sends one call in many parts: a name, then values by their paths, then nothing."""
    if arguments is None:
        arguments = dict(call.get("args") or {})
        notes.calls.append(_Call(name=call["name"]))
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
        "input_tokens": _sum(usage.get("promptTokenCount"), usage.get("toolUsePromptTokenCount")),
        "cached_input_tokens": usage.get("cachedContentTokenCount"),
        "cache_write_input_tokens": None,
        "output_tokens": _sum(usage.get("candidatesTokenCount"), thoughts),
        "reasoning_tokens": thoughts,
    }


_READERS: dict[str, Callable[[list[Json]], _Notes]] = {
    "openai-chat": _read_chat,
    "openai-responses": _read_responses,
    "anthropic-messages": _read_anthropic,
    "gemini-generate": _read_gemini,
}
