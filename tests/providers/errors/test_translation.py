"""What errors of providers mean: recorded bodies, and the words and statuses by which they are told apart."""

import json
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest

from providers import errors
from providers.errors import LLMError
from providers.errors.translation import from_payload
from tests.providers.errors.bodies import anthropic, google, openai

BODIES = Path(__file__).resolve().parents[4] / "shared" / "recordings" / "errors"

#: Judged by reading the bodies: what is not a plain refusal of the request.
EXPECTED: dict[str, type[LLMError]] = {
    "anthropic/400-invalid_request_error-2": errors.LLMContextWindowExceededError,
    "anthropic/401-authentication_error-2": errors.LLMAuthenticationError,
    "anthropic/404-not_found_error": errors.LLMNotFoundError,
    "anthropic/404-not_found_error-2": errors.LLMNotFoundError,
    "anthropic/404-not_found_error-4": errors.LLMNotFoundError,
    "anthropic/529-overloaded_error": errors.LLMProviderOverloadedError,
    "azure/404-invalid_request_error-DeploymentNotFound": errors.LLMNotFoundError,
    "azure/429-RateLimitReached": errors.LLMRateLimitError,
    "chatgpt/401-Could_not_parse_your_authentication_toke": errors.LLMAuthenticationError,
    "doubleword/404-invalid_request_error-model_not_found": errors.LLMNotFoundError,
    "gemini/400-INVALID_ARGUMENT-2": errors.LLMAuthenticationError,
    "gemini/400-INVALID_ARGUMENT-3": errors.LLMContextWindowExceededError,
    "gemini/403-PERMISSION_DENIED": errors.LLMPermissionDeniedError,
    "gemini/403-PERMISSION_DENIED-4": errors.LLMPermissionDeniedError,
    "gemini/404-NOT_FOUND-2": errors.LLMNotFoundError,
    "gemini/404-NOT_FOUND-4": errors.LLMNotFoundError,
    "gemini/429-RESOURCE_EXHAUSTED": errors.LLMRateLimitError,
    "gemini/429-RESOURCE_EXHAUSTED-2": errors.LLMRateLimitError,
    "groq/400-invalid_request_error-tool_use_failed": errors.LLMMalformedToolCallError,
    "groq/401-invalid_request_error-invalid_api_key": errors.LLMAuthenticationError,
    "groq/404-invalid_request_error-model_not_found": errors.LLMNotFoundError,
    "groq/404-invalid_request_error-model_not_found-2": errors.LLMNotFoundError,
    "llamacpp/400-exceed_context_size_error": errors.LLMContextWindowExceededError,
    "llamacpp/500-server_error": errors.LLMServerError,
    "llamacpp/500-server_error-4": errors.LLMServerError,
    "mistral/401-Invalid_API_Key": errors.LLMAuthenticationError,
    "ollama/401-api_error": errors.LLMAuthenticationError,
    "openai/400-invalid_request_error-model_not_found-model": errors.LLMNotFoundError,
    "openai/400-invalid_request_error-model_not_found-model-2": errors.LLMNotFoundError,
    "openai/400-invalid_request_error-model_not_found-model-4": errors.LLMNotFoundError,
    "openai/401-invalid_request_error-invalid_api_key": errors.LLMAuthenticationError,
    "openai/401-invalid_request_error-invalid_api_key-2": errors.LLMAuthenticationError,
    "openai/401-invalid_request_error-invalid_api_key-3": errors.LLMAuthenticationError,
    "openai/401-invalid_request_error-invalid_api_key-5": errors.LLMAuthenticationError,
    "openai/404-invalid_request_error-model_not_found": errors.LLMNotFoundError,
    "openai/404-invalid_request_error-model_not_found-2": errors.LLMNotFoundError,
    "openai/404-invalid_request_error-model_not_found-4": errors.LLMNotFoundError,
    "openai/429-insufficient_quota-insufficient_quota": errors.LLMInsufficientCreditsError,
    "openrouter/400-error": errors.LLMContextWindowExceededError,
    "openrouter/401-error": errors.LLMAuthenticationError,
    "openrouter/429-error": errors.LLMRateLimitError,
    "perplexity/401-invalid_api_key": errors.LLMAuthenticationError,
    "together/401-invalid_request_error-invalid_api_key": errors.LLMAuthenticationError,
    "venice/404-error": errors.LLMNotFoundError,
    "x/400-invalid-argument-2": errors.LLMNotFoundError,
}


