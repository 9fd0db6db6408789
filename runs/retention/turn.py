"""Lets one process at a time do a kind of upkeep, by a lease in the database."""

import os
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from uuid import uuid4

from django.db.models import Q
from django.db.models.functions import Now

from runs.models import Upkeep
from runs.store import clock

#: After this time without a sign of life, another process may take the turn.
LEASE = timedelta(minutes=2)
#: Seconds between two renewals of the lease.
_RENEW = 20.0


class Taken(Exception):  # noqa: N818 - it names what happened
    """Another process does it now, or it is not due yet."""


@contextmanager
def take(name: str, *, every: timedelta | None = None) -> Iterator[Callable[[], None]]:
    """Do the upkeep ``name`` within the ``with`` block. Yields a function that keeps the turn; call it often.

    If the block ends without an error, the upkeep counts as finished.

    Args:
        name: the kind of upkeep.
        every: do it only if it was last finished so long ago; ``None`` does it in any case.

    Raises:
        Taken: another process does it now, or it is not due. The yielded function raises it if the turn was lost.
    """
    worker = f"{socket.gethostname()[:24]}:{os.getpid()}:{uuid4().hex[:8]}"
    Upkeep.objects.get_or_create(name=name)
    free = Upkeep.objects.filter(Q(lease_until=None) | Q(lease_until__lt=Now()), name=name)
    if every is not None:
        free = free.filter(Q(finished_at=None) | Q(finished_at__lt=clock.after(-every)))
    if not free.update(worker=worker, lease_until=clock.after(LEASE)):
        raise Taken
    mine = Upkeep.objects.filter(name=name, worker=worker)
    renewed = time.monotonic()

    def keep() -> None:
        nonlocal renewed
        if time.monotonic() - renewed > _RENEW:
            if not mine.update(lease_until=clock.after(LEASE)):
                raise Taken
            renewed = time.monotonic()

    try:
        yield keep
    except BaseException:
        mine.update(worker="", lease_until=None)
        raise
    mine.update(worker="", lease_until=None, finished_at=Now())
