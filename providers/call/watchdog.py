"""Ends a call whose time is up. One timer of the event loop, which is set again whenever the call's phase changes."""

import asyncio
from collections.abc import Callable

from providers.call.deadlines import Deadlines, Phase


class Watchdog:
    """Watches one call on the running event loop. Call ``set`` when its phase has changed, and ``stop`` at its end."""

    def __init__(
        self, deadlines: Deadlines, *, phase: Callable[[], Phase], on_time_up: Callable[[], None]
    ) -> None:
        """Take the call's deadlines, a function that returns its phase, and one that ends it."""
        self._deadlines = deadlines
        self._phase = phase
        self._on_time_up = on_time_up
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None

    def set(self) -> None:
        """Look at the call again when the time of its phase is up. What has come until then gives it more."""
        self._cancel_timer()
        self._timer = self._loop.call_at(self._deadline(), self._look)

    def stop(self) -> None:
        """Watch no longer. The functions are forgotten, so that they keep no answer in memory."""
        self._cancel_timer()
        self._phase, self._on_time_up = _no_phase, _ignore

    def _look(self) -> None:
        if self._loop.time() < self._deadline():
            self.set()
        else:
            self._on_time_up()

    def _deadline(self) -> float:
        return self._deadlines.next(self._phase(), now=self._loop.time())

    def _cancel_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()


def _no_phase() -> Phase:
    return Phase.END


def _ignore() -> None:
    """Do nothing."""
