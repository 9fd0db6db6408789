"""The branches of a conversation: its messages are a tree, and each run adds a chain to it.

A run begins behind any message, ``Run.parent_id``. A branch is named by its last run. The conversation stores which
one is shown; that branch is what the next run's model gets. Other branches are alternatives at the places where they
leave it.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import F, OuterRef, QuerySet, Subquery, UUIDField
from django.db.models.expressions import RawSQL

from runs.models import Conversation, Message, Run
from runs.models.run import Beginning
from runs.store.statements import stored_key

#: The last message of a run's branch: the run's newest one, or the one behind which it begins. Its ``%s`` is the run's id.
END_OF_RUN = (
    '(SELECT COALESCE((SELECT m."id" FROM "runs_message" m WHERE m."run_id" = r."id" '
    'ORDER BY m."position" DESC LIMIT 1), r."parent_id") FROM "runs_run" r WHERE r."id" = %s)'
)
#: The last message of the branch that a conversation shows. Its ``%s`` is the conversation's id.
END_OF_SHOWN = END_OF_RUN.replace(
    "= %s)", '= (SELECT c."shown_run_id" FROM "runs_conversation" c WHERE c."id" = %s))'
)
_BRANCH = (
    'WITH RECURSIVE branch(id, parent_id) AS (SELECT t."id", t."parent_id" FROM "runs_message" t WHERE t."id" = END '
    'UNION ALL SELECT p."id", p."parent_id" FROM branch JOIN "runs_message" p ON p."id" = branch.parent_id) '
    "SELECT id FROM branch"
).replace("END", END_OF_RUN)


def messages_of(run_id: UUID) -> QuerySet[Message]:
    """Return the messages of the branch that ends with a run, in their order, with ``left_out_of`` and ``begins`` of their runs."""
    branch = RawSQL(_BRANCH, [stored_key(Run, run_id)])  # noqa: S611 - its text is ours
    found = Message.objects.filter(pk__in=branch)
    found = found.defer("folded_text").annotate(left_out_of=F("run__left_out_of"), begins=F("run__begins"))
    return found.order_by("position")


def run_before(run_id: UUID) -> tuple[UUID, str, str] | None:
    """Return id, status and ``left_out_of`` of the run behind which a run begins; ``None`` if it is the first one."""
    run = Run.objects.filter(messages__id__in=Run.objects.filter(pk=run_id).values("parent_id"))
    return run.values_list("pk", "status", "left_out_of").first()


def left_out_of(rows: Sequence[Any], run_id: UUID) -> list[str]:
    """Return for each message of a branch the requests that leave it out, as ``Run.left_out_of`` names them.

    Where a run is answered again, or goes on in another run, its messages go with that run.

    Args:
        rows: the messages as ``messages_of`` returns them.
        run_id: the run at the end of the branch, which has not ended.
    """
    found: list[str] = []
    newer, is_of_newer, requests = run_id, True, ""
    for row in reversed(rows):
        if (row.run_id != newer and not is_of_newer) or row.run_id == run_id:
            requests = row.left_out_of
        newer, is_of_newer = row.run_id, row.begins in {Beginning.AGAIN, Beginning.CONTINUE}
        found.append(requests)
    return found[::-1]


@dataclass(frozen=True, slots=True)
class Node:
    """A run of a branch."""

    run_id: UUID
    #: The id that the client chose, if it is another one.
    chosen_id: UUID | None
    parent_id: UUID | None
    created_at: datetime
    #: The message of the run behind which the branch leaves it; ``None`` if it has the whole run.
    until: UUID | None = None

    @property
    def shown_id(self) -> UUID:
        """The id under which clients know the run."""
        return self.chosen_id or self.run_id


@dataclass(frozen=True, slots=True)
class Fork:
    """A place of a branch with several alternatives."""

    #: The message behind which they begin; ``None`` for the beginning of the conversation.
    after: UUID | None
    #: Their runs as clients know them, oldest first.
    run_ids: tuple[UUID, ...]
    #: The one that belongs to the branch.
    shown: UUID


@dataclass(frozen=True, slots=True)
class Branch:
    """One branch of a conversation, oldest run first."""

    nodes: tuple[Node, ...] = ()
    forks: tuple[Fork, ...] = ()

    @property
    def shown_id(self) -> UUID | None:
        """The last run as clients know it; it names the branch."""
        return self.nodes[-1].shown_id if self.nodes else None


@dataclass(frozen=True, slots=True)
class _Place:
    """A run in the tree: the run and the place of the message behind which it begins, and its own last message."""

    run_id: UUID
    chosen_id: UUID | None
    parent_id: UUID | None
    created_at: datetime
    parent_run: UUID | None
    parent_position: int | None
    last: UUID | None

    @property
    def shown_id(self) -> UUID:
        return self.chosen_id or self.run_id

    def node(self, until: UUID | None) -> Node:
        return Node(self.run_id, self.chosen_id, self.parent_id, self.created_at, until)


class Tree:
    """All runs of a conversation that have begun, read from the database."""

    def __init__(self, conversation: Conversation) -> None:
        """Read the tree of ``conversation``."""
        self._shown = conversation.shown_run_id
        parents = Message.objects.filter(pk=OuterRef("parent_id"))
        own = Message.objects.filter(run=OuterRef("pk")).order_by("-position")
        rows = (
            Run.objects.filter(conversation=conversation, queue_place=None)
            .annotate(
                parent_run=Subquery(parents.values("run_id")[:1], output_field=UUIDField()),
                parent_position=Subquery(parents.values("position")[:1]),
                last=Subquery(own.values("pk")[:1]),
            )
            .order_by("created_at", "id")
        )
        names = ("id", "chosen_id", "parent_id", "created_at", "parent_run", "parent_position", "last")
        places = [_Place(*row) for row in rows.values_list(*names)]
        if self._shown is None:
            # An earlier version has written it, in one branch.
            places = list(_in_a_row(places))
        self._places = {place.run_id: place for place in places}
        self._following: dict[UUID | None, list[_Place]] = {}
        self._inside: dict[UUID, list[_Place]] = {}
        for place in self._places.values():
            self._following.setdefault(place.parent_id, []).append(place)
            if place.parent_run is not None and place.parent_id != self._places[place.parent_run].last:
                self._inside.setdefault(place.parent_run, []).append(place)

    def branch(self, run_id: UUID | None = None) -> Branch:
        """Return the branch that ends with a run, by its id or the client's; without one, the branch that is shown."""
        named = run_id or self._shown
        found = (each for each in self._places.values() if named in {each.run_id, each.chosen_id})
        place = None if named is None else next(found, None)
        if place is None and run_id is None:
            place = next(reversed(self._places.values()), None)
        nodes: list[Node] = []
        forks: list[Fork] = []
        until: UUID | None = None
        while place is not None:
            nodes.append(place.node(until))
            forks += self._forks(place, until)
            parent = None if place.parent_run is None else self._places[place.parent_run]
            until = None if parent is None or place.parent_id == parent.last else place.parent_id
            place = parent
        return Branch(tuple(reversed(nodes)), tuple(reversed(forks)))

    def newest_end(self, run_id: UUID) -> UUID | None:
        """Return the last run of the newest branch that has the whole of a run; ``None`` if there is no such run."""
        place = self._places.get(run_id)
        if place is None:
            return None
        while place.last is not None and (following := self._following.get(place.last)):
            place = following[-1]
        return place.run_id

    def _forks(self, place: _Place, until: UUID | None) -> Iterator[Fork]:
        """Yield the forks inside a run that the branch goes by, the last one first, and then the one before the run."""
        inside = {each.parent_id: each.parent_position or 0 for each in self._inside.get(place.run_id, ())}
        end = inside.get(until, 2**40)
        for after in sorted(
            (key for key, at in inside.items() if at < end), key=inside.__getitem__, reverse=True
        ):
            yield Fork(after, self._alternatives(after), place.shown_id)
        alternatives = self._alternatives(place.parent_id)
        if len(alternatives) > 1:
            yield Fork(place.parent_id, alternatives, place.shown_id)

    def _alternatives(self, after: UUID | None) -> tuple[UUID, ...]:
        """Return the runs that go on behind a message, oldest first; the message's own run may be one."""
        following = self._following.get(after, [])
        parent = following[0].parent_run if following else None
        is_inside = parent is not None and after != self._places[parent].last
        own = [self._places[parent]] if is_inside and parent is not None else []
        return tuple(each.shown_id for each in (*own, *following))


def _in_a_row(places: Iterable[_Place]) -> Iterator[_Place]:
    """Yield the places, each behind the one before."""
    run_id, last = None, None
    for place in places:
        yield replace(place, parent_run=run_id, parent_id=last)
        run_id, last = place.run_id, place.last
