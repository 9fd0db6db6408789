"""Passes a tool's notes about its progress on to the viewers of a run, a few times a second at most."""

import asyncio
import math
import time
from collections.abc import Callable
from dataclasses import dataclass

from providers.text.cleaning import clean

#: Seconds between two notes of one call; those in between are dropped, except for the one that says that all is done.
INTERVAL = 0.25
#: Characters of a note's sentence.
_LONGEST_MESSAGE = 500


@dataclass(frozen=True, kw_only=True, slots=True)
class Progress:
    """How far a call is."""

    #: The model's id of the call.
    call_id: str
    progress: float
    #: What ``progress`` grows to; ``None`` if unknown.
    total: float | None = None
    message: str = ""


class ProgressNotes:
    """The notes of one call; ``take`` may be called from any thread."""

    def __init__(self, call_id: str, tell: Callable[[Progress], None]) -> None:
        """Take the call's id, and a function that is called on this thread's event loop with each note to show."""
        self._call_id = call_id
        self._tell = tell
        self._loop = asyncio.get_running_loop()
        self._told_at = -math.inf
        self._is_closed = False

    def take(self, progress: float, total: float | None = None, message: str = "") -> None:
        """Show a note, unless the call has ended or the last one is too recent."""
        now = time.monotonic()
        is_done = total is not None and progress >= total
        if self._is_closed or not math.isfinite(progress) or (now - self._told_at < INTERVAL and not is_done):
            return
        self._told_at = now
        known = total if total is not None and math.isfinite(total) else None
        words = clean(" ".join(message.split()))[:_LONGEST_MESSAGE]
        note = Progress(call_id=self._call_id, progress=progress, total=known, message=words)
        self._loop.call_soon_threadsafe(self._show, note)

    def close(self) -> None:
        """Show no more notes."""
        self._is_closed = True

    def _show(self, note: Progress) -> None:
        if not self._is_closed:
            self._tell(note)
