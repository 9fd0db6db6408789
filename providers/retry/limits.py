"""Limits the concurrent calls and the requests per minute of one provider. Excess calls wait.

Slots for concurrent calls, and requests per minute, are counted across all processes if Redis is configured, else per
event loop. Calls of one process wait in their order; among processes, whoever asks first gets what is free.
"""

import asyncio
import logging
import time
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from limits import RateLimitItemPerMinute
from limits.aio.storage import MemoryStorage
from limits.aio.strategies import MovingWindowRateLimiter

from concurrency.per_loop import PerLoop
from concurrency.redis_rates import shared_limiter
from concurrency.redis_slots import shared_slots
from providers.catalog.limits import NONE, Limits
from providers.errors import LLMOwnLimitError
from providers.errors.stop_signal import StopSignal, wait_for

logger = logging.getLogger("runnel.providers")

#: Seconds between two attempts to get a slot that all processes share.
_ASK_AGAIN = 0.05
#: Minimum seconds before the next check of a full window.
_SHORTEST_PAUSE = 0.01


class ConcurrencySlots:
    """A fixed number of slots, granted in the order of the requests."""

    def __init__(self, capacity: int) -> None:
        self._free = capacity
        self._waiting: deque[asyncio.Future[None]] = deque()

    def acquire(self) -> asyncio.Future[None]:
        """Return a future that resolves when a slot is free. Pass it to ``give_back()`` afterwards."""
        ticket: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if self._free:
            self._free -= 1
            ticket.set_result(None)
        else:
            self._waiting.append(ticket)
        return ticket

    def give_back(self, ticket: asyncio.Future[None]) -> None:
        """Free the slot of ``ticket``, or cancel its wait."""
        if not ticket.done():
            self._waiting.remove(ticket)
            ticket.cancel()
        elif self._waiting:
            self._waiting.popleft().set_result(None)
        else:
            self._free += 1


@dataclass(slots=True)
class _LoopLimits:
    """The limits of one event loop."""

    limiter: MovingWindowRateLimiter
    #: By provider and limit. After a change of the limit, older calls give back to their old slots.
    slots: dict[tuple[str, int], ConcurrencySlots]


_of_this_loop = PerLoop(lambda: _LoopLimits(_limiter(), {}))


def _limiter() -> MovingWindowRateLimiter:
    return shared_limiter() or MovingWindowRateLimiter(MemoryStorage())


@asynccontextmanager
async def slot(slug: str, limits: Limits, *, cancel: StopSignal, patience: float) -> AsyncIterator[None]:
    """Wait until ``limits`` allow a call to the provider ``slug``; occupy one slot inside the context.

    Args:
        slug: The provider.
        limits: Its limits.
        cancel: Ends the wait when it is set.
        patience: Seconds to wait at most.

    Raises:
        LLMOwnLimitError: no call is possible within ``patience`` seconds.
        RunCancelled: ``cancel`` was set during the wait.
    """
    if limits == NONE:
        yield
        return
    deadline = time.monotonic() + patience
    here = _of_this_loop.get()
    if limits.concurrency is None:
        await _count_request(here.limiter, slug, limits, cancel, deadline)
        yield
        return
    slots = here.slots.setdefault((slug, limits.concurrency), ConcurrencySlots(limits.concurrency))
    ticket = slots.acquire()
    try:
        if not ticket.done() and not await wait_for(ticket, cancel=cancel, seconds=patience):
            raise _all_busy(slug, limits.concurrency, patience)
        async with _shared_slot(slug, limits.concurrency, cancel, deadline, patience):
            await _count_request(here.limiter, slug, limits, cancel, deadline)
            yield
    finally:
        slots.give_back(ticket)


@asynccontextmanager
async def _shared_slot(
    slug: str, capacity: int, cancel: StopSignal, deadline: float, patience: float
) -> AsyncIterator[None]:
    """Wait until one of the slots that all processes share is free; occupy it inside the context."""
    shared = shared_slots()
    if shared is None:
        yield
        return
    while (taken := await shared.take(slug, capacity)) is None:
        if time.monotonic() + _ASK_AGAIN > deadline:
            raise _all_busy(slug, capacity, patience)
        await wait_for(None, cancel=cancel, seconds=_ASK_AGAIN)
    try:
        yield
    finally:
        await shared.give_back(taken)


def _all_busy(slug: str, capacity: int, patience: float) -> LLMOwnLimitError:
    return LLMOwnLimitError(
        f"This installation makes {capacity} calls to {slug} at the same time, and none of "
        f"them ended within {patience:g} seconds. Try again, or choose another model.",
        detail={"limit": "concurrency", "value": capacity},
    )


async def _count_request(
    limiter: MovingWindowRateLimiter, slug: str, limits: Limits, cancel: StopSignal, deadline: float
) -> None:
    """Wait until the moving window of one minute has room, then count one request in it."""
    if limits.requests_per_minute is None:
        return
    window = RateLimitItemPerMinute(limits.requests_per_minute)
    while (pause := await _try_count(limiter, window, slug)) > 0:
        if time.monotonic() + pause > deadline:
            raise LLMOwnLimitError(
                f"This installation sends {slug} {limits.requests_per_minute} requests a minute, and those "
                f"are used up for {pause:.0f} more seconds. Try again then, or choose another model.",
                retry_after=pause,
                detail={"limit": "requests_per_minute", "value": limits.requests_per_minute},
            )
        await wait_for(None, cancel=cancel, seconds=pause)


async def _try_count(limiter: MovingWindowRateLimiter, window: RateLimitItemPerMinute, slug: str) -> float:
    """Count one request and return 0, or return the seconds until the window may have room."""
    try:
        if await limiter.hit(window, slug):
            return 0.0
        reset, _ = await limiter.get_window_stats(window, slug)
    except Exception:
        # A failure of the limiter must not fail the call.
        logger.exception("The requests to %s could not be counted; this one goes through.", slug)
        return 0.0
    return max(_SHORTEST_PAUSE, reset - time.time())
