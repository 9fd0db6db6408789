"""Turns what a provider says when it fails into one ``LLMError``. Pure.

Every provider words its errors in its own way, and some send one status for several things, so the
decision goes by money and length in the message first, then by the error's codes and types, then by
the HTTP status. The words are from recorded errors and from the providers' references. Exceptions
are recognised by their shape, so that nothing here imports an SDK.
"""

import json
import re
import ssl
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from math import isfinite
from typing import Any

import httpx2

from providers import errors
from providers.errors import LLMError
from providers.redaction import redact, redact_text
from providers.text import clean, clean_json

#: Characters of the provider's own sentence that a user is shown.
_LONGEST_QUOTE = 300
#: Characters of an error body that an admin can read.
_LONGEST_BODY = 8_000

#: What a user reads when a base URL points to something that redirects.
REDIRECTED = (
    "The model provider's address answered with a redirect, which is not followed. "
    "Ask your administrator to check the base URL."
)

#: Codes, types and statuses (lower case, ``_`` for spaces and hyphens) that decide by themselves.
_BY_WORD: dict[type[LLMError], frozenset[str]] = {
    errors.LLMContextWindowExceededError: frozenset(
        [
            "context_length_exceeded",
            "exceed_context_size_error",
            "model_context_window_exceeded",
            "context_window_exceeded",
            "tokens_limit_reached",
        ]
    ),
    errors.LLMInsufficientCreditsError: frozenset(
        [
            "insufficient_quota",
            "billing_error",
            "billing_hard_limit_reached",
            "insufficient_credits",
            "insufficient_balance",
            "payment_required",
        ]
    ),
    errors.LLMContentFilterError: frozenset(
        [
            "content_filter",
            "content_policy_violation",
            "responsibleaipolicyviolation",
            "data_inspection_failed",
            "safety",
            "prohibited_content",
        ]
    ),
    errors.LLMMalformedToolCallError: frozenset({"tool_use_failed", "malformed_function_call"}),
    errors.LLMProviderOverloadedError: frozenset(
        [
            "overloaded_error",
            "overloaded",
            "unavailable",
            "service_unavailable",
            "service_unavailable_error",
            "engine_overloaded",
            "server_is_overloaded",
            "slow_down",
            "serviceunavailableexception",
        ]
    ),
    errors.LLMTimeoutError: frozenset(["timeout_error", "deadline_exceeded", "request_timeout"]),
    errors.LLMAuthenticationError: frozenset(
        ["invalid_api_key", "authentication_error", "unauthenticated", "api_key_invalid", "api_key_expired"]
    ),
    errors.LLMPermissionDeniedError: frozenset(
        [
            "permission_error",
            "permission_denied",
            "insufficient_permissions",
            "accessdeniedexception",
            "unsupported_country_region_territory",
        ]
    ),
    errors.LLMNotFoundError: frozenset(
        ["model_not_found", "not_found_error", "not_found", "deploymentnotfound", "resourcenotfoundexception"]
    ),
    errors.LLMConflictError: frozenset(["conflict", "conflict_error", "aborted"]),
    errors.LLMUnprocessableEntityError: frozenset(["unprocessable_entity", "unprocessable_entity_error"]),
    errors.LLMRateLimitError: frozenset(
        [
            "rate_limit_error",
            "rate_limit_exceeded",
            "ratelimitreached",
            "resource_exhausted",
            "throttling",
            "throttlingexception",
            "too_many_requests",
        ]
    ),
}

#: Words that many failures share: they decide only where the status does not.
_BAD_REQUEST_WORDS = frozenset(
    ["invalid_request_error", "invalid_argument", "failed_precondition", "out_of_range", "request_too_large"]
)

_BY_STATUS: dict[int, type[LLMError]] = {
    401: errors.LLMAuthenticationError,
    402: errors.LLMInsufficientCreditsError,
    403: errors.LLMPermissionDeniedError,
    404: errors.LLMNotFoundError,
    408: errors.LLMTimeoutError,
    409: errors.LLMConflictError,
    422: errors.LLMUnprocessableEntityError,
    429: errors.LLMRateLimitError,
    # Google's backend cancelled its own work; nobody here asked it to.
    499: errors.LLMServerError,
    503: errors.LLMProviderOverloadedError,
    504: errors.LLMTimeoutError,
    529: errors.LLMProviderOverloadedError,
}

