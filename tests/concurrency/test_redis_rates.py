"""Rates that processes count together: only where there is a Redis, and an error where it is away."""

from typing import Any

import pytest
from limits import RateLimitItemPerMinute

from concurrency.redis_rates import limiter_for_threads, shared_limiter


def test_without_redis_nothing_is_shared(settings: Any) -> None:
    settings.REDIS_URL = ""
    assert shared_limiter() is None
    assert limiter_for_threads() is None


async def test_a_redis_that_is_away_is_an_error_and_no_hang(settings: Any) -> None:
    # Nothing listens on port 1.
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    limiter = shared_limiter()
    assert limiter is not None
    with pytest.raises(Exception, match="connect"):
        await limiter.hit(RateLimitItemPerMinute(5), "starts", "7")
    blocking = limiter_for_threads()
    assert blocking is not None
    with pytest.raises(Exception, match="connect"):
        blocking.hit(RateLimitItemPerMinute(5), "wrong tokens", "7")
