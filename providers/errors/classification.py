"""Chooses the error class of a provider's failure. Pure.

Providers word their errors differently, and some use one status for several failures. The order is therefore:
messages about credits or length first, then the error's codes and types, then the HTTP status. The words come
from recorded errors and from the providers' references.
"""

import re
from dataclasses import dataclass

from providers import errors
from providers.errors import LLMError

#: Codes, types and statuses (lower case, ``_`` for spaces and hyphens) that are decisive alone.
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

#: Words that many failures share; used only if the status is not decisive.
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
    # Google's backend cancelled its own work; this client did not.
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
#: Gemini also uses this, with RESOURCE_EXHAUSTED, for limits per minute; others mean missing credits.
_OVER_QUOTA = re.compile(r"exceeded your current quota", re.IGNORECASE)
_BLOCKED = re.compile(
    r"content management policy|violating our usage policy|content (policy|filter)|input was flagged",
    re.IGNORECASE,
)
_BAD_KEY = re.compile(r"api key (not valid|expired|is invalid)|invalid api key", re.IGNORECASE)
_NO_MODEL = re.compile(r"model not found|is not a valid model", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True, slots=True)
class Failure:
    """A provider's error in one common form."""

    status: int | None
    #: All codes, types, statuses and reasons in the error.
    words: frozenset[str]
    #: Its messages, the most specific one first.
    sentences: tuple[str, ...]
    body: object

    @property
    def text(self) -> str:
        """All messages, joined with spaces."""
        return " ".join(self.sentences)


def classify(failure: Failure) -> type[LLMError]:
    """Return the error class of ``failure``."""
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


def _classify_by_status(failure: Failure) -> type[LLMError]:
    status = failure.status or 0
    if status in _BY_STATUS:
        return _BY_STATUS[status]
    if status >= 500:
        return errors.LLMServerError
    if status >= 400 or failure.words & _BAD_REQUEST_WORDS:
        return errors.LLMBadRequestError
    if status >= 300 or is_page(failure.body):
        return errors.LLMConnectionError
    return errors.LLMServerError


def is_page(body: object) -> bool:
    """Whether ``body`` is a web page, for example from a proxy or a sign-in page."""
    return isinstance(body, str) and body.lstrip()[:15].lower().startswith(
        ("<!doctype", "<html", "<?xml", "<head")
    )
