"""Reads the list of a user's conversations: its pages, the search, and what changed since a moment."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import Exists, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce

from providers.types import Json
from runs.models import Conversation, Message, Run, Share
from runs.models.fields import folded
from runs.states import ACTIVE, RunStatus
from runs.store import clock

#: Conversations on one page of the list, and on one page of what a search finds.
PAGE_SIZE = 50
FOUND_SIZE = 20
#: The most pinned conversations, folders and shared conversations that are listed.
MOST_PINNED = 200
MOST_FOLDERS = 200
MOST_SHARED = 200
#: Words of a search, and characters of one; more are ignored.
MOST_WORDS = 8
LONGEST_WORD = 100
#: Characters of an excerpt before and behind the place that was found.
_BEFORE, _BEHIND = 40, 120
#: How far back a look for changes goes beyond the last one: transactions take time to commit.
OVERLAP = timedelta(seconds=5)
#: What a row of the list is made of.
_FIELDS = (
    *(
        "id",
        "title",
        "updated_at",
        "owner_id",
        "owner__username",
        "is_pinned",
        "is_archived",
        "folder",
        "seen_at",
    ),
    *("active_run_id", "active_run_status", "last_status", "last_finished_at"),
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Wanted:
    """Which conversations a page of the list shows."""

    #: What is searched for; empty for no search.
    text: str = ""
    #: The folder; empty for those without one, ``None`` for all.
    folder: str | None = None
    is_archived: bool = False

    @property
    def words(self) -> list[str]:
        """The words that all have to be found, as they are compared."""
        return [word[:LONGEST_WORD] for word in folded(self.text).split()[:MOST_WORDS]]


def entries(conversations: QuerySet[Conversation]) -> list[Json]:
    """Return what the list shows of ``conversations``, in their order."""
    active = Run.objects.filter(conversation=OuterRef("pk"), status__in=ACTIVE).order_by()
    begun = Run.objects.filter(conversation=OuterRef("pk"), queue_place=None)
    newest = begun.order_by("-created_at")
    rows = conversations.annotate(
        active_run_id=Subquery(active.annotate(shown=Coalesce("chosen_id", "id")).values("shown")[:1]),
        active_run_status=Subquery(active.values("status")[:1]),
        last_status=Subquery(newest.values("status")[:1]),
        last_finished_at=Subquery(newest.values("finished_at")[:1]),
    )
    return [_entry(row) for row in rows.values(*_FIELDS)]


def page(
    user_id: int, wanted: Wanted, *, after: tuple[datetime, UUID] | None
) -> tuple[list[Json], str | None]:
    """Return a page of a user's list, newest first, and the place of the next one, ``None`` behind the last.

    Args:
        user_id: the owner.
        wanted: which conversations.
        after: the place behind which the page begins.
    """
    found = _found(user_id, wanted).order_by("-updated_at", "-id")
    if after is not None:
        moment, last = after
        found = found.filter(Q(updated_at__lt=moment) | Q(updated_at=moment, id__lt=last))
    size = FOUND_SIZE if wanted.words else PAGE_SIZE
    rows = entries(found[: size + 1])
    more, rows = len(rows) > size, rows[:size]
    if wanted.words:
        _add_excerpts(rows, wanted.words)
    return rows, f"{rows[-1]['moment'].isoformat()},{rows[-1]['id']}" if more else None


def pinned(user_id: int) -> list[Json]:
    """Return the conversations that a user has pinned, newest first."""
    own = Conversation.objects.filter(owner_id=user_id, is_pinned=True, is_archived=False)
    return entries(own.order_by("-updated_at", "-id")[:MOST_PINNED])


def folders(user_id: int) -> list[str]:
    """Return the names of a user's folders, in the order of their letters."""
    own = Conversation.objects.filter(owner_id=user_id).exclude(folder="").order_by("folder")
    return list(own.values_list("folder", flat=True).distinct()[:MOST_FOLDERS])


def shared_with(user_id: int) -> list[Json]:
    """Return the conversations that others share with a user, newest first, as that user sees them."""
    shares = Share.valid().filter(user_id=user_id).values("conversation")
    shared = Conversation.objects.filter(pk__in=shares).order_by("-updated_at", "-id")[:MOST_SHARED]
    return list(map(for_onlooker, entries(shared)))


def for_onlooker(entry: Json) -> Json:
    """Return an entry as somebody sees it with whom the conversation is shared: without the owner's order."""
    return entry | {
        "pinned": False,
        "archived": False,
        "folder": "",
        "unread": False,
        "shared_by": entry["owner"],
    }


def of_ids(ids: Iterable[UUID]) -> list[Json]:
    """Return what the lists show of the conversations with these ids; erased ones are left out."""
    return entries(Conversation.objects.filter(pk__in=list(ids)).order_by())


