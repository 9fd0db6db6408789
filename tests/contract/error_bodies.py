"""Error answers of real providers, and the protocol code that each must get, by an independent reader.

Like ``reading``, this module must never import ``providers``. It includes a few hand-written bodies, so that
the tests run without recordings too.
"""

import json
import re
from dataclasses import dataclass
from pathlib import Path

from tests.contract.reading import Json

_RECORDED = Path(__file__).resolve().parents[3] / "shared" / "recordings" / "errors"

#: The wires of providers whose recordings do not name one; all other providers speak OpenAI's.
_WIRES = {"anthropic": "anthropic-messages", "gemini": "gemini-generate"}


@dataclass(frozen=True, kw_only=True, slots=True)
class ErrorBody:
    """One answer that is not 2xx. ``record`` is the JSON that the emulator plays."""

    provider: str
    name: str
    wire: str
    status: int
    #: The body alone, as text.
    text: str
    record: bytes


def error_bodies() -> list[ErrorBody]:
    """Return every recorded error, if there are any, and the hand-written ones."""
    recorded = [
        _error_body(path.parent.name, path.stem, json.loads(path.read_bytes()))
        for path in sorted(_RECORDED.glob("*/*.json"))
    ]
    return recorded + [_error_body("by-hand", name, record) for name, record in _BY_HAND.items()]


def _error_body(provider: str, name: str, record: Json) -> ErrorBody:
    body = record["body"]
    return ErrorBody(
        provider=provider,
        name=name,
        wire=record.get("wire") or _WIRES.get(provider, "openai-chat"),
        status=record["status"],
        text=body if isinstance(body, str) else json.dumps(body),
        record=json.dumps(record).encode(),
    )


_BY_HAND: dict[str, Json] = {
    "overloaded": {
        "status": 529,
        "wire": "anthropic-messages",
        "body": {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}},
    },
    "too-long": {
        "status": 400,
        "wire": "gemini-generate",
        "body": {"error": {"code": 400, "message": "The input token count (9) exceeds the maximum."}},
    },
    "no-json": {
        "status": 502,
        "content_type": "text/html",
        "wire": "openai-responses",
        "body": "<html><head><title>502 Bad Gateway</title></head><body>nginx</body></html>",
    },
    "no-key": {
        "status": 401,
        "wire": "openai-chat",
        "body": {"error": {"message": "Incorrect API key provided: sk-no.", "code": "invalid_api_key"}},
    },
}

#: Words in a body that are more specific than its status; the first that is found counts.
_TELLING = (
    (r"context.(length|size|window)|prompt is too long|token count.*exceeds", "llm_context_window_exceeded"),
    (r"insufficient_quota", "llm_insufficient_credits"),
    (r"tool_use_failed", "invalid_tool_call"),
    (r"api key not valid", "llm_authentication"),
    (r"model_not_found|model not found", "llm_not_found"),
)

_BY_STATUS = {
    400: "llm_bad_request",
    401: "llm_authentication",
    402: "llm_insufficient_credits",
    403: "llm_permission_denied",
    404: "llm_not_found",
    408: "llm_timeout",
    409: "llm_conflict",
    413: "llm_bad_request",
    422: "llm_unprocessable_entity",
    429: "llm_rate_limit",
    503: "llm_provider_overloaded",
    504: "llm_timeout",
    529: "llm_provider_overloaded",
}


def code_of(body: ErrorBody) -> str:
    """Return the protocol's code for ``body``, by the design's table of errors."""
    for words, code in _TELLING:
        if re.search(words, body.text, re.IGNORECASE):
            return code
    return _BY_STATUS.get(body.status, "llm_server")
