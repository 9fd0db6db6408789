"""Who looks at each conversation now, in this process, and who wants to be told of it."""

from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

from concurrency.per_loop import PerLoop
from providers.types import Json

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
    """The people who look at conversations through the sockets of one event loop."""

    def __init__(self) -> None:
        #: By conversation: each socket, with the person behind it and whether it wants to be told.
        self._sockets: dict[UUID, dict[str, tuple[Person, Tell | None]]] = {}

    def enter(self, conversation_id: UUID, connection_id: str, person: Person, tell: Tell | None) -> None:
        """Note that a socket follows a conversation; call ``tell`` now and whenever somebody comes or goes."""
        self._sockets.setdefault(conversation_id, {})[connection_id] = person, tell
        self._tell_all(conversation_id)

    def leave(self, conversation_id: UUID, connection_id: str) -> None:
        """Note that a socket does not follow a conversation any more."""
        sockets = self._sockets.get(conversation_id, {})
        if sockets.pop(connection_id, None) is None:
            return
        if not sockets:
            del self._sockets[conversation_id]
        self._tell_all(conversation_id)

    def people(self, conversation_id: UUID) -> list[Json]:
        """Return who looks at a conversation: the owner first, each user once, guests as a number."""
        persons = [person for person, _ in self._sockets.get(conversation_id, {}).values()]
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


def current() -> Presence:
    """Return the running loop's presence; make one if there is none."""
    return _of_this_loop.get()
