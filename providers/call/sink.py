"""The event sink: one object that carries events from the pump to the caller."""

from abc import ABC, abstractmethod
from collections.abc import Callable

from providers.types.events import ModelEvent, ResponseStarted, RetryScheduled, UsageSeen

#: Events without content for the user.
_SILENT = (ResponseStarted, UsageSeen, RetryScheduled)


def _ignore() -> None:
    """Do nothing."""


class EventSink(ABC):
    """Takes the events of one step's calls, in order. Callers subclass it.

    The sink also records two facts for the layers between pump and caller. ``has_spoken``: a user may have
    seen content, so no call is retried. ``failure``: the caller's own code raised, so the error is not the
    adapter's.
    """

    def __init__(self) -> None:
        #: Whether an event with content has passed.
        self.has_spoken = False
        #: What ``take`` or ``wait_for_room`` raised; nothing is written after it.
        self.failure: Exception | None = None
        #: Called once, before the first event with content.
        self.on_first_word: Callable[[], None] = _ignore

    @abstractmethod
    def take(self, event: ModelEvent) -> None:
        """Handle ``event``. Runs on the event loop; must not block."""

    @abstractmethod
    async def wait_for_room(self) -> None:
        """Return when the sink can take more events."""

    def write(self, event: ModelEvent) -> None:
        """Pass ``event`` to ``take``. Do nothing after a failure.

        Raises:
            Exception: from ``take``; also kept in ``failure``.
        """
        if self.failure is not None:
            return
        if not self.has_spoken and not isinstance(event, _SILENT):
            self.has_spoken = True
            self.on_first_word()
        try:
            self.take(event)
        except Exception as exc:
            self.failure = exc
            raise

    async def ready(self) -> None:
        """Wait until the sink can take more events. Stopping the run cancels this wait.

        Raises:
            Exception: from ``wait_for_room``; also kept in ``failure``.
        """
        try:
            await self.wait_for_room()
        except Exception as exc:
            self.failure = exc
            raise
