import json
import ssl
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import httpx2
import pytest

from providers import errors
from providers.errors import LLMError
from providers.errors.translation import NO_SUCH_PATH, REDIRECTED, UNREACHABLE, from_exception, from_payload
from providers.security.pinned import ConnectionRefused
from tests.compatibility import understood

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


def google(code: int, status: str, message: str, *details: dict[str, Any]) -> dict[str, Any]:
    return {"error": {"code": code, "status": status, "message": message, "details": list(details)}}


def openai(message: str, *, type: str = "invalid_request_error", code: str | None = None) -> dict[str, Any]:
    return {"error": {"message": message, "type": type, "param": None, "code": code}}


def anthropic(type: str, message: str = "…") -> dict[str, Any]:
    return {"type": "error", "error": {"type": type, "message": message}}


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


def test_the_user_reads_the_providers_words_where_they_help() -> None:
    error = from_payload(openai("Unsupported parameter:\n 'stop'."), status=400)
    assert (
        error.message
        == f"{errors.LLMBadRequestError().message} The provider said: Unsupported parameter: 'stop'."
    )


@pytest.mark.parametrize(
    "sentence",
    [
        "Invalid URL (POST /v2/chat)",
        "Unknown endpoint",
        "Cannot POST /chat",
        "The page /v1 was not found",
        "Not Found",
        "File Not Found",
    ],
)
def test_a_path_that_the_provider_does_not_know_is_not_called_a_model(sentence: str) -> None:
    error = from_payload(openai(sentence), status=404)
    assert type(error) is errors.LLMNotFoundError
    assert error.message == f"{NO_SUCH_PATH} The provider said: {sentence}"


def test_a_method_that_is_not_allowed_is_a_wrong_address() -> None:
    error = from_payload("Method Not Allowed", status=405)
    assert type(error) is errors.LLMBadRequestError
    assert error.message == f"{NO_SUCH_PATH} The provider said: Method Not Allowed"


@pytest.mark.parametrize(
    "body",
    [
        'event: error\ndata: {"error": {"message": "No such tool"}}\n\n',
        ': wait\r\n\r\ndata: {"choices": []}\r\n\r\ndata: {"error": {"message": "No such tool"}}\r\n\r\ndata: [DONE]\r\n\r\n',
        'error: {"message": "No such tool"}\n\ndata: [DONE]\n\n',
        'data: {"error":\ndata: {"message": "No such tool"}}',
        'data: {}\n\nerror: {"message": "No such tool"}\n\n',
        'event: ping\ndata: {}\n\nevent: error\ndata: {"message": "No such tool"}\n\n',
        b'\xef\xbb\xbfdata: {"detail": "No such tool"}\n\n',
        {
            "error": {
                "message": "failed",
                "metadata": {"raw": 'data: {"error": {"message": "No such tool"}}\n\n'},
            }
        },
    ],
)
def test_an_error_may_be_an_event_stream(body: object) -> None:
    error = from_payload(body, status=400)
    assert type(error) is errors.LLMBadRequestError
    assert error.message.endswith("The provider said: No such tool")


def test_the_user_is_spared_the_providers_words_where_they_do_not() -> None:
    for status in (401, 429, 500, 503):
        error = from_payload(openai("internal: shard 17 of org-123", type="oops"), status=status)
        assert error.message == type(error)().message
        assert "shard 17" in error.detail["message"]


def test_a_long_sentence_is_cut_and_a_page_is_not_quoted() -> None:
    assert len(from_payload(openai("x" * 5000), status=400).message) < 450
    page = f"<html><head><title>Bad Request</title></head><body>{'x' * 20_000}</body></html>"
    error = from_payload(page, status=400)
    assert error.message.endswith("The provider said: Bad Request")
    assert len(error.detail["body"]) == 8_000


def test_neither_sentence_nor_story_repeats_a_key_or_a_broken_character() -> None:
    key = "sk-proj-0123456789abcdefghijklmnop"
    error = from_payload(openai(f"Bad \x00 \ud83d header 'Bearer {key}'"), status=400)
    assert key not in repr((error.message, error.detail))
    assert "Bad \ufffd \ufffd header" in error.message
    json.dumps(error.detail, ensure_ascii=False).encode()


def test_the_story_has_what_an_admin_looks_for() -> None:
    error = from_payload(openai("No", type="some_type", code="some_code"), status=418)
    assert error.detail == {
        "status": 418,
        "type": "some_type",
        "code": "some_code",
        "message": "No",
        "body": openai("No", type="some_type", code="some_code"),
    }


REQUEST = httpx2.Request(
    "POST", "https://api.example.org/v1", headers={"authorization": "Bearer sk-nobody-may-see-this"}
)


