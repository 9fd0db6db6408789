"""The shares through which sockets of this process look at conversations. A revoked one ends what it shows.

A share that is revoked in this process ends at once, by a signal, and soon in others if there is Redis. Without, or with
its conversation deleted, it ends within ``CHECK_SECONDS`` of the next look: one query for all shares that are in use here.
"""

import asyncio
import logging
import threading
from collections.abc import Callable

from django.db import transaction
from django.db.models.signals import post_delete

from concurrency.tasks import spawn
from concurrency.threads import readers
from providers.types import Json
from runs import bus
from runs.bus import Kind
from runs.models import Share
from runs.services import sharing

logger = logging.getLogger("runnel.access")

#: Seconds between two looks.
CHECK_SECONDS = 1.0

#: Called on the socket's event loop with the id of a share that is not valid any more.
type Lose = Callable[[int], None]

_in_use: dict[int, set[tuple[asyncio.AbstractEventLoop, Lose]]] = {}
_lock = threading.Lock()


def connect() -> None:
    """Connect the signal. Called once, when Django is set up."""
    post_delete.connect(_deleted, sender=Share, dispatch_uid="runs")
    bus.listen(Kind.UNSHARED, _unshared_elsewhere)


def _unshared_elsewhere(_: Json) -> None:
    spawn(check(), name="shares, again", is_shared=True)


def use(share_id: int, lose: Lose) -> Callable[[], None]:
    """Call ``lose`` on the running loop once the share is not valid any more. Return a function that ends this."""
    entry = asyncio.get_running_loop(), lose
    with _lock:
        _in_use.setdefault(share_id, set()).add(entry)

    def stop() -> None:
        with _lock:
            entries = _in_use.get(share_id, set())
            entries.discard(entry)
            if not entries:
                _in_use.pop(share_id, None)

    return stop


async def keep_checking() -> None:
    """Look every ``CHECK_SECONDS`` whether the shares in use are valid, until the task is cancelled."""
    while True:
        await asyncio.sleep(CHECK_SECONDS)
        try:
            await check()
        except Exception:
            logger.exception("shares could not be looked at again; the next look tries again")


async def check() -> None:
    """End what is looked at through shares that are not valid any more."""
    with _lock:
        asked = set(_in_use)
    if asked:
        _end(asked - await readers.run(sharing.still_valid, asked))


def _end(share_ids: set[int]) -> None:
    with _lock:
        ended = [(share_id, *entry) for share_id in share_ids for entry in _in_use.get(share_id, ())]
    for share_id, loop, lose in ended:
        loop.call_soon_threadsafe(lose, share_id)


def _deleted(instance: Share, using: str, **kwargs: object) -> None:
    share_id = instance.pk

    def tell() -> None:
        _end({share_id})
        bus.send(Kind.UNSHARED, {})

    transaction.on_commit(tell, using=using)
