"""When a lease that is over may be believed.

While the database is away, nobody renews a lease. When it is back, all leases look over, and the processes that live
need a moment to renew theirs. So whoever looks for runs of dead processes believes what is found only after the
database has answered all the time for so long that a living process would have renewed. A run that cannot be ended
shows that nothing can be saved, though the database answers: then nobody could renew a lease either. Nor could anybody
while the table of runs is locked, as by a migration that makes an index.
"""

import time

from django.db import OperationalError, connection, transaction

from runs.models import Run

#: Seconds that a living process needs for a renewal that was due.
RENEWAL = 1.0


class Continuity:
    """Notes when the database answers, and whether it has done so without a gap."""

    def __init__(self, *, gap: float, needed: float) -> None:
        """Take the longest time between two answers that is no gap, and how long there must be none, in seconds."""
        self._gap = gap
        self._needed = needed
        self._since = self._last = -float("inf")

    def note_answer(self) -> bool:
        """Note an answer. Return whether there was no gap for long enough. From any one thread at a time."""
        now = time.monotonic()
        if now - self._last > self._gap:
            self._since = now
        self._last = now
        return now - self._since >= self._needed

    def note_failure(self) -> None:
        """Note that nothing can be saved now: the time without a gap begins anew."""
        self._last = -float("inf")


def is_table_locked() -> bool:
    """Return whether somebody has locked the table of runs against all changes. Only for PostgreSQL."""
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            # The lock that each change takes.
            cursor.execute(f'LOCK TABLE "{Run._meta.db_table}" IN ROW EXCLUSIVE MODE NOWAIT')
    except OperationalError:
        return True
    return False
