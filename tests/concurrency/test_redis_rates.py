"""Rates that processes count together: only where there is a Redis, and an error where it is away."""

import inspect
from typing import Any, cast

import pytest
from django.test import override_settings
from limits import RateLimitItemPerMinute

from concurrency.redis_rates import limiter_for_threads, shared_limiter
from concurrency.redis_slots import SharedSlots
from tests.faults.redis_process import temporary_redis

WINDOW = RateLimitItemPerMinute(1)
MANY = RateLimitItemPerMinute(5)


def test_without_redis_nothing_is_shared(settings: Any) -> None:
    settings.REDIS_URL = ""
    assert shared_limiter() is None
    assert limiter_for_threads() is None


async def test_a_redis_that_is_away_is_an_error_and_no_hang(settings: Any) -> None:
    # Nothing listens on port 1.
    settings.REDIS_URL = "redis://127.0.0.1:1/1"
    limiter = shared_limiter()
    assert limiter is not None
    with pytest.raises(Exception, match="connect"):
        await limiter.hit(MANY, "starts", "7")
    # It is left alone then: a Redis that hangs would hold up each caller.
    assert await limiter.hit(MANY, "starts", "7")


def test_threads_ask_one_that_is_away_once(settings: Any) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:1/2"
    blocking = limiter_for_threads()
    assert blocking is not None
    with pytest.raises(Exception, match="connect"):
        blocking.hit(MANY, "wrong tokens", "7")
    assert blocking.test(MANY, "wrong tokens", "7")


async def test_what_one_has_noticed_all_of_the_process_know(settings: Any) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:1/3"
    slots = SharedSlots(settings.REDIS_URL)
    assert await slots.take("openai", 1) is not None
    for limiter in (shared_limiter(), limiter_for_threads()):
        assert limiter is not None
        hit: Any = limiter.hit(MANY, "starts", "7")
        assert await hit if inspect.isawaitable(hit) else hit
    await slots.close()


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
