"""Reads the runs of a branch page by page, newest first, or some runs of a conversation by their ids.

An answer may have millions of characters. So a few runs are read at a time, and each is written as JSON once, at the
time it is read: what is kept of it is its part of the response.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import accumulate
from typing import Any
from uuid import UUID

from django.core.serializers.json import DjangoJSONEncoder
from django.db.models import Prefetch, Q, QuerySet, Sum, TextField
from django.db.models.functions import Cast, Length

from runs.models import Conversation, Message, Note, Run, Step, ToolCall
from runs.store.branches import Branch, Node

#: The most runs on one page, and of runs that are asked for by their ids.
MOST_RUNS = 20
#: Bytes of JSON on one page; a single run may have more.
ENOUGH = 48 * 1024
#: Runs that are read at once.
_TOGETHER = 4
#: What no page shows of its rows, and what may be as large as what it shows.
_HIDDEN_OF_RUNS = ("system", "options", "input", "client_tools")
_HIDDEN_OF_MESSAGES = ("native", "origin", "folded_text")
#: For runs that were asked for one by one.
_ANY = 2**40


@dataclass(slots=True)
class RunPage:
    """Some runs of a branch, oldest first, with their messages and notes, each as the text of its JSON."""

    runs: list[str] = field(default_factory=list)
    messages: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    #: The place from which the page before this one goes on; ``None`` if there are no older runs.
    before: str | None = None

    def json(self, about: dict[str, Any]) -> str:
        """Return the JSON of an object with the members of ``about``, which has some, and those of the page."""
        lists = ((name, getattr(self, name)) for name in ("runs", "messages", "notes"))
        members = (f', "{name}": [{", ".join(texts)}]' for name, texts in lists)
        return "".join([_text(about | {"before": self.before})[:-1], *members, "}"])


def place(cursor: str) -> tuple[datetime, UUID]:
    """Return the time and the id in a cursor. Raises ``ValueError`` or ``OverflowError`` for anything else."""
    moment, _, last = cursor.partition(",")
    when = datetime.fromisoformat(moment)
    if when.tzinfo is None:
        raise ValueError("a time without its zone")
    return when.astimezone(UTC), UUID(last)


def read(
    conversation: Conversation,
    branch: Branch,
    *,
    before: str | None,
    only: list[str],
    show_run: Callable[[Run], dict[str, Any]],
    show_message: Callable[[Message], dict[str, Any]],
) -> RunPage:
    """Return a page of a branch's runs.

    Args:
        conversation: the conversation.
        branch: one of its branches.
        before: the cursor of an earlier page; ``None`` for the newest runs.
        only: ids of the runs to return whole instead of a page, of any branch; unknown ones are left out.
        show_run: returns a run as JSON.
        show_message: returns a message as JSON.

    Raises:
        ValueError: a cursor or an id is none. So does ``OverflowError``.
    """
    calls = Prefetch("tool_calls", ToolCall.objects.select_related("decided_by"))
    messages = Prefetch("messages", Message.objects.order_by("position").defer(*_HIDDEN_OF_MESSAGES))
    found = conversation.runs.filter(queue_place=None).select_related("log").defer(*_HIDDEN_OF_RUNS)
    found = found.prefetch_related(
        calls, messages, "notes", Prefetch("steps", Step.objects.order_by("index"))
    )
    if only:
        ids = [UUID(run_id) for run_id in only[:MOST_RUNS]]
        chosen = found.filter(Q(pk__in=ids) | Q(chosen_id__in=ids))
        whole = ((run, None) for run in chosen.order_by("-created_at", "-id").iterator(chunk_size=_TOGETHER))
        return _page(whole, show_run, show_message, size=_ANY)
    nodes: Sequence[Node] = branch.nodes
    if before:
        cursor = place(before)
        nodes = _up_to_cursor(nodes, *cursor)
    ends = {node.run_id: node.until for node in reversed(nodes[-MOST_RUNS - 1 :])}
    shown = ((run, ends[run.pk]) for run in _in_order(found, list(ends)))
    return _page(shown, show_run, show_message, size=ENOUGH)


def _in_order(found: QuerySet[Run], keys: list[UUID]) -> Iterator[Run]:
    """Yield the runs with these keys, a few at a time: after the first ones as many as a page may hold."""
    few, rest = keys[:_TOGETHER], keys[_TOGETHER:]
    while few:
        read = {run.pk: run for run in found.filter(pk__in=few).order_by()}
        yield from (read[key] for key in few if key in read)
        count = _count_within(ENOUGH, rest)
        few, rest = rest[:count], rest[count:]


def _count_within(size: int, keys: list[UUID]) -> int:
    """Return how many of the first of some runs have messages of ``size`` bytes together, but at least ``_TOGETHER``."""
    length = Sum(Length(Cast("parts", TextField())))
    told = Message.objects.filter(run_id__in=keys).order_by().values("run_id").annotate(length=length)
    lengths = dict(told.values_list("run_id", "length")) if keys else {}
    read = accumulate(lengths.get(key) or 0 for key in keys)
    return max(_TOGETHER, sum(1 for so_far in read if so_far <= size))


def _up_to_cursor(nodes: Sequence[Node], created_at: datetime, run_id: UUID) -> Sequence[Node]:
    """Return the nodes before that of a run; if it is not among them any more, those of older runs."""
    for index, node in enumerate(nodes):
        if run_id in {node.run_id, node.chosen_id}:
            return nodes[:index]
    return [node for node in nodes if node.created_at < created_at]


def _page(
    newest_first: Iterable[tuple[Run, UUID | None]],
    show_run: Callable[[Run], dict[str, Any]],
    show_message: Callable[[Message], dict[str, Any]],
    *,
    size: int,
) -> RunPage:
    """Return as many of the runs as ``size`` bytes hold, but at least one; each comes with its ``Node.until``."""
    page = RunPage()
    oldest: Run | None = None
    for count, (run, until) in enumerate(newest_first):
        shown = _text(show_run(run) | {"until": until})
        messages = _texts(map(show_message, _up_to(until, run.messages.all())))
        notes = _texts(map(_note, run.notes.all()))
        size -= sum(map(len, [shown, *messages, *notes]))
        if oldest is not None and (size < 0 or count == MOST_RUNS):
            page.before = f"{oldest.created_at.isoformat()},{oldest.shown_id}"
            break
        page.runs.insert(0, shown)
        page.messages[:0] = messages
        page.notes[:0] = notes
        oldest = run
    return page


def _up_to(until: UUID | None, messages: Iterable[Message]) -> Iterator[Message]:
    """Yield the messages up to the one with this id; all of them without an id."""
    for message in messages:
        yield message
        if message.pk == until:
            return


def _text(value: dict[str, Any]) -> str:
    return json.dumps(value, cls=DjangoJSONEncoder)


def _texts(values: Iterable[dict[str, Any]]) -> list[str]:
    return [_text(value) for value in values]


def _note(note: Note) -> dict[str, Any]:
    return {"id": note.id, "text": note.text, "created_at": note.created_at}
