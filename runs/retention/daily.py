"""Prunes once a day by itself, as long as a server runs. Of several servers, one does it.

What users delete is hidden at once, and emptied here right afterwards.
"""

import asyncio
import contextlib
import logging
import threading
from datetime import timedelta

from concurrency.threads import DatabaseThreads
from runs.retention import contents, packing, pruning, turn
from runs.retention.pace import Pace, Stopped

logger = logging.getLogger("runnel.retention")

#: The name of the turn that ``manage.py prune`` takes too.
TURN = "prune"
DAY = timedelta(days=1)
#: Seconds between two looks whether it is due; the first look is that long after the start.
_LOOK = 600.0

#: A thread of its own: pauses would keep a reading thread from others.
_threads = DatabaseThreads("runnel-prune", workers=1)


#: The event loops that prune, each with the event that asks for ``empty``.
_asked: dict[asyncio.AbstractEventLoop, asyncio.Event] = {}


def empty_soon(*, after: float = 0.0) -> None:
    """Let this process delete the contents of erased conversations in ``after`` seconds, if it serves. For any thread."""
    for loop, event in list(_asked.items()):
        with contextlib.suppress(RuntimeError):  # the loop has been closed
            loop.call_soon_threadsafe(loop.call_later, after, event.set)


async def keep_pruned() -> None:
    """Prune whenever it is due, and empty what was erased when asked, until the task is cancelled."""
    stop, loop, asked = threading.Event(), asyncio.get_running_loop(), asyncio.Event()
    _asked[loop] = asked
    look = loop.time() + _LOOK
    try:
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout_at(look):
                    await asked.wait()
            work = _empty if asked.is_set() else prune_if_due
            asked.clear()
            try:
                await _threads.run(work, stop)
            except Exception:
                logger.exception("pruning failed; it is tried again later")
            if work is prune_if_due:
                look = loop.time() + _LOOK
    finally:
        del _asked[loop]
        stop.set()
        await _threads.close()


def _empty(stop: threading.Event) -> bool:
    """Delete the contents of erased conversations. Return whether all was deleted. Blocks."""
    try:
        contents.empty(Pace(stop=stop))
    except Stopped:
        return False
    return True


def prune_if_due(stop: threading.Event) -> bool:
    """Prune if nobody has done so for a day and nobody does so now. Return whether it was done. Blocks.

    What users have deleted is emptied at each look: the process that was to do it may have been stopped.
    """
    _empty(stop)
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
