"""Decides whether to retry a failed call, and after how many seconds. Pure: no waiting, no random numbers."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Self

from django.conf import settings

from providers.errors import LLMError, LLMRateLimitError

#: How much longer a pause is after a rate limit.
_RATE_LIMIT_FACTOR = 8.0


@dataclass(frozen=True, kw_only=True, slots=True)
class RetryPolicy:
    """Limits on the retries of a failed call. Pauses are in seconds."""

    #: Retries per model; 0 for none.
    max_retries: int
    #: Upper limit of the pause before the first retry; doubles with each further retry.
    base: float
    #: Upper limit of a pause that the provider did not ask for.
    cap: float
    #: Longest pause that a provider may ask for; a longer one ends the retries.
    longest_retry_after: float

    @classmethod
    def from_settings(cls, max_retries: int | None = None) -> Self:
        """Return the policy from the Django settings; ``max_retries`` overrides its setting."""
        return cls(
            max_retries=settings.RUNNEL_MAX_RETRIES if max_retries is None else max_retries,
            base=settings.RUNNEL_RETRY_BASE_SECONDS,
            cap=settings.RUNNEL_RETRY_MAX_SECONDS,
            longest_retry_after=settings.RUNNEL_RETRY_AFTER_MAX_SECONDS,
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Again:
    """Retry the call."""

    #: Seconds to wait before the retry.
    wait: float
    #: Attempt number for this model, from 2.
    attempt: int
    #: Attempts that this model gets for this kind of failure.
    of: int


class Stay(Enum):
    """Why a call is not retried."""

    #: The same request would fail again.
    FINAL = "final"
    #: The retries are used up.
    SPENT = "spent"
    #: The provider asks for a pause longer than ``longest_retry_after``.
    TOO_LONG = "too_long"


def decide(
    error: LLMError, *, earlier: Sequence[LLMError], policy: RetryPolicy, chance: float
) -> Again | Stay:
    """Return whether to retry after ``error``. The call must not have shown any content.

    A pause is random between 0 and its limit ("full jitter"), so that calls that failed together do not
    retry together. A pause that the provider asks for is a minimum. After a rate limit without such a pause,
    the limit is eight times as long and the pause at least half of it: most rate limits are per minute.

    Args:
        error: The failure.
        earlier: Earlier failures of the same model that led to a retry.
        policy: The limits.
        chance: A random number from [0, 1).
    """
    tries = len(earlier) + 1
    of = 1 + policy.max_retries
    if not error.retryable:
        return Stay.FINAL
    if error.most_retries is not None:
        same_kind = sum(failure.most_retries is not None for failure in earlier)
        of = min(of, tries + error.most_retries - same_kind)
    if tries >= of:
        return Stay.SPENT
    if error.retry_after is None:
        wait = _unasked_pause(error, len(earlier), policy, chance)
    elif error.retry_after > policy.longest_retry_after:
        return Stay.TOO_LONG
    else:
        wait = error.retry_after + chance * policy.base
    return Again(wait=wait, attempt=tries + 1, of=of)


def _unasked_pause(error: LLMError, retries: int, policy: RetryPolicy, chance: float) -> float:
    """Return the seconds to wait after ``error``, which asks for no pause, and ``retries`` earlier retries."""
    longest = policy.base * 2.0 ** min(retries, 64)
    if isinstance(error, LLMRateLimitError):
        return (0.5 + chance / 2) * min(policy.cap, longest * _RATE_LIMIT_FACTOR)
    return chance * min(policy.cap, longest)