_TOO_LONG = re.compile(
    r"prompt (is )?too long|input is too long|input token count.{0,40}exceeds|maximum (context|prompt) length"
    r"|exceeds? .{0,40}context (size|window|length|limit)|greater than the context length"
    r"|tokens in the prompt exceed|too large for .{0,60}max size: \d+ tokens",
    re.IGNORECASE | re.DOTALL,
)
_NO_CREDIT = re.compile(
    r"credit balance is too low|insufficient (balance|credits|funds)|(requires|need) more credits"
    r"|(spend|spending|billing|specified api usage) (hard )?limit|used all .{0,20}credits"
    r"|credits? (are|is|have been) (depleted|exhausted)|key limit exceeded",
    re.IGNORECASE,
)
#: Gemini says this of its limits per minute too, with RESOURCE_EXHAUSTED; from others it means money.
_OVER_QUOTA = re.compile(r"exceeded your current quota", re.IGNORECASE)
_BLOCKED = re.compile(
    r"content management policy|violating our usage policy|content (policy|filter)|input was flagged",
    re.IGNORECASE,
)
_BAD_KEY = re.compile(r"api key (not valid|expired|is invalid)|invalid api key", re.IGNORECASE)
_NO_MODEL = re.compile(r"model not found|is not a valid model", re.IGNORECASE)

#: Failures whose cause the provider's own words tell better than ours.
_QUOTED = (errors.LLMBadRequestError, errors.LLMNotFoundError, errors.LLMUnprocessableEntityError)

#: ``ValueError`` covers bad JSON, bad UTF-8 and google-genai's ``UnknownApiResponseError``.
_BROKEN = (
    httpx2.HTTPError,
    httpx2.StreamError,
    httpx2.InvalidURL,
    ssl.SSLError,
    OSError,
    EOFError,
    ValueError,
)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Failure:
    """A provider's error, whatever its shape was."""

    status: int | None
    #: Every code, type, status and reason in it.
    words: frozenset[str]
    #: What it says, the most telling sentence first.
    sentences: tuple[str, ...]
    body: object

    @property
    def text(self) -> str:
        return " ".join(self.sentences)


def from_payload(
    payload: object, *, status: int | None, headers: Mapping[str, str] | None = None
) -> LLMError:
    """Return the error that ``payload`` means. Never raises, never quotes a key.

    ``payload`` is an error body or object as the provider sent it: decoded JSON, text, bytes or
    ``None``. ``status`` is that of the HTTP response (``None`` or 200 for an error inside a
    stream), ``headers`` are that response's.
    """
    failure = _parse(payload, status)
    kind = _classify(failure)
    return kind(
        _sentence(kind, failure),
        status=failure.status,
        retry_after=_retry_after(headers or {}, failure.body),
        detail=_detail(failure),
    )


def from_exception(exc: BaseException) -> LLMError:
    """Return the error that an exception from an SDK, httpx2 or a decoder means.

    An ``LLMError`` comes back as it is. The request, which carries the key, is not kept.
    """
    if isinstance(exc, LLMError):
        return exc
    response = getattr(exc, "response", None)
    codes = (
        getattr(exc, "status_code", None),
        getattr(exc, "code", None),
        getattr(response, "status_code", None),
    )
    status = next((code for code in codes if isinstance(code, int)), None)
    payload = getattr(exc, "body", None) or getattr(exc, "details", None)
    if payload is None and status is not None and status >= 300:
        payload = str(getattr(exc, "message", None) or exc)
    if payload is not None:
        return from_payload(payload, status=status, headers=getattr(response, "headers", None))
    chain = tuple(_causes(exc))
    story = {
        "status": status,
        "message": redact_text(clean(" <- ".join(f"{type(link).__name__}: {link}" for link in chain)))[
            :_LONGEST_BODY
        ],
    }
    if any(isinstance(link, (TimeoutError, httpx2.TimeoutException)) for link in chain):
        return errors.LLMTimeoutError(detail=story)
    # What the SDKs raise without a body, and without a cause that tells more, is their connection error.
    if any(isinstance(link, _BROKEN) for link in chain) or hasattr(exc, "request"):
        return errors.LLMConnectionError(detail=story)
    return LLMError(detail=story)


def _causes(exc: BaseException) -> Iterator[BaseException]:
    link: BaseException | None = exc
    while link is not None:
        yield link
        link = link.__cause__


def _parse(payload: object, status: int | None) -> _Failure:
    body = clean_json(_decoded(payload))
    words: set[str] = set()
    numbers: list[int] = []
    sentences: list[str] = []
    for node in _nodes(body):
        for key in (
            "status_code",
            "raw_status_code",
            "code",
            "status",
            "type",
            "reason",
            "error_type",
            "__type",
        ):
            value = node.get(key)
            if isinstance(value, int) or (isinstance(value, str) and value.isdecimal()):
                numbers.append(int(value))
            elif isinstance(value, str):
                words.add(re.sub(r"[\s-]+", "_", value.lower()))
        sentences += (_plain(text) for key in _SAYING if isinstance(text := node.get(key), str))
    if isinstance(body, str):
        sentences.append(_plain(body))
    if status is None or status < 300:
        status = next((number for number in numbers if 400 <= number < 600), status)
    return _Failure(
        status=status,
        words=frozenset(words),
        sentences=tuple(dict.fromkeys(filter(None, sentences))),
        body=body,
    )


