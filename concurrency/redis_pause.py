"""Whether Redis is asked for slots and rates at all.

After a failure, this process does not ask for some seconds, and everything goes through: a Redis that hangs holds up whoever
asks, and a single start asks more than once.
"""

import time

#: Seconds to wait for Redis.
PATIENCE = 1.0
#: Seconds for which it is not asked after a failure.
LEFT_ALONE = 5.0

#: By the address of a Redis, when it may be asked again, as ``time.monotonic`` tells it.
_until: dict[str, float] = {}


def is_left_alone(url: str) -> bool:
    """Return whether the Redis at ``url`` is not to be asked now."""
    return time.monotonic() < _until.get(url, 0.0)


def forget_all() -> None:
    """Ask every Redis again."""
    _until.clear()


def leave_alone(url: str) -> None:
    """Note that it has not answered."""
    _until[url] = time.monotonic() + LEFT_ALONE