@pytest.mark.parametrize(
    ("exception", "expected"),
    [
        (httpx2.ConnectError("refused", request=REQUEST), errors.LLMConnectionError),
        (httpx2.ReadError("reset", request=REQUEST), errors.LLMConnectionError),
        (httpx2.RemoteProtocolError("incomplete chunked read", request=REQUEST), errors.LLMConnectionError),
        (httpx2.ConnectTimeout("slow", request=REQUEST), errors.LLMTimeoutError),
        (httpx2.ReadTimeout("slow", request=REQUEST), errors.LLMTimeoutError),
        (httpx2.PoolTimeout("full", request=REQUEST), errors.LLMTimeoutError),
        (httpx2.StreamClosed(), errors.LLMConnectionError),
        (ssl.SSLCertVerificationError("expired"), errors.LLMConnectionError),
        (ConnectionResetError(), errors.LLMConnectionError),
        (TimeoutError(), errors.LLMTimeoutError),
        (json.JSONDecodeError("Expecting value", "x", 0), errors.LLMConnectionError),
        (UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid"), errors.LLMConnectionError),
        (TypeError("a mistake of ours"), LLMError),
    ],
)
def test_it_understands_an_exception(exception: Exception, expected: type[LLMError]) -> None:
    error = from_exception(exception)
    assert type(error) is expected
    assert type(exception).__name__ in error.detail["message"]
    assert "nobody-may-see" not in repr(error.detail)


def test_an_error_of_ours_stays_what_it_is() -> None:
    error = errors.LLMConflictError("as it was")
    assert from_exception(error) is error


def test_it_understands_the_exceptions_of_every_sdk() -> None:
    import anthropic as anthropic_sdk
    import openai as openai_sdk
    from google.genai.errors import ClientError, UnknownApiResponseError

    response = httpx2.Response(429, headers={"retry-after": "3"}, request=REQUEST)
    in_stream = httpx2.Response(200, request=REQUEST)
    timeout = openai_sdk.APITimeoutError(request=REQUEST)
    timeout.__cause__ = httpx2.ConnectTimeout("slow")
    for exception, expected, wait in (
        (
            openai_sdk.RateLimitError("no", response=response, body={"message": "no"}),
            errors.LLMRateLimitError,
            3,
        ),
        (
            openai_sdk.RateLimitError("no", response=response, body={"code": "insufficient_quota"}),
            errors.LLMInsufficientCreditsError,
            3,
        ),
        (
            openai_sdk.APIError("x", REQUEST, body={"message": "x", "type": "overloaded_error"}),
            errors.LLMProviderOverloadedError,
            None,
        ),
        (openai_sdk.APIConnectionError(request=REQUEST), errors.LLMConnectionError, None),
        (timeout, errors.LLMTimeoutError, None),
        (
            anthropic_sdk.APIStatusError("x", response=in_stream, body=anthropic("overloaded_error")),
            errors.LLMProviderOverloadedError,
            None,
        ),
        (ClientError(404, google(404, "NOT_FOUND", "no such model")), errors.LLMNotFoundError, None),
        (
            ClientError(307, {"message": "", "status": "Temporary Redirect"}),
            errors.LLMWrongAddressError,
            None,
        ),
        (UnknownApiResponseError("Failed to parse response as JSON."), errors.LLMConnectionError, None),
    ):
        error = from_exception(exception)
        assert type(error) is expected, exception
        assert error.retry_after == wait
    assert from_exception(ClientError(307, {})).message == REDIRECTED


def test_what_nobody_answers_is_told_apart_from_what_broke() -> None:
    refused = from_exception(httpx2.ConnectError("All connection attempts failed"))
    broken = from_exception(httpx2.ReadError("connection reset"))
    assert refused.code == broken.code == "llm_connection"
    assert refused.message == UNREACHABLE
    assert "broke" in broken.message


def test_an_address_that_may_not_be_called_is_for_the_administrator_and_not_tried_again() -> None:
    refusal = ConnectionRefused("api.example.org leads to 10.0.0.1, which is not a public address.")
    raised = httpx2.ConnectError(str(refusal))
    raised.__cause__ = refusal
    error = from_exception(raised)
    assert type(error) is errors.LLMAddressRefusedError
    assert (error.code, error.retryable) == ("llm_connection", False)
    assert "10.0.0.1" not in error.message
    assert "10.0.0.1" in error.detail["message"]


@pytest.mark.parametrize(
    ("page", "status", "expected"),
    [
        understood(
            "<?xml version='1.0'?><ErrorResponse><Error><Code>Throttling</Code><Message>No.</Message></Error></ErrorResponse>",
            400,
            errors.LLMRateLimitError,
            server="Amazon",
            oddity="An error may come as XML, with a `Code` and a `Message`.",
            id="XML",
        ),
        ("<ErrorResponse><Message>Rate exceeded</Message></ErrorResponse>", 400, errors.LLMRateLimitError),
        understood(
            "<html><title>Oops</title><style>p {}</style><p>Your <b>credit balance</b> is too low</p></html>",
            500,
            errors.LLMInsufficientCreditsError,
            server="Any gateway",
            oddity="The visible words of an error page say what failed.",
            id="words",
        ),
        (
            "<html><title>Oops</title><!-- rate limit --><script>'rate limit'</script></html>",
            500,
            errors.LLMServerError,
        ),
        (
            "<html><title>Hello</title><p>Too many requests? Read this.</p></html>",
            200,
            errors.LLMWrongAddressError,
        ),
    ],
)
def test_a_pages_visible_words_are_judged(page: str, status: int, expected: type[LLMError]) -> None:
    assert type(from_payload(page, status=status)) is expected
