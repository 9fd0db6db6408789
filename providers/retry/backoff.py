"""Decides whether a failed call is made again, and after how long. Pure: it neither waits nor draws lots."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Self

from django.conf import settings

from providers.errors import LLMError


@dataclass(frozen=True, kw_only=True, slots=True)
class RetryPolicy:
    """How often and how patiently a failed call is made again. Seconds."""

    #: Of one model; 0 for none.
    max_retries: int
    #: The longest pause before the first retry; it doubles with every further one.
    base: float
    #: The longest pause of our own choice.
    cap: float
    #: The longest pause that a provider may ask for.
    longest_retry_after: float

    @classmethod
    def from_settings(cls, max_retries: int | None = None) -> Self:
        """Return what the installation is configured with, with other ``max_retries`` if given."""
        return cls(
            max_retries=settings.RUNNEL_MAX_RETRIES if max_retries is None else max_retries,
            base=settings.RUNNEL_RETRY_BASE_SECONDS,
            cap=settings.RUNNEL_RETRY_MAX_SECONDS,
            longest_retry_after=settings.RUNNEL_RETRY_AFTER_MAX_SECONDS,
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Again:
    """Make the call again."""

    #: Seconds to wait first.
    wait: float
    #: Which try of this model it is, from 2.
    attempt: int
    #: How many tries the model has for a failure of this kind.
    of: int


class Stay(Enum):
    """Why a call is not made again."""

    #: Sent again unchanged, the request would fail again.
    FINAL = "final"
    #: There were as many retries as there may be.
    SPENT = "spent"
    #: The provider asks for a longer pause than anybody is made to wait for.
    TOO_LONG = "too_long"


def decide(
    error: LLMError, *, earlier: Sequence[LLMError], policy: RetryPolicy, chance: float
) -> Again | Stay:
    """Return what to do after ``error`` of a call that had shown nothing yet.

    ``earlier`` are the failures of the same model that were followed by a retry, ``chance`` is drawn
    from [0, 1): a pause is anything up to its limit ("full jitter"), so that callers who failed
    together do not come back together. One that the provider asks for is no shorter than that.
    """
    tries = len(earlier) + 1
    of = 1 + policy.max_retries
    if not error.retryable:
        return Stay.FINAL
    if error.most_retries is not None:
        like_it = sum(failure.most_retries is not None for failure in earlier)
        of = min(of, tries + error.most_retries - like_it)
    if tries >= of:
        return Stay.SPENT
    if error.retry_after is None:
        wait = chance * min(policy.cap, policy.base * 2.0 ** min(len(earlier), 64))
    elif error.retry_after > policy.longest_retry_after:
        return Stay.TOO_LONG
    else:
        wait = error.retry_after + chance * policy.base
    return Again(wait=wait, attempt=tries + 1, of=of)
