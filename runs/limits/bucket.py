"""A token bucket: the counter of one rate. No clock of its own, no locks."""

from dataclasses import dataclass


@dataclass(slots=True)
class Bucket:
    """What one user may still do at once. It begins full and fills again at a steady rate.

    The rate and the capacity are given with each call, because an admin can change them.
    """

    #: What was taken and has not come back yet.
    used: float = 0.0
    #: When ``used`` was last brought up to date, in seconds of the caller's clock.
    at: float = 0.0

    def take(self, amount: float, *, per_second: float, capacity: float, now: float) -> float:
        """Take ``amount`` and return 0; or take nothing and return the seconds until it can be taken."""
        self._refill(per_second, now)
        if self.used > 0 and self.used + amount > capacity:
            return (self.used + amount - capacity) / per_second
        self.used += amount
        return 0.0

    def overdraw(self, amount: float, *, per_second: float, capacity: float, now: float) -> float:
        """Take ``amount`` in any case. Return the seconds until nothing is owed."""
        self._refill(per_second, now)
        self.used += amount
        return max(0.0, (self.used - capacity) / per_second)

    def _refill(self, per_second: float, now: float) -> None:
        self.used = max(0.0, self.used - (now - self.at) * per_second)
        self.at = now
