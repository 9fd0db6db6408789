"""Whether Redis is asked at all.

After a failure, nobody in this process asks for some seconds, and everything goes through: one that hangs holds up whoever
asks, and a single start asks more than once.
"""

import time

#: Seconds to wait for Redis.
PATIENCE = 1.0
#: Seconds for which it is not asked after a failure.
LEFT_ALONE = 5.0

#: Until when each address is left alone, by ``time.monotonic``.
_until: dict[str, float] = {}


def is_left_alone(url: str) -> bool:
    """Return whether the Redis at ``url`` is not to be asked now."""
    return time.monotonic() < _until.get(url, 0.0)


def leave_alone(url: str) -> None:
    """Note that it has not answered."""
    _until[url] = time.monotonic() + LEFT_ALONE
