"""The logs of ended runs: few rows, and every viewer gets what it got before, from any place on."""

import asyncio
import random
import threading
from collections.abc import AsyncIterator
from uuid import UUID

import pytest
from django.db import transaction

from concurrency.threads import readers
from runs.log import agui, compaction, writer
from runs.log.compaction import Compactor, Overtaken, find, finish, read_block, replace
from runs.log.journal import Journal
from runs.log.packing import frame_head, frames, is_compressed
from runs.log.rows import read_events, read_page
from runs.log.writer import Append, Group, NewestRow, write_group
from runs.models import EventLog, Run, RunEvent
from runs.states import RunStatus
from tests.runs.conftest import Person
from tests.runs.rows import make_run, stored_frames

pytestmark = pytest.mark.django_db(transaction=True)

HEAD = agui.head("TEXT_MESSAGE_CONTENT", "messageId", "m")
WORDS = ("a river ", "runs ", "down to the sea, ", "über ", '"stones"\\n ')


def write(run: Run, chance: random.Random, *, number: int, size: int = 1) -> list[str]:
    """Write ``number`` events to the log of ``run``, in commits of several sizes; return all its frames."""
    row, events = NewestRow(), list(read_events(run.pk))
    while number > 0:
        some = [
            f'{HEAD}"{chance.choice(WORDS) * size}"}}' if chance.random() < 0.95 else '{"type":"CUSTOM"}'
            for _ in range(min(number, chance.choice((1, 1, 1, 7, 40))))
        ]
        assert not write_group(Group([Append(run.pk, 0, len(events) + 1, some, row)], [])).refused
        events += some
        number -= len(some)
    return frames(frame_head(run.pk), 1, events)


def as_before(run: Run) -> None:
    """Give the log of ``run`` the rows that an earlier version made: one for each event, of frames."""
    sent = stored_frames(run.pk)
    RunEvent.objects.filter(run=run).delete()
    RunEvent.objects.bulk_create(
        RunEvent(run=run, first_seq=seq, last_seq=seq, packed=frame.encode())
        for seq, frame in enumerate(sent, 1)
    )


def ended(person: Person) -> Run:
    return make_run(owner=person.user, status=RunStatus.COMPLETED)


def compact(run: Run) -> int:
    """Compact a log without a journal; return the number of its blocks."""
    after = blocks = 0
    while block := read_block(run.pk, after):
        if block.packed is not None:
            with transaction.atomic():
                replace(block)
        after, blocks = block.last_seq, blocks + 1
    return blocks


def replay(run_id: UUID, after: int) -> list[str]:
    """Return the frames after a cursor as a viewer gets them, page by page."""
    got: list[str] = []
    while page := read_page(run_id, after + len(got)):
        for first_seq, batch in page:
            got += batch[max(0, after + len(got) + 1 - first_seq) :]
    return got


@pytest.fixture
async def journal() -> AsyncIterator[Journal]:
    journal = Journal(interval=0.001, on_commit=lambda batch: None)
    yield journal
    await journal.close()
    await readers.close()


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("is_old", [False, True])
def test_every_cursor_gets_what_it_got_before(
    ada: Person, monkeypatch: pytest.MonkeyPatch, seed: int, is_old: bool
) -> None:
    chance = random.Random(seed)
    monkeypatch.setattr(compaction, "PAGE", chance.choice((2_000, 9_000, 10**6)))
    run = ended(ada)
    sent = write(run, chance, number=chance.randrange(1, 120))
    if is_old:
        as_before(run)
    compact(run)
    for after in range(len(sent) + 1):
        assert replay(run.pk, after) == sent[after:]
    rows = list(RunEvent.objects.order_by("first_seq").values_list("first_seq", "last_seq"))
    assert [first for first, _ in rows] == [1, *(last + 1 for _, last in rows[:-1])]
    assert rows[-1][1] == len(sent)


def test_an_answer_of_5_kb_takes_less_than_its_text(ada: Person) -> None:
    chance = random.Random(5)
    run, old = ended(ada), ended(ada)
    text = sum(len(frame) - len(HEAD) for frame in write(run, chance, number=1_145))
    write(old, chance, number=1_145)
    as_before(old)
    for each in (run, old):
        compact(each)
        rows = RunEvent.objects.filter(run=each).values_list("packed", flat=True)
        assert len(rows) <= 3
        assert sum(map(len, rows)) < text