def recorded() -> list[Any]:
    paths = sorted(BODIES.glob("*/*.json"))
    return [pytest.param(path, id=f"{path.parent.name}/{path.stem}") for path in paths]


@pytest.mark.parametrize("path", recorded())
def test_it_understands_a_recorded_error(path: Path) -> None:
    recording = json.loads(path.read_bytes())
    error = from_payload(recording["body"], status=recording["status"], headers={})
    # What the table does not name is a refusal of the request, and its file's name says 400.
    name = f"{path.parent.name}/{path.stem}"
    assert name in EXPECTED or path.stem.startswith("400-")
    assert type(error) is EXPECTED.get(name, errors.LLMBadRequestError)
    assert error.status == recording["status"]
    assert error.detail["body"]
    # As text it means the same.
    assert type(from_payload(json.dumps(recording["body"]), status=recording["status"])) is type(error)


@pytest.mark.parametrize(
    ("payload", "status", "expected"),
    [
        # The status alone.
        (None, 400, errors.LLMBadRequestError),
        (None, 401, errors.LLMAuthenticationError),
        (None, 402, errors.LLMInsufficientCreditsError),
        (None, 403, errors.LLMPermissionDeniedError),
        (None, 404, errors.LLMNotFoundError),
        (None, 408, errors.LLMTimeoutError),
        (None, 409, errors.LLMConflictError),
        (None, 413, errors.LLMRequestTooLargeError),
        (None, 422, errors.LLMUnprocessableEntityError),
        (None, 429, errors.LLMRateLimitError),
        (None, 500, errors.LLMServerError),
        (None, 502, errors.LLMServerError),
        (None, 503, errors.LLMProviderOverloadedError),
        (None, 504, errors.LLMTimeoutError),
        (None, 529, errors.LLMProviderOverloadedError),
        (None, 307, errors.LLMWrongAddressError),
        ("<!doctype html><title>Sign in</title>", 200, errors.LLMWrongAddressError),
        # Length.
        (openai("Too long", code="context_length_exceeded"), 400, errors.LLMContextWindowExceededError),
        (
            openai("Your input exceeds the context window of this model."),
            400,
            errors.LLMContextWindowExceededError,
        ),
        (
            anthropic(
                "invalid_request_error",
                "input length and `max_tokens` exceed context limit: 190000 + 21333 > 204798",
            ),
            400,
            errors.LLMContextWindowExceededError,
        ),
        (
            {
                "object": "error",
                "message": "This model's maximum context length is 4096 tokens.",
                "code": 400,
            },
            400,
            errors.LLMContextWindowExceededError,
        ),
        (
            {
                "code": "x",
                "error": "This model's maximum prompt length is 131072 but the request contains 537812.",
            },
            400,
            errors.LLMContextWindowExceededError,
        ),
        (
            anthropic("request_too_large", "Request exceeds the maximum size"),
            413,
            errors.LLMRequestTooLargeError,
        ),
        # Money, whatever the status.
        (
            anthropic("invalid_request_error", "Your credit balance is too low to access the API."),
            400,
            errors.LLMInsufficientCreditsError,
        ),
        (anthropic("billing_error"), 402, errors.LLMInsufficientCreditsError),
        (
            anthropic("invalid_request_error", "You have reached your specified API usage limits."),
            400,
            errors.LLMInsufficientCreditsError,
        ),
        (
            {"error": {"message": "Insufficient Balance", "type": "unknown_error"}},
            402,
            errors.LLMInsufficientCreditsError,
        ),
        (
            google(429, "RESOURCE_EXHAUSTED", "Your prepayment credits are depleted."),
            429,
            errors.LLMInsufficientCreditsError,
        ),
        # Too fast.
        (
            openai("Rate limit reached", type="tokens", code="rate_limit_exceeded"),
            429,
            errors.LLMRateLimitError,
        ),
        (
            openai(
                "Request too large for gpt-4o on tokens per min (TPM)",
                type="tokens",
                code="rate_limit_exceeded",
            ),
            413,
            errors.LLMOverRateLimitError,
        ),
        ({"__type": "ThrottlingException", "message": "Too many requests"}, 400, errors.LLMRateLimitError),
        # Blocked.
        (
            openai("The response was filtered due to the prompt triggering our content management policy."),
            400,
            errors.LLMContentFilterError,
        ),
        (openai("Blocked", code="content_filter"), 400, errors.LLMContentFilterError),
        (
            openai(
                "Invalid prompt: flagged as potentially violating our usage policy.", code="invalid_prompt"
            ),
            400,
            errors.LLMContentFilterError,
        ),
        # Inside a stream there is no status, or one that says 200.
        (anthropic("overloaded_error"), 200, errors.LLMProviderOverloadedError),
        (anthropic("api_error"), 200, errors.LLMServerError),
        (anthropic("rate_limit_error"), 200, errors.LLMRateLimitError),
        (anthropic("timeout_error"), 200, errors.LLMTimeoutError),
        (anthropic("invalid_request_error"), 200, errors.LLMBadRequestError),
        ({"message": "Upstream failed", "code": 502}, None, errors.LLMServerError),
        ({"code": "server_error", "message": "…"}, None, errors.LLMServerError),
        ({"code": "unknown-error", "message": "Foobar"}, None, errors.LLMServerError),
        (google(499, "CANCELLED", "The operation was cancelled."), 200, errors.LLMServerError),
        (
            {
                "type": "response.failed",
                "response": {"error": {"code": "rate_limit_exceeded", "message": "…"}},
            },
            None,
            errors.LLMRateLimitError,
        ),
        # Odd shapes.
        ([google(503, "UNAVAILABLE", "The model is overloaded.")], 503, errors.LLMProviderOverloadedError),
        (b'{"error": {"message": "no", "type": "authentication_error"}}', 401, errors.LLMAuthenticationError),
        ("upstream connect error", 503, errors.LLMProviderOverloadedError),
        ({"detail": [{"loc": ["body"], "msg": "field required"}]}, 422, errors.LLMUnprocessableEntityError),
        ([], 500, errors.LLMServerError),
        ({}, None, errors.LLMServerError),
        (17, 400, errors.LLMBadRequestError),
        ("{broken", 400, errors.LLMBadRequestError),
        (b"\xff\xfe", 400, errors.LLMBadRequestError),
    ],
)
def test_it_classifies_by_words_then_by_status(
    payload: object, status: int | None, expected: type[LLMError]
) -> None:
    assert type(from_payload(payload, status=status)) is expected


