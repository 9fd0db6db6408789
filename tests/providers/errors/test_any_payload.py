"""No payload whatsoever makes the reading of errors raise: it runs while an answer is read."""

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from providers.errors import LLMError
from providers.errors.events import error_in
from providers.errors.translation import from_payload

KEYS = st.sampled_from(
    [
        *(
            "error",
            "errors",
            "message",
            "msg",
            "detail",
            "details",
            "code",
            "type",
            "status",
            "param",
            "raw",
            "metadata",
        ),
        *(
            "headers",
            "retry_after",
            "retryDelay",
            "resets_at",
            "base_resp",
            "status_code",
            "response",
            "violations",
        ),
        *("quotaId", "title", "success", "header", "x", "someException"),
    ]
)
TEXTS = st.one_of(
    st.text(max_size=30),
    st.sampled_from(
        [
            *(
                "{",
                "[[",
                "{'a': ",
                '{"a": 1}',
                "data: {",
                "event: error\ndata: x\n\n",
                "<html>",
                "\ud800",
                "\x00",
            ),
            *(
                "try again in 99999999999s",
                "Limit 0, Requested 9",
                "2031-02-31 at 00:00 UTC",
                "1e999",
                "9" * 400,
            ),
        ]
    ),
)
HEADERS = st.sampled_from(
    ["retry-after", "retry-after-ms", "x-ratelimit-reset", "x-ratelimit-remaining", "X-Should-Retry"]
)
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), TEXTS),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(KEYS, inner, max_size=5)),
    max_leaves=20,
)


@settings(max_examples=300, deadline=None)
@given(
    payload=VALUES,
    status=st.sampled_from([None, 200, 307, 400, 404, 429, 500, 599]),
    headers=st.dictionaries(HEADERS, TEXTS, max_size=3),
)
def test_every_payload_is_some_error(payload: Any, status: int | None, headers: dict[str, str]) -> None:
    error = from_payload(payload, status=status, headers=headers)
    assert isinstance(error, LLMError)
    assert error.retry_after is None or error.retry_after >= 0
    json.dumps(error.detail, ensure_ascii=False, allow_nan=False).encode()


@settings(max_examples=300, deadline=None)
@given(event=VALUES, name=st.sampled_from([None, "", "error", "ping", "throttlingException"]))
def test_every_event_is_an_error_or_none(event: Any, name: str | None) -> None:
    assert isinstance(error_in(event, name), LLMError | None)


def test_what_is_nested_without_end_is_some_error() -> None:
    for text in ("[" * 100_000, '{"error":' * 50_000, "{'a':" * 20_000, "data: " * 10_000 + "x"):
        assert isinstance(from_payload(text, status=400), LLMError)
        assert isinstance(from_payload({"error": {"message": text}}, status=400), LLMError)


def test_what_an_error_quotes_is_clean_whatever_it_holds() -> None:
    quotes = (
        r'refused: {"message": "half \ud83d of it, and \u0000"}',
        "refused: {1: {'message': 'half'}, (2, 3): ['of it']}",
        "refused: {4: b'half of it'}",
    )
    for quote in quotes:
        error = from_payload({"error": {"message": quote}}, status=400)
        assert "half" in error.message
        assert "\0" not in error.message
        json.dumps([error.message, error.detail], ensure_ascii=False, allow_nan=False).encode()
