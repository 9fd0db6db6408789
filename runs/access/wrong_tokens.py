"""Throttles wrong API tokens by the client's address. Counted in this process, and in Redis if it is configured.

A token that was right before is looked up all the same, so that a neighbour behind the same address who guesses, or has
an old token, locks nobody out.
"""

import asyncio
import logging
import threading
import time
from collections import OrderedDict

from django.conf import settings
from limits import RateLimitItemPerMinute

from concurrency.redis_rates import limiter_for_threads
from runs.errors import RateLimited
from runs.limits.bucket import Bucket
from runs.models import ApiToken

logger = logging.getLogger("runnel.access")

#: Addresses that are remembered; with more, those that were quiet for longest are forgotten.
_KEPT_ADDRESSES = 10_000
#: Digests of right tokens that are remembered.
_KEPT_TOKENS = 10_000

_lock = threading.Lock()
_wrong: OrderedDict[str | None, Bucket] = OrderedDict()
_right: OrderedDict[str, None] = OrderedDict()


def admit_token(address: str | None, token: str) -> None:
    """Do nothing if ``token`` may be looked up. Reads no database, but may ask Redis: not for an event loop.

    Raises:
        RateLimited: too many wrong tokens came from ``address``, and this one was never right here.
    """
    with _lock:
        if ApiToken.digest_of(token) in _right:
            return
        bucket = _wrong.get(address)
        wait = bucket.overdraw(0, now=time.monotonic(), **_rate(before_next=True)) if bucket else 0.0
    if wait := wait or _wait_for_all(address):
        raise RateLimited(
            f"Too many wrong tokens came from your address. Try again in {max(1, round(wait))} s.",
            limit="wrong_tokens",
            retry_after=wait,
        )


def note_token(address: str | None, token: str, *, is_right: bool) -> None:
    """Remember what a look-up of ``token`` has found. Not for an event loop, as ``admit_token``."""
    with _lock:
        if is_right:
            _right[ApiToken.digest_of(token)] = None
            _right.move_to_end(ApiToken.digest_of(token))
            if len(_right) > _KEPT_TOKENS:
                _right.popitem(last=False)
            return
        bucket = _wrong.setdefault(address, Bucket(at=time.monotonic()))
        bucket.overdraw(1, now=time.monotonic(), **_rate())
        _wrong.move_to_end(address)
        if len(_wrong) > _KEPT_ADDRESSES:
            _wrong.popitem(last=False)
    _count_for_all(address)


def _wait_for_all(address: str | None) -> float:
    """Return the seconds until all processes together take another wrong token from an address."""
    if (limiter := limiter_for_threads()) is None:
        return 0.0
    try:
        if limiter.test(_window(), *_key(address)):
            return 0.0
        return max(0.1, limiter.get_window_stats(_window(), *_key(address)).reset_time - time.time())
    except Exception:
        # A failure of the counter must not lock everybody out.
        logger.exception("wrong tokens could not be counted in Redis")
        return 0.0


def _count_for_all(address: str | None) -> None:
    if (limiter := limiter_for_threads()) is None:
        return
    try:
        limiter.hit(_window(), *_key(address))
    except Exception:
        logger.exception("a wrong token could not be counted in Redis")


def _window() -> RateLimitItemPerMinute:
    return RateLimitItemPerMinute(settings.RUNNEL_WRONG_TOKENS_PER_MINUTE)


def _key(address: str | None) -> tuple[str, str]:
    return "wrong tokens", address or ""


async def check_token(address: str | None, token: str) -> None:
    """Do what ``admit_token`` does, for an event loop: only Redis is asked on a thread. Raises as that does."""
    if settings.REDIS_URL:
        await asyncio.to_thread(admit_token, address, token)
    else:
        admit_token(address, token)


async def count_token(address: str | None, token: str, *, is_right: bool) -> None:
    """Do what ``note_token`` does, for an event loop."""
    if settings.REDIS_URL and not is_right:
        await asyncio.to_thread(note_token, address, token, is_right=is_right)
    else:
        note_token(address, token, is_right=is_right)


def forget_all() -> None:
    """Forget all addresses and tokens."""
    with _lock:
        _wrong.clear()
        _right.clear()


def _rate(*, before_next: bool = False) -> dict[str, float]:
    """Return the rate of wrong tokens; with ``before_next``, one token less fits into the bucket."""
    most = settings.RUNNEL_WRONG_TOKENS_PER_MINUTE
    return {"per_second": most / 60, "capacity": most - before_next}