def test_it_reads_the_error_that_a_router_quotes_from_the_provider_behind_it() -> None:
    quoted = json.dumps(anthropic("invalid_request_error", "prompt is too long: 9 tokens > 8 maximum"))
    payload = {
        "error": {
            "message": "Provider returned error",
            "code": 400,
            "metadata": {"provider_name": "Anthropic", "raw": quoted},
        }
    }
    assert type(from_payload(payload, status=400)) is errors.LLMContextWindowExceededError


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"retry-after-ms": "1500", "retry-after": "9"}, 1.5),
        ({"Retry-After": "9"}, 9.0),
        ({"retry-after": "0.25"}, 0.25),
        ({"retry-after": "Fri, 31 Dec 1999 23:59:59 GMT"}, 0.0),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "-3"}, None),
        ({"retry-after": "inf"}, None),
        ({}, None),
    ],
)
def test_it_reads_how_long_to_wait(headers: dict[str, str], expected: float | None) -> None:
    assert from_payload(None, status=429, headers=headers).retry_after == expected


def test_it_counts_the_seconds_to_a_date() -> None:
    later = format_datetime(datetime.now(UTC) + timedelta(minutes=1), usegmt=True)
    wait = from_payload(None, status=503, headers={"retry-after": later}).retry_after
    assert wait is not None
    assert 55 < wait <= 60


def test_it_reads_googles_own_way_to_say_when() -> None:
    info = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "48.5s"}
    assert from_payload(google(429, "RESOURCE_EXHAUSTED", "…", info), status=429).retry_after == 48.5
