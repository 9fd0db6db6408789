"""How long a provider wants a client to wait, wherever it says so."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from providers import errors
from providers.errors.pauses import pause_in_words
from providers.errors.translation import from_payload
from tests.compatibility import understood


@pytest.mark.parametrize(
    ("sentence", "seconds"),
    [
        understood(
            "Limit 6000, Used 5000, Requested 1400. Please try again in 1.77s.",
            1.77,
            server="Groq",
            oddity="The pause stands in the sentence only: `try again in 2m59.56s`.",
            id="seconds",
        ),
        ("Please try again in 2m59.56s. Visit us.", 179.56),
        ("Try again in 1h2m3s", 3723.0),
        ("try again in 850ms", 0.85),
        understood(
            "Please retry after 1 second.",
            1.0,
            server="Azure OpenAI",
            oddity="The pause stands in the sentence only: `retry after 1 second`.",
            id="one second",
        ),
        ("please try again after 26 seconds", 26.0),
        ("Please retry in 48.939935699s.", 48.939936),
        ("Request was throttled. Expected available in 593 seconds.", 593.0),
        ("Rate limit is exceeded. Try again in 12 seconds.", 12.0),
        ("You can retry your request after 7.5 secs", 7.5),
        ("Wait 30s before the next call", 30.0),
        ("Resets in: 2h14m", 8040.0),
        ("The limit will reset in 3 hours", 10800.0),
        ("Try again in 1 hour and 5 minutes.", 3900.0),
        ("Retry-After: 17", 17.0),
        ("retry_after=2.5", 2.5),
        ("Please try again in a minute", 60.0),
        ("Please try again in ~2 min", 120.0),
        ("quota resets after 1 day", 86400.0),
        ("Too fast. Back off for 5 seconds.", 5.0),
        ("Cooldown: 5s", 5.0),
        understood(
            "Try again in 00:01:05.",
            65.0,
            server="Azure API Management",
            oddity="The pause in a sentence has the form of a clock: `in 00:01:05`.",
            id="clock",
        ),
        understood(
            "请在 5 秒后重试",
            5.0,
            server="Volcengine",
            oddity="The pause stands in a Chinese sentence only.",
            id="Chinese",
        ),
        ("已达上限，2分钟后再试", 120.0),
        ("10 秒内最多 2 次请求", None),
        ("Please try again later.", None),
        ("Wait a little. 3 requests are open", None),
        ("Try again with 4096 tokens", None),
        ("Your limit will reset at 2099-01-01 06:00:00", None),
        ("Access returns on 1999-12-01 at 00:00 UTC.", 0.0),
        ("", None),
    ],
)
def test_a_pause_is_read_from_words(sentence: str, seconds: float | None) -> None:
    assert pause_in_words(sentence) == seconds


class In:
    """A moment so many seconds after the test begins, in one spelling."""

    def __init__(self, seconds: float, spelling: Callable[[datetime], Any]) -> None:
        self._seconds = seconds
        self._spelling = spelling

    def spelled(self) -> Any:
        return self._spelling(datetime.now(UTC) + timedelta(seconds=self._seconds))


def spelled(values: dict[str, Any]) -> dict[str, Any]:
    return {key: value.spelled() if isinstance(value, In) else value for key, value in values.items()}


def epoch(moment: datetime) -> str:
    return str(int(moment.timestamp()))


def milliseconds(moment: datetime) -> str:
    return str(int(moment.timestamp() * 1000))


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "8.5s"}, 8.5),
        ({"x-ratelimit-remaining-tokens": "0", "x-ratelimit-reset-tokens": "6m0s"}, 360),
        ({"x-ratelimit-remaining-tokens": "12", "x-ratelimit-reset-tokens": "6m0s"}, None),
        (
            {
                "x-ratelimit-remaining-requests": "0",
                "x-ratelimit-reset-requests": "20ms",
                "x-ratelimit-remaining-tokens": "0",
                "x-ratelimit-reset-tokens": "2s",
            },
            2,
        ),
        ({"ratelimit-reset": "30"}, 30),
        ({"ratelimit": "limit=60, remaining=0, reset=25"}, 25),
        ({"ratelimit": '"burst";r=7;t=3, "day";r=0;t=90'}, 90),
        ({"ratelimit": "limit=60, remaining=4, reset=25"}, None),
        ({"x-ratelimit-reset": In(40, epoch)}, 40),
        ({"X-RateLimit-Reset": In(50, milliseconds)}, 50),
        (
            {
                "anthropic-ratelimit-input-tokens-remaining": "0",
                "anthropic-ratelimit-input-tokens-reset": In(20, datetime.isoformat),
                "anthropic-ratelimit-requests-remaining": "49",
                "anthropic-ratelimit-requests-reset": In(5, datetime.isoformat),
            },
            20,
        ),
        ({"retry-after": "3", "x-ratelimit-remaining": "0", "x-ratelimit-reset": "30"}, 3),
        ({"retry-after": "0", "x-ratelimit-remaining": "0", "x-ratelimit-reset": "30"}, 30),
        ({"retry-after": "1m30s"}, 90),
        ({"x-ratelimit-reset": "whenever"}, None),
        ({"ratelimit": f"limit=60, remaining={'0' * 5000}, reset=25"}, None),
        ({"ratelimit": f"limit=60, remaining=0, reset={'9' * 400}"}, None),
    ],
)
def test_headers_say_when_a_used_up_limit_resets(headers: dict[str, Any], expected: float | None) -> None:
    wait = from_payload(None, status=429, headers=spelled(headers)).retry_after
    assert wait == (None if expected is None else pytest.approx(expected, abs=2))


def test_headers_of_limits_count_for_limits_only() -> None:
    headers = {"x-ratelimit-remaining": "0", "x-ratelimit-reset": "30"}
    assert from_payload(None, status=500, headers=headers).retry_after is None


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        ({"details": [{"@type": "…/google.rpc.RetryInfo", "retryDelay": "7.25s"}]}, 7.25),
        ({"details": [{"@type": "…/google.rpc.RetryInfo", "retryDelay": {"seconds": 7, "nanos": 0}}]}, 7),
        ({"wait_time_seconds": 9}, 9),
        ({"details": [{"metadata": {"quotaResetDelay": "1m2s"}}]}, 62),
        ({"retry_after": 9}, 9),
        ({"retry_after_ms": 1500}, 1.5),
        ({"resets_in_seconds": 900, "type": "usage_limit_reached"}, 900),
        ({"resets_at": In(600, datetime.timestamp)}, 600),
        ({"message": "Model a/b is currently loading", "estimated_time": 20.5}, 20.5),
        understood(
            {"metadata": {"headers": {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "25"}}},
            25,
            server="OpenRouter",
            oddity="The headers with the reset of a limit are quoted in the error's `metadata`.",
            id="quoted headers",
        ),
        ({"retry_after": True}, None),
        ({"retry_after": "soon"}, None),
    ],
)
def test_the_error_itself_says_how_long(error: dict[str, Any], expected: float | None) -> None:
    wait = from_payload({"error": spelled(error)}, status=429).retry_after
    assert wait == (None if expected is None else pytest.approx(expected, abs=2))


@pytest.mark.parametrize(
    ("status", "message", "asked", "retryable"),
    [
        (429, "Slow down", "false", False),
        (503, "Not now", "false", False),
        (503, "Not now", "true", True),
        (400, "Odd", "true", True),
        (400, "Odd", "perhaps", False),
        # The same request would fail in the same way, whatever the header says.
        (400, "prompt is too long: 2 tokens > 1 maximum", "true", False),
        (429, "quota exceeded", "true", False),
        (401, "No key", "true", False),
    ],
)
def test_a_provider_says_whether_to_try_again(status: int, message: str, asked: str, retryable: bool) -> None:
    error = from_payload({"error": {"message": message}}, status=status, headers={"X-Should-Retry": asked})
    assert error.retryable is retryable


def test_a_limit_over_days_is_not_retried_and_quotes_when_it_ends() -> None:
    error = from_payload(
        {"error": {"message": "Daily limit of requests reached. It resets at 06:00."}}, status=429
    )
    assert type(error) is errors.LLMQuotaUsedUpError
    assert (error.code, error.retryable) == ("llm_rate_limit", False)
    assert error.message.endswith("The provider said: Daily limit of requests reached. It resets at 06:00.")
