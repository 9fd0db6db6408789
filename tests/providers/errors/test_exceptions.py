"""What the exceptions of the SDKs and of the transport mean."""

import json
import ssl

import httpx2
import pytest

from providers import errors
from providers.errors import LLMError
from providers.errors.translation import REDIRECTED, UNREACHABLE, from_exception
from providers.security.pinned import ConnectionRefused
from tests.providers.errors.bodies import anthropic, google

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
