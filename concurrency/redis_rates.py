"""Rates that all processes count together, in Redis."""

from django.conf import settings
from limits.aio.storage import RedisStorage
from limits.aio.strategies import MovingWindowRateLimiter

#: Seconds to wait for Redis. What cannot be counted in time goes through.
_PATIENCE = 1.0


def shared_limiter() -> MovingWindowRateLimiter | None:
    """Return a new limiter of the running event loop that all processes share, ``None`` without Redis."""
    if not settings.REDIS_URL:
        return None
    storage = RedisStorage(
        f"async+{settings.REDIS_URL}",
        implementation="redispy",
        key_prefix="runnel:limits",
        socket_timeout=_PATIENCE,
        socket_connect_timeout=_PATIENCE,
    )
    return MovingWindowRateLimiter(storage)
