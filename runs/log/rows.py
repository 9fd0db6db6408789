"""Reads the rows of the event log. All readers unpack them here: the feed, recovery, the admin."""

from collections.abc import Iterator, Mapping
from functools import reduce
from operator import or_
from uuid import UUID

from django.db.models import Q

from runs.log.packing import frame_head, frames, unpack
from runs.models import RunEvent

#: Characters of frames in one page.
PAGE = 512 * 1024
#: Rows in one page.
MAX_ROWS = 256


def read_page(run_id: UUID, after: int) -> list[tuple[int, list[str]]]:
    """Return the next frames of a run as pairs of first seq and frames, about ``PAGE`` characters in all.

    The first pair may begin before ``after``; the caller skips the frames up to there.
    """
    page = []
    size = 0
    head = frame_head(run_id)
    rows = RunEvent.objects.filter(run_id=run_id, last_seq__gt=after).order_by("first_seq")
    for first_seq, packed in rows.values_list("first_seq", "packed")[:MAX_ROWS].iterator(chunk_size=16):
        page.append((first_seq, frames(head, first_seq, unpack(run_id, packed))))
        size += sum(map(len, page[-1][1]))
        if size > PAGE:
            break
    return page


def read_news(after: Mapping[UUID, int]) -> dict[UUID, list[tuple[int, int, list[str]]]]:
    """Return the next frames of several runs, each after a seq: first seq, last seq and frames of each row.

    There are at most ``MAX_ROWS`` rows in all: some runs may have only their first new events, or none. The first row of
    a run may begin before that seq.
    """
    found: dict[UUID, list[tuple[int, int, list[str]]]] = {}
    wanted = reduce(or_, (Q(run_id=run_id, last_seq__gt=seq) for run_id, seq in after.items()))
    rows = RunEvent.objects.filter(wanted).order_by("run_id", "first_seq")
    for run_id, first_seq, last_seq, packed in rows.values_list("run_id", "first_seq", "last_seq", "packed")[
        :MAX_ROWS
    ]:
        texts = frames(frame_head(run_id), first_seq, unpack(run_id, packed))
        found.setdefault(run_id, []).append((first_seq, last_seq, texts))
    return found


def read_events(run_id: UUID, after: int = 0) -> Iterator[str]:
    """Yield the events of a run after the seq ``after`` as JSON texts; each iteration reads the database."""
    rows = RunEvent.objects.filter(run_id=run_id, last_seq__gt=after).order_by("first_seq")
    for first_seq, packed in rows.values_list("first_seq", "packed").iterator(chunk_size=16):
        yield from unpack(run_id, packed)[max(0, after + 1 - first_seq) :]
