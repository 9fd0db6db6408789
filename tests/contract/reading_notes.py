"""What the independent readers of all wires note."""

import re
from dataclasses import dataclass, field
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


@dataclass(kw_only=True)
class Call:
    """A function call whose pieces are still arriving."""

    id: str | None = None
    name: str = ""
    arguments: str = ""
    #: Its place among the answer's items, if that differs from the order of completion.
    place: int = 0


@dataclass(kw_only=True)
class Notes:
    """The notes of a reader while it reads a stream."""

    text: list[str] = field(default_factory=list)
    reasoning: list[str] = field(default_factory=list)
    sealed: list[str] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)
    items: list[str] = field(default_factory=list)
    usage: Usage = field(default_factory=lambda: dict.fromkeys(COUNTS))
    response_id: str | None = None
    model: str | None = None
    #: Whether the provider marked a part of the text as a refusal.
    refused: bool = False
    #: ``plain``, ``stop_sequence``, ``filtered`` or a key of ``_ENDS``; ``None`` before the end.
    end: str | None = None
    error_code: str | None = None


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


def code_of(error: Json) -> str:
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


def total(*counts: int | None) -> int | None:
    """Return the sum of the counts that were reported, ``None`` when there is none."""
    reported = [count for count in counts if count is not None]
    return sum(reported) if reported else None
