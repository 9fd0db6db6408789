"""Where the events of a call go. Whoever calls a provider brings one."""

from typing import Protocol

from providers.types.events import ModelEvent


class EventSink(Protocol):
    """Takes what the model says, in order."""

    def write(self, event: ModelEvent) -> None:
        """Take ``event``; called on the loop, must not block."""
        ...

    async def ready(self) -> None:
        """Return when more can be taken; a cancel is raised in here like in any other wait."""
        ...
