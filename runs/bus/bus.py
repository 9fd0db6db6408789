"""Who listens to which messages in this process, and where messages go."""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Callable
from enum import StrEnum
from typing import Any
from uuid import UUID, uuid4

from django.conf import settings

from concurrency.per_loop import PerLoop
from runs.bus.redis_link import RedisLink

logger = logging.getLogger("runnel.bus")

#: Fields of a message: JSON, with ids as texts.
type Payload = dict[str, Any]
#: A plain function that returns at once. It is called on the event loop.
type Handler = Callable[[Payload], None]


class Kind(StrEnum):
    """What a message is about. Its fields are in brackets."""

    #: The link to Redis is there, or there again: what others ought to know is to be told anew.
    UP = "up"
    #: Events were committed (``runs``: the newest seq of each run, by id).
    RING = "ring"
    #: A process follows runs that others drive, and wants to hear of their events (``run_ids``).
    WATCHED = "watched"
    #: A cancel was stored (``run_id``), or cannot be stored soon; then the message has the whole request (``unstored``).
    CANCEL = "cancel"
    #: A run whose lease was over was ended (``run_id``, ``segment``).
    REAPED = "reaped"
    #: What these runs say cannot be saved now, or can be again (``run_ids``, ``waiting``).
    STALLED = "stalled"
    #: A run is stored and waits for a worker (``run_id``).
    WAITS = "waits"
    #: A run has begun, or goes on (``run_id``, ``conversation_id``).
    BEGAN = "began"
    #: The queue or the shown branch of a conversation has changed (``conversation_id``, ``run_id`` or null).
    CHANGED = "changed"
    #: What the list shows of a conversation has changed (``conversation_id``, ``user_id``).
    LISTED = "listed"
    #: Credentials of a user may not be valid any more: sign-out, new password, revoked token, deactivation.
    SIGNED_OUT = "signed_out"
    #: Shares were revoked.
    UNSHARED = "unshared"
    #: Providers were changed in the admin.
    PROVIDERS_CHANGED = "providers_changed"
    #: Limits of groups, or their members, were changed in the admin.
    LIMITS_CHANGED = "limits_changed"
    #: Who looks at a conversation through one process (``process``, ``conversation_id``, ``people``), and whether it wants
    #: to know who does through others (``asks``).
    PRESENT = "present"
    #: A process is not heard any more (``process``). It comes from the link, not from that process.
    GONE = "gone"


_handlers: defaultdict[str, list[Handler]] = defaultdict(list)


def listen(kind: str, handler: Handler) -> None:
    """Call ``handler`` with each message of a kind from other processes, for as long as this one lives.

    Args:
        kind: a ``Kind``, or any other word.
        handler: must not raise; what it raises is logged.
    """
    if handler not in _handlers[kind]:
        _handlers[kind].append(handler)


def send(kind: str, payload: Payload) -> None:
    """Send a message to the other processes. From any thread.

    Never waits and never raises. Without a running event loop, as in a command, the message is dropped.
    """
    try:
        here = asyncio.get_running_loop()
    except RuntimeError:
        here = None
    if here is not None:
        _of_this_loop.get().take(kind, payload)
        return
    for loop, bus in _of_this_loop.running():
        loop.call_soon_threadsafe(bus.take, kind, payload)


def ring(run_id: UUID, last_seq: int) -> None:
    """Tell the other processes that events of a run are committed. On the event loop; all of one turn are one message."""
    _of_this_loop.get().ring(run_id, last_seq)


def process() -> str:
    """Return how this process calls itself in messages, on the running loop."""
    return _of_this_loop.get().origin


def is_shared() -> bool:
    """Return whether messages of the running loop reach other processes now, as far as is known."""
    return _of_this_loop.get().is_shared


async def open_link() -> None:
    """Begin to exchange messages with other processes, if ``REDIS_URL`` is set. Does not wait for Redis."""
    _of_this_loop.get().open_link()


async def close() -> None:
    """Send what waits, for a moment, and end the exchange. Handlers stay."""
    if (bus := _of_this_loop.pop()) is not None:
        await bus.close()


class Bus:
    """The messages of one event loop."""

    def __init__(self) -> None:
        #: Tells the messages of this process from those of others.
        self.origin = uuid4().hex
        self._link: RedisLink | None = None

    @property
    def is_shared(self) -> bool:
        """Whether Redis has just passed messages on."""
        return self._link is not None and self._link.is_up

    def open_link(self) -> None:
        """Connect to Redis in the background, if there is one and it is not done yet."""
        if self._link is None and settings.REDIS_URL:
            self._link = RedisLink(settings.REDIS_URL, self.origin, receive=_hand_out)
            self._link.open()

    async def close(self) -> None:
        """End the link."""
        link, self._link = self._link, None
        if link is not None:
            await link.close()

    def take(self, kind: str, payload: Payload) -> None:
        """Send a message."""
        if self._link is not None:
            self._link.send(kind, payload)

    def ring(self, run_id: UUID, last_seq: int) -> None:
        """Send the newest seq of a run, with those of other runs of this turn."""
        if self._link is not None:
            self._link.ring(str(run_id), last_seq)


def _hand_out(kind: str, payload: Payload) -> None:
    for handler in tuple(_handlers.get(kind, ())):
        try:
            handler(payload)
        except Exception:
            logger.exception("a message about %r could not be handled", kind)


_of_this_loop = PerLoop(Bus)
