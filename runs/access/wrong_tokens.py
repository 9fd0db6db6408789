"""Throttles wrong API tokens by the client's address. Counted in this process.

A token that was right before is looked up all the same, so that a neighbour behind the same address who guesses, or has
an old token, locks nobody out.
"""

import threading
import time
from collections import OrderedDict

from django.conf import settings

from runs.errors import RateLimited
from runs.limits.bucket import Bucket
from runs.models import ApiToken

#: Addresses that are remembered; with more, those that were quiet for longest are forgotten.
_KEPT_ADDRESSES = 10_000
#: Digests of right tokens that are remembered.
_KEPT_TOKENS = 10_000

_lock = threading.Lock()
_wrong: OrderedDict[str | None, Bucket] = OrderedDict()
_right: OrderedDict[str, None] = OrderedDict()


def admit_token(address: str | None, token: str) -> None:
    """Do nothing if ``token`` may be looked up. Reads no database.

    Raises:
        RateLimited: too many wrong tokens came from ``address``, and this one was never right here.
    """
    with _lock:
        if ApiToken.digest_of(token) in _right or address not in _wrong:
            return
        wait = _wrong[address].overdraw(0, now=time.monotonic(), **_rate(before_next=True))
    if wait:
        raise RateLimited(
            f"Too many wrong tokens came from your address. Try again in {max(1, round(wait))} s.",
            limit="wrong_tokens",
            retry_after=wait,
        )


def note_token(address: str | None, token: str, *, is_right: bool) -> None:
    """Remember what a look-up of ``token`` has found."""
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


def forget_all() -> None:
    """Forget all addresses and tokens."""
    with _lock:
        _wrong.clear()
        _right.clear()


def _rate(*, before_next: bool = False) -> dict[str, float]:
    """Return the rate of wrong tokens; with ``before_next``, one token less fits into the bucket."""
    most = settings.RUNNEL_WRONG_TOKENS_PER_MINUTE
    return {"per_second": most / 60, "capacity": most - before_next}
