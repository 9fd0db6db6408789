"""Who looks at each conversation now, and who wants to be told of it.

Processes tell each other who looks through them, if there is Redis. Without it, each knows its own people only.
"""

from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

from concurrency.per_loop import PerLoop
from providers.types import Json
from runs import bus
from runs.bus import Kind

#: Called with the people who look at a conversation.
type Tell = Callable[[UUID, list[Json]], None]


@dataclass(frozen=True, kw_only=True, slots=True)
class Person:
    """Somebody who looks at a conversation."""

    #: The user's name; empty for somebody with a link.
    name: str
    #: ``owner``, ``user`` or ``guest``.
    kind: str


class Presence:
    """The people who look at conversations through the sockets of one event loop, and through other processes."""

    def __init__(self) -> None:
        #: By conversation: each socket, with the person behind it and whether it wants to be told.
        self._sockets: dict[UUID, dict[str, tuple[Person, Tell | None]]] = {}
        #: By conversation that somebody looks at here: by other process, who looks at it there.
        self._elsewhere: dict[UUID, dict[str, list[Person]]] = {}

    def enter(self, conversation_id: UUID, connection_id: str, person: Person, tell: Tell | None) -> None:
        """Note that a socket follows a conversation; call ``tell`` now and whenever somebody comes or goes."""
        is_first = conversation_id not in self._sockets
        self._sockets.setdefault(conversation_id, {})[connection_id] = person, tell
        self._tell_all(conversation_id)
        self._send(conversation_id, asks=is_first)

    def leave(self, conversation_id: UUID, connection_id: str) -> None:
        """Note that a socket does not follow a conversation any more."""
        sockets = self._sockets.get(conversation_id, {})
        if sockets.pop(connection_id, None) is None:
            return
        if not sockets:
            del self._sockets[conversation_id]
            self._elsewhere.pop(conversation_id, None)
        self._tell_all(conversation_id)
        self._send(conversation_id)

    def take(self, conversation_id: UUID, process: str, people: list[Person], *, asks: bool) -> None:
        """Note who looks through another process, and answer it if it asks."""
        if conversation_id not in self._sockets:
            return
        there = self._elsewhere.setdefault(conversation_id, {})
        if there.get(process, []) != people:
            there[process] = people
            self._tell_all(conversation_id)
        if asks:
            self._send(conversation_id)

    def forget(self, process: str) -> None:
        """Note that another process is gone, with those who looked through it."""
        for conversation_id, there in self._elsewhere.items():
            if there.pop(process, []):
                self._tell_all(conversation_id)

    def ask_again(self) -> None:
        """Tell and ask other processes anew: nothing was heard of them for a while."""
        for conversation_id in self._sockets:
            self._send(conversation_id, asks=True)

    def _send(self, conversation_id: UUID, *, asks: bool = False) -> None:
        people = [[person.name, person.kind] for person, _ in self._sockets.get(conversation_id, {}).values()]
        bus.send(
            Kind.PRESENT,
            {
                "process": bus.process(),
                "conversation_id": str(conversation_id),
                "people": people,
                "asks": asks,
            },
        )

    def people(self, conversation_id: UUID) -> list[Json]:
        """Return who looks at a conversation: the owner first, each user once, guests as a number."""
        persons = [person for person, _ in self._sockets.get(conversation_id, {}).values()]
        for others in self._elsewhere.get(conversation_id, {}).values():
            persons += others
        named = sorted({(person.kind, person.name) for person in persons if person.kind != "guest"})
        guests = sum(person.kind == "guest" for person in persons)
        people: list[Json] = [{"name": name, "kind": kind} for kind, name in named]
        return [*people, {"name": "", "kind": "guest", "count": guests}] if guests else people

    def _tell_all(self, conversation_id: UUID) -> None:
        people = self.people(conversation_id)
        for _, tell in tuple(self._sockets.get(conversation_id, {}).values()):
            if tell is not None:
                tell(conversation_id, people)


_of_this_loop = PerLoop(Presence)


def connect() -> None:
    """Listen to other processes. Called once, when Django is set up."""
    bus.listen(Kind.PRESENT, _take)
    bus.listen(Kind.GONE, lambda payload: current().forget(payload["process"]))
    bus.listen(Kind.UP, lambda _: current().ask_again())


def _take(payload: Json) -> None:
    people = [Person(name=name, kind=kind) for name, kind in payload["people"]]
    current().take(UUID(payload["conversation_id"]), payload["process"], people, asks=payload["asks"])


def current() -> Presence:
    """Return the running loop's presence; make one if there is none."""
    return _of_this_loop.get()
