"""Rates that all processes count together, in Redis. What cannot be counted in time goes through."""

from functools import cache
from typing import Any

import redis.asyncio
from django.conf import settings
from limits import RateLimitItem, aio, storage, strategies
from redis.asyncio.retry import Retry as AsyncRetry
from redis.backoff import NoBackoff
from redis.retry import Retry

from concurrency import redis_names, redis_pause

_OPTIONS: dict[str, Any] = {
    "socket_timeout": redis_pause.PATIENCE,
    "socket_connect_timeout": redis_pause.PATIENCE,
}
#: ``limits`` reads addresses in a way of its own, which knows fewer of them: it gets connections, and this in their place.
_NO_ADDRESS = "redis://redis:6379"


class SharedRates(aio.strategies.MovingWindowRateLimiter):
    """Rates of one event loop. After a failure, everything goes through for some seconds."""

    def __init__(self, counts: aio.storage.Storage, url: str) -> None:
        """Take where it counts, and the address of Redis."""
        super().__init__(counts)
        self._url = url

    async def hit(self, item: RateLimitItem, *identifiers: str, cost: int = 1) -> bool:
        """Count one; return whether it goes through.

        Raises:
            RedisError: Redis did not answer, or with an error.
        """
        if redis_pause.is_left_alone(self._url):
            return True
        try:
            return await super().hit(item, *identifiers, cost=cost)
        except redis.RedisError:
            redis_pause.leave_alone(self._url)
            raise


class RatesOfThreads(strategies.MovingWindowRateLimiter):
    """Rates that threads count, which wait for Redis. After a failure, everything goes through for some seconds."""

    def __init__(self, counts: storage.Storage, url: str) -> None:
        """Take where it counts, and the address of Redis."""
        super().__init__(counts)
        self._url = url

    def test(self, item: RateLimitItem, *identifiers: str, cost: int = 1) -> bool:
        """Return whether one more goes through. Raises as ``SharedRates.hit``."""
        return self._ask(super().test, item, *identifiers, cost=cost)

    def hit(self, item: RateLimitItem, *identifiers: str, cost: int = 1) -> bool:
        """Count one; return whether it goes through. Raises as ``SharedRates.hit``."""
        return self._ask(super().hit, item, *identifiers, cost=cost)

    def _ask(self, ask: Any, *arguments: Any, cost: int) -> bool:
        if redis_pause.is_left_alone(self._url):
            return True
        try:
            return bool(ask(*arguments, cost=cost))
        except redis.RedisError:
            redis_pause.leave_alone(self._url)
            raise


def shared_limiter() -> SharedRates | None:
    """Return a new limiter of the running event loop that all processes share, ``None`` without Redis."""
    if not settings.REDIS_URL:
        return None
    pool = redis.asyncio.ConnectionPool.from_url(
        settings.REDIS_URL, retry=AsyncRetry(NoBackoff(), 0), **_OPTIONS
    )
    counts = aio.storage.RedisStorage(
        f"async+{_NO_ADDRESS}",
        implementation="redispy",
        key_prefix=redis_names.own("limits"),
        connection_pool=pool,  # type: ignore[arg-type]  # typed for options of other kinds
    )
    return SharedRates(counts, settings.REDIS_URL)


def limiter_for_threads() -> RatesOfThreads | None:
    """Return the limiter for threads that all processes share, ``None`` without Redis. It blocks its caller."""
    return _blocking(settings.REDIS_URL) if settings.REDIS_URL else None


@cache
def _blocking(url: str) -> RatesOfThreads:
    pool = redis.ConnectionPool.from_url(url, retry=Retry(NoBackoff(), 0), **_OPTIONS)
    counts = storage.RedisStorage(_NO_ADDRESS, connection_pool=pool, key_prefix=redis_names.own("limits"))
    return RatesOfThreads(counts, url)
