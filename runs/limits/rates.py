"""The rates of each user: starts in a minute, frames in a second, and how many starts are stored at the same time.

Counted in memory, per event loop; starts are also counted in Redis if it is configured. A refusal costs no
look into a database.
"""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from limits import RateLimitItemPerMinute
from limits.aio.strategies import MovingWindowRateLimiter

from concurrency.per_loop import PerLoop
from concurrency.redis_rates import shared_limiter
from runs.errors import RateLimited
from runs.limits.bucket import Bucket

logger = logging.getLogger("runnel.limits")

#: Starts of one user that are stored at the same time. Others wait, so that a burst of one user leaves room.
STORED_AT_ONCE = 4
#: Bytes that count as one frame. A large frame takes the longer to parse.
BYTES_OF_A_FRAME = 512
#: Seconds of CPU time that storing a start may take without counting as frames.
FREE_SECONDS = 0.01
#: Frames that one second of CPU time beyond that counts as. With 2,000 frames a second, half of a core.
FRAMES_OF_A_SECOND = 4_000
#: Users whose buckets are kept; with more, those are dropped who have done nothing for a minute.
_KEPT_USERS = 10_000
#: Seconds of a clock that is never set back.
_now = time.monotonic


@dataclass(slots=True)
class Cost:
    """The CPU time that one start has taken, in seconds."""

    seconds: float = 0.0

    def of[T](self, work: Callable[[], T]) -> T:
        """Run ``work``, count the CPU time of this thread meanwhile, and return what it returns."""
        begin = time.thread_time()
        try:
            return work()
        finally:
            self.seconds += time.thread_time() - begin


@dataclass(slots=True)
class _User:
    starts: Bucket = field(default_factory=Bucket)
    frames: Bucket = field(default_factory=Bucket)
    slots: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(STORED_AT_ONCE))


@dataclass(slots=True)
class _Rates:
    """The rates of one event loop."""

    shared: MovingWindowRateLimiter | None
    users: dict[int, _User] = field(default_factory=dict)


_of_this_loop = PerLoop(lambda: _Rates(shared_limiter()))


async def count_start(user_id: int, *, per_minute: int) -> None:
    """Count one start of a user.

    Raises:
        RateLimited: the user has started ``per_minute`` runs; ``retry_after`` says when the next one may start.
    """
    bucket = _user(user_id).starts
    wait = bucket.take(1, per_second=per_minute / 60, capacity=per_minute, now=_now())
    if not wait and (shared := _of_this_loop.get().shared) is not None:
        wait = await _count_in_redis(shared, user_id, per_minute)
    if wait:
        raise RateLimited(
            f"You may start {per_minute:,} runs a minute. Try again in {_seconds(wait)}.",
            limit="starts_per_minute",
            retry_after=wait,
        )


def count_frame(user_id: int, size: int, *, per_second: int) -> float:
    """Count one frame of a user, once for each 512 bytes of its ``size``.

    Returns:
        The seconds to wait before the frame is handled, so that the user's frames keep to the rate.
    """
    bucket = _user(user_id).frames
    amount = 1 + size // BYTES_OF_A_FRAME
    return bucket.overdraw(amount, per_second=per_second, capacity=per_second, now=_now())


@asynccontextmanager
async def storing(user_id: int) -> AsyncIterator[Cost]:
    """Wait until fewer than ``STORED_AT_ONCE`` starts of the user are being stored.

    What the start costs beyond ``FREE_SECONDS`` counts as frames: the user's next ones are handled later.
    """
    user = _user(user_id)
    cost = Cost()
    async with user.slots:
        try:
            yield cost
        finally:
            user.frames.used += max(0.0, cost.seconds - FREE_SECONDS) * FRAMES_OF_A_SECOND


async def _count_in_redis(limiter: MovingWindowRateLimiter, user_id: int, per_minute: int) -> float:
    """Count one start in all processes. Return 0, or the seconds until there is room."""
    window = RateLimitItemPerMinute(per_minute)
    try:
        if await limiter.hit(window, "starts", str(user_id)):
            return 0.0
        reset, _ = await limiter.get_window_stats(window, "starts", str(user_id))
    except Exception:
        # A failure of the counter must not fail the start.
        logger.exception("the starts of user %s could not be counted in Redis", user_id)
        return 0.0
    return max(0.1, reset - time.time())


def _user(user_id: int) -> _User:
    users = _of_this_loop.get().users
    if (known := users.get(user_id)) is None:
        if len(users) >= _KEPT_USERS:
            _forget_idle(users)
        known = users[user_id] = _User()
    return known


def _forget_idle(users: dict[int, _User]) -> None:
    now = _now()
    for user_id, user in list(users.items()):
        if not user.slots.locked() and now - max(user.starts.at, user.frames.at) > 60:
            del users[user_id]


def _seconds(wait: float) -> str:
    whole = max(1, round(wait))
    return "1 second" if whole == 1 else f"{whole} seconds"
