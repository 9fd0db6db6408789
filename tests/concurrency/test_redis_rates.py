"""Rates that processes count together: only where there is a Redis, and an error where it is away."""

from typing import Any, cast

import pytest
from django.test import override_settings
from limits import RateLimitItemPerMinute

from concurrency.redis_rates import limiter_for_threads, shared_limiter
from tests.faults.redis_process import temporary_redis

WINDOW = RateLimitItemPerMinute(1)


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
    # It is left alone then: a Redis that hangs would hold up each caller.
    assert await limiter.hit(RateLimitItemPerMinute(5), "starts", "7")
    blocking = limiter_for_threads()
    assert blocking is not None
    with pytest.raises(Exception, match="connect"):
        blocking.hit(RateLimitItemPerMinute(5), "wrong tokens", "7")
    assert blocking.test(RateLimitItemPerMinute(5), "wrong tokens", "7")


@pytest.mark.parametrize(
    "url", ["redis://redis", "redis://:secret@redis/3", "rediss://redis:6380", "unix:///run/redis?db=1"]
)
async def test_every_address_that_redis_takes_is_taken(settings: Any, url: str) -> None:
    settings.REDIS_URL = url
    assert shared_limiter() is not None
    assert limiter_for_threads() is not None


async def test_installations_that_share_a_redis_count_apart(settings: Any) -> None:
    with temporary_redis() as server:
        settings.REDIS_URL = server.url
        passed = []
        for key in ("one", "other", "one"):
            with override_settings(SECRET_KEY=key):
                limiter = shared_limiter()
                assert limiter is not None
                passed.append(await limiter.hit(WINDOW, "starts", "7"))
                await cast("Any", limiter.storage).bridge.storage.connection_pool.aclose()
        assert passed == [True, True, False]
