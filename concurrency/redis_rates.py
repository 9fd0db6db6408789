"""Rates that all processes count together, in Redis."""

from functools import cache
from typing import Any

from django.conf import settings
from limits import aio, storage, strategies

#: Seconds to wait for Redis. What cannot be counted in time goes through.
_PATIENCE = 1.0
_OPTIONS: dict[str, Any] = {
    "key_prefix": "runnel:limits",
    "socket_timeout": _PATIENCE,
    "socket_connect_timeout": _PATIENCE,
}


def shared_limiter() -> aio.strategies.MovingWindowRateLimiter | None:
    """Return a new limiter of the running event loop that all processes share, ``None`` without Redis."""
    if not settings.REDIS_URL:
        return None
    url = f"async+{settings.REDIS_URL}"
    return aio.strategies.MovingWindowRateLimiter(
        aio.storage.RedisStorage(url, implementation="redispy", **_OPTIONS)
    )


def limiter_for_threads() -> strategies.MovingWindowRateLimiter | None:
    """Return the limiter for threads that all processes share, ``None`` without Redis. It blocks its caller."""
    return _blocking(settings.REDIS_URL) if settings.REDIS_URL else None


@cache
def _blocking(url: str) -> strategies.MovingWindowRateLimiter:
    return strategies.MovingWindowRateLimiter(storage.RedisStorage(url, **_OPTIONS))