def test_what_is_compact_is_left_as_it_is(ada: Person) -> None:
    run = ended(ada)
    write(run, random.Random(1), number=300)
    blocks = compact(run)
    before = list(RunEvent.objects.values_list("pk", "packed"))
    assert compact(run) == blocks
    assert list(RunEvent.objects.values_list("pk", "packed")) == before


def test_it_goes_on_where_another_process_was_stopped(ada: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    run = ended(ada)
    sent = write(run, random.Random(2), number=300)
    monkeypatch.setattr(compaction, "PAGE", 9_000)
    first = read_block(run.pk, 0)
    assert first is not None
    replace(first)
    assert compact(run) > 2
    assert all(map(is_compressed, RunEvent.objects.values_list("packed", flat=True)))
    assert stored_frames(run.pk) == sent


def test_of_two_that_compact_the_same_rows_one_does(ada: Person) -> None:
    run = ended(ada)
    sent = write(run, random.Random(3), number=200)
    block, same = read_block(run.pk, 0), read_block(run.pk, 0)
    assert block is not None
    assert same is not None
    replace(block)
    with pytest.raises(Overtaken), transaction.atomic():
        replace(same)
    assert stored_frames(run.pk) == sent


def test_nothing_comes_back_of_what_was_deleted(ada: Person) -> None:
    run = ended(ada)
    write(run, random.Random(3), number=200)
    block = read_block(run.pk, 0)
    assert block is not None
    run.delete()
    with pytest.raises(Overtaken), transaction.atomic():
        replace(block)
    assert not RunEvent.objects.exists()


def test_only_what_has_ended_is_found_and_only_once(ada: Person) -> None:
    live = make_run(owner=ada.user, status=RunStatus.RUNNING)
    paused = make_run(owner=ada.user, status=RunStatus.AWAITING_APPROVAL)
    runs = sorted((ended(ada) for _ in range(3)), key=lambda run: run.pk)
    for run in (live, paused, *runs):
        write(run, random.Random(4), number=3)
    assert find(None) == [run.pk for run in runs]
    assert find(runs[0].pk) == [run.pk for run in runs[1:]]
    finish(runs[1].pk)
    assert find(None) == [runs[0].pk, runs[2].pk]


async def test_a_sweep_compacts_all_and_leaves_what_it_cannot_read(ada: Person, journal: Journal) -> None:
    def prepare() -> tuple[list[Run], list[list[str]]]:
        runs = [ended(ada) for _ in range(4)]
        sent = [write(run, random.Random(6), number=250) for run in runs]
        RunEvent.objects.filter(run=runs[1], first_seq=1).update(packed=b"no log")
        return runs, sent

    runs, sent = await readers.run(prepare)
    compactor = Compactor(journal, interval=0.01)
    repeating = asyncio.ensure_future(compactor.repeat())
    logs = EventLog.objects.filter(compacted_at=None)
    while await readers.run(logs.exists):
        await asyncio.sleep(0.01)
    repeating.cancel()
    await asyncio.gather(repeating, return_exceptions=True)

    def look() -> None:
        for place in (0, 2, 3):
            assert stored_frames(runs[place].pk) == sent[place]
            assert RunEvent.objects.filter(run=runs[place]).count() == 1
        assert RunEvent.objects.get(run=runs[1], first_seq=1).packed == b"no log"

    await readers.run(look)


async def test_who_reads_meanwhile_loses_and_doubles_nothing(
    ada: Person, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "ROW", 100)
    monkeypatch.setattr(compaction, "PAGE", 3_000)
    monkeypatch.setattr("runs.log.rows.MAX_ROWS", 3)
    monkeypatch.setattr(compaction, "PAUSE", 0)
    run = await readers.run(ended, ada)
    sent = await readers.run(write, run, random.Random(7), number=900)
    is_over = threading.Event()

    def read() -> int:
        count = 0
        while not is_over.is_set() or not count:
            after = random.Random(count).randrange(len(sent))
            assert replay(run.pk, after) == sent[after:]
            count += 1
        return count

    reading = [asyncio.ensure_future(readers.run(read)) for _ in range(2)]
    compactor = Compactor(journal, interval=60)
    try:
        assert await compactor.sweep() == 1
    finally:
        is_over.set()
    assert all(await asyncio.gather(*reading))
    assert await readers.run(stored_frames, run.pk) == sent
    await compactor._thread.close()