#: Where a sentence stands, the most telling first: OpenRouter quotes the provider behind it in ``raw``.
_SAYING = ("raw", "message", "error", "detail", "msg")


def _nodes(body: object) -> Iterator[Mapping[str, Any]]:
    """Yield every object in ``body`` that tells something about the error, the innermost quote first."""
    match _decoded(body):
        case Mapping() as node:
            for key in ("raw", "metadata", "error", "response", "innererror"):
                if not isinstance(inner := node.get(key), str) or inner.lstrip().startswith(("{", "[")):
                    yield from _nodes(inner)
            yield node
            for item in node.get("details") or () if isinstance(node.get("details"), list) else ():
                if isinstance(item, Mapping):
                    yield item
        case [first, *_]:
            yield from _nodes(first)
        case _:
            return


def _decoded(payload: object) -> object:
    if isinstance(payload, (bytes, bytearray)):
        payload = bytes(payload).decode("utf-8", "replace")
    if isinstance(payload, str) and payload.lstrip().startswith(("{", "[")):
        try:
            return json.loads(payload)
        except ValueError:
            return payload
    return payload


def _plain(text: str) -> str:
    """Return ``text`` on one line; of an HTML page only its title."""
    if _is_page(text):
        title = re.search(r"<title[^>]*>(.*?)</title>", text, re.IGNORECASE | re.DOTALL)
        text = title[1] if title else ""
    return " ".join(text.split())


def _is_page(body: object) -> bool:
    return isinstance(body, str) and body.lstrip()[:15].lower().startswith(
        ("<!doctype", "<html", "<?xml", "<head")
    )


def _classify(failure: _Failure) -> type[LLMError]:
    status, words, text = failure.status, failure.words, failure.text
    if _NO_CREDIT.search(text) or (_OVER_QUOTA.search(text) and "resource_exhausted" not in words):
        return errors.LLMInsufficientCreditsError
    is_request_at_fault = status is None or status < 300 or status in (400, 413, 422)
    if (is_request_at_fault or status == 500) and _TOO_LONG.search(text):
        return errors.LLMContextWindowExceededError
    for kind, known in _BY_WORD.items():
        if known & words:
            return kind
    if (is_request_at_fault or status == 403) and _BLOCKED.search(text):
        return errors.LLMContentFilterError
    if is_request_at_fault and _BAD_KEY.search(text):
        return errors.LLMAuthenticationError
    if is_request_at_fault and _NO_MODEL.search(text):
        return errors.LLMNotFoundError
    return _classify_by_status(failure)


def _classify_by_status(failure: _Failure) -> type[LLMError]:
    status = failure.status or 0
    if status in _BY_STATUS:
        return _BY_STATUS[status]
    if status >= 500:
        return errors.LLMServerError
    if status >= 400 or failure.words & _BAD_REQUEST_WORDS:
        return errors.LLMBadRequestError
    if status >= 300 or _is_page(failure.body):
        return errors.LLMConnectionError
    return errors.LLMServerError


def _sentence(kind: type[LLMError], failure: _Failure) -> str | None:
    if kind is errors.LLMConnectionError and 300 <= (failure.status or 0) < 400:
        return REDIRECTED
    if kind not in _QUOTED or not failure.sentences:
        return None
    quote = redact_text(failure.sentences[0])
    if len(quote) > _LONGEST_QUOTE:
        quote = quote[: _LONGEST_QUOTE - 1] + "…"
    return f"{kind().message} The provider said: {quote}"


def _detail(failure: _Failure) -> dict[str, Any]:
    nodes = tuple(_nodes(failure.body))
    body = redact(failure.body)
    if len(text := body if isinstance(body, str) else json.dumps(body, default=str)) > _LONGEST_BODY:
        body = text[:_LONGEST_BODY]
    return {
        "status": failure.status,
        "type": next((node["type"] for node in nodes if node.get("type")), None),
        "code": next((node["code"] for node in nodes if node.get("code")), None),
        "message": redact_text(failure.text)[:_LONGEST_BODY],
        "body": body,
    }


def _retry_after(headers: Mapping[str, str], body: object) -> float | None:
    lowered = {name.lower(): value for name, value in headers.items()}
    delay = next((node["retryDelay"] for node in _nodes(body) if isinstance(node.get("retryDelay"), str)), "")
    readings = (
        _seconds(lowered.get("retry-after-ms", ""), scale=0.001),
        _seconds(lowered.get("retry-after", "")),
        _seconds_until(lowered.get("retry-after", "")),
        _seconds(delay.removesuffix("s")),
    )
    return next((seconds for seconds in readings if seconds is not None), None)


def _seconds(value: str, *, scale: float = 1.0) -> float | None:
    try:
        seconds = float(value) * scale
    except ValueError:
        return None
    return seconds if isfinite(seconds) and seconds >= 0 else None


def _seconds_until(date: str) -> float | None:
    try:
        moment = parsedate_to_datetime(date)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, (moment - datetime.now(UTC)).total_seconds())
