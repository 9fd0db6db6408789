"""How much one provider is asked at once and in a minute; who comes too early waits for a turn.

Places for concurrent calls belong to a process and its event loop; requests per minute are counted for all
processes together where there is Redis. It knows no call and no error but the one of whoever
waited in vain.
"""

import asyncio
import logging
import time
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from django.conf import settings
from limits import RateLimitItemPerMinute
from limits.aio.storage import MemoryStorage, RedisStorage
from limits.aio.strategies import MovingWindowRateLimiter

from concurrency.per_loop import PerLoop
from providers.catalog.limits import NONE, Limits
from providers.errors import LLMOwnLimitError
from providers.errors.cancellation import StopSignal, wait_for

logger = logging.getLogger("runnel.providers")

#: Seconds for Redis to answer, for whom no call waits longer.
_REDIS_SECONDS = 1.0
#: Seconds until a second look at a window that has just been emptied by somebody else.
_SHORTEST_PAUSE = 0.01


class Places:
    """A number of slots; callers that find them taken wait in order."""

    def __init__(self, most: int) -> None:
        self._free = most
        self._waiting: deque[asyncio.Future[None]] = deque()

    def ask(self) -> asyncio.Future[None]:
        """Return a future that resolves when a slot is free; pass it to ``give_back`` afterwards."""
        ticket: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if self._free:
            self._free -= 1
            ticket.set_result(None)
        else:
            self._waiting.append(ticket)
        return ticket

    def give_back(self, ticket: asyncio.Future[None]) -> None:
        """Free the slot of ``ticket``, or stop waiting for one."""
        if not ticket.done():
            self._waiting.remove(ticket)
            ticket.cancel()
        elif self._waiting:
            self._waiting.popleft().set_result(None)
        else:
            self._free += 1


@dataclass(slots=True)
class _LoopLimits:
    """What belongs to one event loop: who is in, and how requests are counted."""

    limiter: MovingWindowRateLimiter
    #: By provider and size: those who came under another limit leave as they came.
    places: dict[tuple[str, int], Places]


_of_this_loop = PerLoop(lambda: _LoopLimits(_limiter(), {}))


def _limiter() -> MovingWindowRateLimiter:
    if not settings.REDIS_URL:
        return MovingWindowRateLimiter(MemoryStorage())
    storage = RedisStorage(
        f"async+{settings.REDIS_URL}",
        implementation="redispy",
        key_prefix="runnel:limits",
        socket_timeout=_REDIS_SECONDS,
        socket_connect_timeout=_REDIS_SECONDS,
    )
    return MovingWindowRateLimiter(storage)


@asynccontextmanager
async def turn(slug: str, limits: Limits, *, cancel: StopSignal, patience: float) -> AsyncIterator[None]:
    """Wait for permission to call the provider ``slug``, for ``patience`` seconds at most; hold a slot until the end.

    Raises:
        LLMOwnLimitError: no slot was free in time, or none will be.
        RunCancelled: ``cancel`` was set.
    """
    if limits == NONE:
        yield
        return
    deadline = time.monotonic() + patience
    here = _of_this_loop.get()
    if limits.concurrency is None:
        await _count(here.limiter, slug, limits, cancel, deadline)
        yield
        return
    places = here.places.setdefault((slug, limits.concurrency), Places(limits.concurrency))
    ticket = places.ask()
    try:
        if not ticket.done() and not await wait_for(ticket, cancel=cancel, seconds=patience):
            raise LLMOwnLimitError(
                f"This installation makes {limits.concurrency} calls to {slug} at the same time, and none of "
                f"them ended within {patience:g} seconds. Try again, or choose another model.",
                detail={"limit": "concurrency", "value": limits.concurrency},
            )
        await _count(here.limiter, slug, limits, cancel, deadline)
        yield
    finally:
        places.give_back(ticket)


async def _count(
    limiter: MovingWindowRateLimiter, slug: str, limits: Limits, cancel: StopSignal, deadline: float
) -> None:
    """Wait for a request in the moving window of one minute, and count it."""
    if limits.requests_per_minute is None:
        return
    window = RateLimitItemPerMinute(limits.requests_per_minute)
    while (pause := await _pause(limiter, window, slug)) > 0:
        if time.monotonic() + pause > deadline:
            raise LLMOwnLimitError(
                f"This installation sends {slug} {limits.requests_per_minute} requests a minute, and those "
                f"are used up for {pause:.0f} more seconds. Try again then, or choose another model.",
                retry_after=pause,
                detail={"limit": "requests_per_minute", "value": limits.requests_per_minute},
            )
        await wait_for(None, cancel=cancel, seconds=pause)


async def _pause(limiter: MovingWindowRateLimiter, window: RateLimitItemPerMinute, slug: str) -> float:
    """Count a request and return 0, or return the seconds until one may be allowed."""
    try:
        if await limiter.hit(window, slug):
            return 0.0
        reset, _ = await limiter.get_window_stats(window, slug)
    except Exception:
        # Without a counter the call is allowed: people wait for it.
        logger.exception("The requests to %s could not be counted; this one goes through.", slug)
        return 0.0
    return max(_SHORTEST_PAUSE, reset - time.time())
