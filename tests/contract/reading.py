"""An independent reader of recorded provider streams, for comparison with the wires.

The contract tests compare its result with Runnel's for the same bytes. This module must never import
``providers``, because shared code could hide a shared mistake. It reads whole bodies, favours simple code
over speed, and depends neither on Django nor on an SDK.

Sources: the HTML standard on server-sent events, the providers' API references, and this project's
design for the accounting of tokens, the stop reasons and the error codes.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.contract.reading_anthropic import read_anthropic
from tests.contract.reading_gemini import read_gemini
from tests.contract.reading_notes import COUNTS, Json, Notes, Usage
from tests.contract.reading_openai import read_chat, read_responses

#: The folder of real streams that others recorded. It lies beside the project, never inside it.
_RECORDINGS = Path(__file__).resolve().parents[3] / "shared" / "recordings"

__all__ = ["COUNTS", "Json", "Reading", "Recording", "Usage", "decoded", "events", "read", "recordings"]


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


def _outcome(notes: Notes) -> tuple[str | None, str | None]:
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


_READERS: dict[str, Callable[[list[Json]], Notes]] = {
    "openai-chat": read_chat,
    "openai-responses": read_responses,
    "anthropic-messages": read_anthropic,
    "gemini-generate": read_gemini,
}
