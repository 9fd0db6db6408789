"""What people and admins read about bytes that cannot be read as events."""

import pytest

from providers.call.event_errors import error_of
from providers.errors import (
    LLMConnectionError,
    LLMError,
    LLMMalformedResponseError,
    LLMOversizedResponseError,
    LLMQuotaUsedUpError,
    LLMRateLimitError,
)
from providers.framing.failures import Damaged, TooLong, Unreadable


@pytest.mark.parametrize(
    ("junk", "kind", "is_quoted"),
    [
        (b"{no json", LLMConnectionError, False),
        (b'{"a": 1} and more', LLMConnectionError, False),
        (b"[1,", LLMConnectionError, False),
        (b"Hello, world", LLMMalformedResponseError, True),
        (b"quota exceeded", LLMQuotaUsedUpError, True),
        (b"[ERROR] quota exceeded", LLMQuotaUsedUpError, True),
        (b"{'error': {'message': 'Too many requests'}}", LLMRateLimitError, False),
        (b"{'choices': [{'delta': {'content': 'Too many requests'}}]}", LLMConnectionError, False),
        (b"Too many requests", LLMRateLimitError, False),
    ],
)
def test_words_in_place_of_json_are_judged_and_quoted(
    junk: bytes, kind: type[LLMError], is_quoted: bool
) -> None:
    error = error_of(Unreadable("e", junk))
    assert type(error) is kind
    assert (junk.decode() in error.message) is is_quoted
    assert error.detail["data"] == junk.decode()
    assert error.detail["event"] == "e"


def test_a_limit_and_damage_are_told_apart() -> None:
    too_long = error_of(TooLong(1000))
    assert type(too_long) is LLMOversizedResponseError
    assert too_long.detail == {"limit": "RUNNEL_EVENT_MB", "value": 1000}
    damaged = error_of(Damaged("A frame is damaged."))
    assert type(damaged) is LLMMalformedResponseError
    assert damaged.detail["message"] == "A frame is damaged."
