"""Where the events of a call go: one object between the pump and whoever called the provider."""

from collections.abc import Callable

from providers.types.events import ModelEvent, ResponseStarted, RetryScheduled, UsageSeen

#: Events that show a user nothing.
_SILENT = (ResponseStarted, UsageSeen, RetryScheduled)


def _ignore() -> None:
    """Do nothing."""


class EventSink:
    """Takes the events of one step's calls, in order. A caller derives from it.

    It also remembers what the layers between pump and caller must know: whether a user can have seen
    something (then nothing is retried), and what the caller's own code raised (then it is no fault of ours).
    """

    def __init__(self) -> None:
        #: Whether an event with content has passed.
        self.has_spoken = False
        #: What ``take`` or ``wait_for_room`` raised; nothing is written after it.
        self.failure: Exception | None = None
        #: Called once, before the first event with content.
        self.on_first_word: Callable[[], None] = _ignore

    def take(self, event: ModelEvent) -> None:
        """Handle ``event``. Called on the event loop; must not block."""
        raise NotImplementedError

    async def wait_for_room(self) -> None:
        """Return when more events can be taken."""
        raise NotImplementedError

    def write(self, event: ModelEvent) -> None:
        """Hand over ``event``. Raises what ``take`` raises; does nothing after that."""
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
        """Wait for room; a stop ends this like any other wait. Raises what ``wait_for_room`` raises."""
        try:
            await self.wait_for_room()
        except Exception as exc:
            self.failure = exc
            raise
