"""Rates that all processes count together, in Redis.

After a failure, Redis is not asked for some seconds, and everything goes through: one that hangs would hold up each caller.
"""

import time
from functools import cache
from typing import Any

import redis.asyncio
from django.conf import settings
from limits import RateLimitItem, aio, storage, strategies
from redis.asyncio.retry import Retry as AsyncRetry
from redis.backoff import NoBackoff
from redis.retry import Retry

from concurrency import redis_names

#: Seconds to wait for Redis. What cannot be counted in time goes through.
_PATIENCE = 1.0
#: Seconds for which Redis is not asked after a failure.
_LEFT_ALONE = 5.0
_OPTIONS: dict[str, Any] = {"socket_timeout": _PATIENCE, "socket_connect_timeout": _PATIENCE}
#: ``limits`` reads addresses in a way of its own, which knows fewer of them: it gets connections, and this in their place.
_NO_ADDRESS = "redis://redis:6379"


class SharedRates(aio.strategies.MovingWindowRateLimiter):
    """Rates of one event loop. After a failure, everything goes through for some seconds."""

    _left_alone_until = 0.0

    async def hit(self, item: RateLimitItem, *identifiers: str, cost: int = 1) -> bool:
        """Count one; return whether it goes through.

        Raises:
            RedisError: Redis did not answer, or with an error.
        """
        if time.monotonic() < self._left_alone_until:
            return True
        try:
            return await super().hit(item, *identifiers, cost=cost)
        except redis.RedisError:
            self._left_alone_until = time.monotonic() + _LEFT_ALONE
            raise


class RatesOfThreads(strategies.MovingWindowRateLimiter):
    """Rates that threads count, which wait for Redis. After a failure, everything goes through for some seconds."""

    _left_alone_until = 0.0

    def test(self, item: RateLimitItem, *identifiers: str, cost: int = 1) -> bool:
        """Return whether one more goes through. Raises as ``SharedRates.hit``."""
        return self._ask(super().test, item, *identifiers, cost=cost)

    def hit(self, item: RateLimitItem, *identifiers: str, cost: int = 1) -> bool:
        """Count one; return whether it goes through. Raises as ``SharedRates.hit``."""
        return self._ask(super().hit, item, *identifiers, cost=cost)

    def _ask(self, ask: Any, *arguments: Any, cost: int) -> bool:
        if time.monotonic() < self._left_alone_until:
            return True
        try:
            return bool(ask(*arguments, cost=cost))
        except redis.RedisError:
            self._left_alone_until = time.monotonic() + _LEFT_ALONE
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
    return SharedRates(counts)


def limiter_for_threads() -> RatesOfThreads | None:
    """Return the limiter for threads that all processes share, ``None`` without Redis. It blocks its caller."""
    return _blocking(settings.REDIS_URL) if settings.REDIS_URL else None


@cache
def _blocking(url: str) -> RatesOfThreads:
    pool = redis.ConnectionPool.from_url(url, retry=Retry(NoBackoff(), 0), **_OPTIONS)
    counts = storage.RedisStorage(_NO_ADDRESS, connection_pool=pool, key_prefix=redis_names.own("limits"))
    return RatesOfThreads(counts)