def shown(entry: Json) -> Json:
    """Return an entry as it is sent. Its owner's name is told where it is shared, as ``shared_by``."""
    return {name: value for name, value in entry.items() if name not in {"owner_id", "owner", "moment"}}


def onlookers(ids: Iterable[UUID], user_ids: Iterable[int]) -> set[tuple[UUID, int]]:
    """Return which of these users may look at which of these conversations of others."""
    shares = Share.valid().filter(conversation_id__in=list(ids), user_id__in=list(user_ids))
    return set(shares.values_list("conversation_id", "user_id"))


def _found(user_id: int, wanted: Wanted) -> QuerySet[Conversation]:
    own = Conversation.objects.filter(owner_id=user_id)
    if not wanted.words or wanted.is_archived:
        own = own.filter(is_archived=wanted.is_archived)
    if wanted.folder is not None:
        own = own.filter(folder=wanted.folder)
    for word in wanted.words:
        said = Message.objects.filter(conversation=OuterRef("pk"), folded_text__contains=word).order_by()
        own = own.filter(Q(folded_title__contains=word) | Exists(said))
    return own


def _entry(row: Json) -> Json:
    status, finished = row["last_status"], row["last_finished_at"]
    state = "idle"
    if row["active_run_status"] is not None:
        is_waiting = row["active_run_status"] == RunStatus.AWAITING_APPROVAL
        state = "waiting" if is_waiting else "running"
    elif status == RunStatus.FAILED:
        state = "failed"
    return {
        "id": str(row["id"]),
        "title": row["title"],
        # As Django writes times in JSON; a place in the list needs the whole time.
        "updated_at": row["updated_at"].isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "moment": row["updated_at"],
        "pinned": row["is_pinned"],
        "archived": row["is_archived"],
        "folder": row["folder"],
        "owner_id": row["owner_id"],
        "owner": row["owner__username"],
        "state": state,
        "unread": finished is not None and finished > row["seen_at"],
        "active_run_id": row["active_run_id"] and str(row["active_run_id"]),
        "active_run_status": row["active_run_status"],
    }


def _add_excerpts(rows: Sequence[Json], words: Sequence[str]) -> None:
    """Add to each row what was said around the first word that was found; "" if only the title has one."""
    any_word = Q()
    for word in words:
        any_word |= Q(folded_text__contains=word)
    said = Message.objects.filter(conversation=OuterRef("pk")).filter(any_word).order_by("position")
    ids = [row["id"] for row in rows]
    first = Conversation.objects.filter(pk__in=ids).annotate(message_id=Subquery(said.values("pk")[:1]))
    # Two queries: in one, SQLite reads all messages.
    found = [message_id for message_id in first.values_list("message_id", flat=True) if message_id]
    messages = Message.objects.filter(pk__in=found).order_by()
    texts = {
        str(message.conversation_id): message.text for message in messages.only("conversation_id", "parts")
    }
    for row in rows:
        row["excerpt"] = excerpt(texts.get(row["id"], ""), words)


def excerpt(text: str, words: Sequence[str]) -> str:
    """Return the part of ``text`` around the first of ``words``, in one line; its beginning if none is in it."""
    places = (re.search(re.escape(word), text, re.IGNORECASE) for word in words)
    at = min((place.start() for place in places if place), default=0)
    begin, end = max(0, at - _BEFORE), at + _BEHIND
    # Not in the middle of a word, unless that is long.
    begin = text.find(" ", begin, at) + 1 or begin if begin else 0
    cut = " ".join(text[begin:end].split())
    return f"{'…' if begin else ''}{cut}{'…' if end < len(text) else ''}"


def changed_since(user_ids: Iterable[int], moment: datetime | None) -> tuple[dict[UUID, int], datetime]:
    """Return the conversations of these users that have changed since ``moment``, or in which a run is active; and the time.

    Those that others share with them are among them. An active run may have been paused or continued by another process, which changes no time. Each comes with its
    owner; erased ones are among them. Both times are the database's; without a ``moment``, what has changed in the last
    ``OVERLAP`` is returned.
    """
    now = clock.read()
    moment = (moment or now) - OVERLAP
    users: Any = list(user_ids)
    own = Conversation.all_rows.filter(owner_id__in=users).order_by()
    unfinished = Run.objects.filter(owner_id__in=users, finished_at=None, status__in=ACTIVE).order_by()
    shared = Conversation.all_rows.filter(shares__user_id__in=users, changed_at__gte=moment).order_by()
    found = {
        **dict(shared.values_list("pk", "owner_id")),
        **dict(own.filter(changed_at__gte=moment).values_list("pk", "owner_id")),
        **dict(own.filter(updated_at__gte=moment).values_list("pk", "owner_id")),
        **dict(unfinished.values_list("conversation_id", "owner_id")),
    }
    return found, now
