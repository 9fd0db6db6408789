"""What a user and an admin read of an error, and what neither does."""

import json

import pytest

from providers import errors
from providers.errors import LLMError
from providers.errors.translation import NO_SUCH_PATH, from_payload
from tests.compatibility import understood
from tests.providers.errors.bodies import openai


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
