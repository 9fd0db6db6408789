from typing import Any

import pytest

from providers import errors
from providers.errors import LLMError
from providers.retry import backoff
from providers.retry.backoff import Again, RetryPolicy, Stay

OVERLOADED = errors.LLMProviderOverloadedError()
EMPTY = errors.LLMEmptyResponseError()


def decide(error: LLMError, *earlier: LLMError, chance: float = 0.5, **policy: Any) -> Again | Stay:
    return backoff.decide(
        error,
        earlier=earlier,
        policy=RetryPolicy(
            max_retries=policy.get("max_retries", 3), base=1.0, cap=3.0, longest_retry_after=20.0
        ),
        chance=chance,
    )


@pytest.mark.parametrize(
    ("kind", "is_made_again"),
    [
        (errors.LLMConnectionError, True),
        (errors.LLMTimeoutError, True),
        (errors.LLMConflictError, True),
        (errors.LLMRateLimitError, True),
        (errors.LLMServerError, True),
        (errors.LLMProviderOverloadedError, True),
        (errors.LLMMalformedResponseError, True),
        (errors.LLMMalformedToolCallError, True),
        (errors.LLMEmptyResponseError, True),
        (errors.LLMError, False),
        (errors.LLMBadRequestError, False),
        (errors.LLMContextWindowExceededError, False),
        (errors.LLMAuthenticationError, False),
        (errors.LLMPermissionDeniedError, False),
        (errors.LLMNotFoundError, False),
        (errors.LLMUnprocessableEntityError, False),
        (errors.LLMInsufficientCreditsError, False),
        (errors.LLMContentFilterError, False),
        (errors.LLMInternalError, False),
        (errors.LLMOwnLimitError, False),
        (errors.LLMQuotaUsedUpError, False),
        (errors.LLMOverRateLimitError, False),
        (errors.LLMRequestTooLargeError, False),
        (errors.LLMWrongAddressError, False),
        (errors.LLMAddressRefusedError, False),
        (errors.LLMProviderUnavailableError, False),
        (errors.LLMUnsupportedError, False),
    ],
)
def test_it_makes_a_call_again_that_may_succeed_then(kind: type[LLMError], is_made_again: bool) -> None:
    assert isinstance(decide(kind()), Again) is is_made_again


@pytest.mark.parametrize(
    ("earlier", "chance", "wait"),
    [(0, 0.0, 0.0), (0, 0.5, 0.5), (0, 0.999, 0.999), (1, 0.5, 1.0), (2, 0.5, 1.5), (2, 0.999, 2.997)],
)
def test_it_waits_anything_up_to_a_limit_that_doubles_until_it_is_capped(
    earlier: int, chance: float, wait: float
) -> None:
    plan = decide(OVERLOADED, *[OVERLOADED] * earlier, chance=chance)
    assert isinstance(plan, Again)
    assert plan.wait == pytest.approx(wait)
    assert (plan.attempt, plan.of) == (earlier + 2, 4)


def test_it_does_not_overflow_after_very_many_retries() -> None:
    plan = decide(OVERLOADED, *[OVERLOADED] * 5_000, max_retries=10_000)
    assert plan == Again(wait=1.5, attempt=5_002, of=10_001)


@pytest.mark.parametrize(
    ("earlier", "max_retries", "expected"),
    [
        ([], 0, Stay.SPENT),
        ([OVERLOADED], 1, Stay.SPENT),
        ([OVERLOADED] * 3, 3, Stay.SPENT),
        ([OVERLOADED] * 2, 3, Again(wait=1.5, attempt=4, of=4)),
    ],
)
def test_it_stops_after_as_many_retries_as_there_may_be(
    earlier: list[LLMError], max_retries: int, expected: Again | Stay
) -> None:
    assert decide(OVERLOADED, *earlier, max_retries=max_retries) == expected


@pytest.mark.parametrize(
    ("error", "earlier", "expected"),
    [
        (EMPTY, [], Again(wait=0.5, attempt=2, of=2)),
        (EMPTY, [EMPTY], Stay.SPENT),
        (errors.LLMMalformedToolCallError(), [EMPTY], Stay.SPENT),
        (EMPTY, [OVERLOADED], Again(wait=1.0, attempt=3, of=3)),
        (OVERLOADED, [EMPTY], Again(wait=1.0, attempt=3, of=4)),
    ],
)
def test_it_gives_an_unusable_answer_one_more_chance_only(
    error: LLMError, earlier: list[LLMError], expected: Again | Stay
) -> None:
    assert decide(error, *earlier) == expected


@pytest.mark.parametrize(
    ("retry_after", "expected"),
    [
        (0.0, Again(wait=0.5, attempt=2, of=4)),
        (7.0, Again(wait=7.5, attempt=2, of=4)),
        (20.0, Again(wait=20.5, attempt=2, of=4)),
        (20.1, Stay.TOO_LONG),
        (4_294_967_296.0, Stay.TOO_LONG),
    ],
)
def test_it_obeys_a_provider_up_to_a_limit(retry_after: float, expected: Again | Stay) -> None:
    assert decide(errors.LLMRateLimitError(retry_after=retry_after)) == expected


@pytest.mark.parametrize(
    ("earlier", "chance", "base", "wait"),
    [(0, 0.0, 0.1, 0.4), (0, 1.0, 0.1, 0.8), (1, 0.0, 0.1, 0.8), (2, 0.5, 0.1, 2.25), (0, 0.0, 1.0, 1.5)],
)
def test_it_waits_longer_after_a_rate_limit_that_names_no_pause(
    earlier: int, chance: float, base: float, wait: float
) -> None:
    policy = RetryPolicy(max_retries=9, base=base, cap=3.0, longest_retry_after=20.0)
    limit = errors.LLMRateLimitError()
    plan = backoff.decide(limit, earlier=[limit] * earlier, policy=policy, chance=chance)
    assert isinstance(plan, Again)
    assert plan.wait == pytest.approx(wait)


@pytest.mark.parametrize(
    ("kind", "may_help"),
    [
        (errors.LLMError, True),
        (errors.LLMConnectionError, True),
        (errors.LLMTimeoutError, True),
        (errors.LLMBadRequestError, False),
        (errors.LLMContextWindowExceededError, True),
        (errors.LLMAuthenticationError, True),
        (errors.LLMPermissionDeniedError, True),
        (errors.LLMNotFoundError, True),
        (errors.LLMConflictError, True),
        (errors.LLMUnprocessableEntityError, False),
        (errors.LLMRateLimitError, True),
        (errors.LLMOwnLimitError, True),
        (errors.LLMQuotaUsedUpError, True),
        (errors.LLMOverRateLimitError, True),
        (errors.LLMRequestTooLargeError, True),
        (errors.LLMWrongAddressError, True),
        (errors.LLMInsufficientCreditsError, True),
        (errors.LLMServerError, True),
        (errors.LLMProviderOverloadedError, True),
        (errors.LLMProviderUnavailableError, True),
        (errors.LLMUnsupportedError, True),
        (errors.LLMContentFilterError, False),
        (errors.LLMMalformedResponseError, True),
        (errors.LLMMalformedToolCallError, True),
        (errors.LLMEmptyResponseError, True),
        (errors.LLMInternalError, False),
    ],
)
def test_another_model_is_asked_what_was_not_refused_for_itself(kind: type[LLMError], may_help: bool) -> None:
    assert kind.another_model_may_help is may_help
