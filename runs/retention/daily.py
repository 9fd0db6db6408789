"""Prunes once a day by itself, as long as a server runs. Of several servers, one does it."""

import asyncio
import logging
import threading
from datetime import timedelta

from concurrency.threads import DatabaseThreads
from runs.retention import packing, pruning, turn
from runs.retention.pace import Pace, Stopped

logger = logging.getLogger("runnel.retention")

#: The name of the turn that ``manage.py prune`` takes too.
TURN = "prune"
DAY = timedelta(days=1)
#: Seconds between two looks whether it is due; the first look is that long after the start.
_LOOK = 600.0

#: A thread of its own: pauses would keep a reading thread from others.
_threads = DatabaseThreads("runnel-prune", workers=1)


async def keep_pruned() -> None:
    """Prune whenever it is due, until the task is cancelled."""
    stop = threading.Event()
    try:
        while True:
            await asyncio.sleep(_LOOK)
            try:
                await _threads.run(prune_if_due, stop)
            except Exception:
                logger.exception("pruning failed; it is tried again later")
    finally:
        stop.set()
        await _threads.close()


def prune_if_due(stop: threading.Event) -> bool:
    """Prune if nobody has done so for a day and nobody does so now. Return whether it was done. Blocks."""
    try:
        with turn.take(TURN, every=DAY) as keep:
            pace = Pace(stop=stop, before_each=keep)
            packing.pack(pace)
            found = pruning.prune(pace)
    except (turn.Taken, Stopped):
        return False
    if any(each.count for each in found):
        logger.info("pruned: %s", ", ".join(f"{each.count} {each.kind}" for each in found if each.count))
    return True
