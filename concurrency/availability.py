"""Since when this process waits for its database. Whoever asks it all the time notes when it asks and is answered."""

import math
import threading
import time

#: Seconds of waiting after which people are told. Below it, they notice nothing.
NOTICEABLE = 1.5


class Availability:
    """Who waits for the database, and for how long. From any thread."""

    def __init__(self) -> None:
        self._since: dict[str, float] = {}
        self._lock = threading.Lock()

    def asks(self, name: str, *, takes: float = 0.0) -> None:
        """Note that ``name`` asks the database, or asks again after a failure; up to ``takes`` seconds are no wait."""
        with self._lock:
            self._since.setdefault(name, time.monotonic() + takes)

    def is_answered(self, name: str) -> None:
        """Note that ``name`` waits for nothing any more."""
        with self._lock:
            self._since.pop(name, None)

    @property
    def waiting(self) -> float:
        """The seconds for which somebody has waited, 0 if nobody waits."""
        with self._lock:
            since = min(self._since.values(), default=math.inf)
        return max(time.monotonic() - since, 0.0)

    @property
    def is_down(self) -> bool:
        """Whether somebody has waited for noticeably long, whether the database is away or hangs."""
        return self.waiting > NOTICEABLE
