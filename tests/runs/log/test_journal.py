"""The event log's writer, on the real database: gapless, merged, fenced, all or nothing, never early."""

import asyncio
import json
import threading
import time
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import pytest
from django.db import IntegrityError, connections
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from concurrency.threads import readers
from runs.log import agui
from runs.log.journal import Fenced, Journal
from runs.log.packing import frame_head, frames, pack, unpack
from runs.log.run_log import Committed, RunLog
from runs.models import Run, RunEvent
from runs.states import RunStatus
from runs.store import transitions
from tests.runs.conftest import Person
from tests.runs.rows import make_run, stored_frames

pytestmark = pytest.mark.django_db(transaction=True)

HEAD = agui.head("TEXT_MESSAGE_CONTENT", "messageId", "m")
OTHER_HEAD = agui.head("TEXT_MESSAGE_CONTENT", "messageId", "n")


def custom(value: Any) -> agui.Event:
    return {"type": "CUSTOM", "name": "test", "value": value}


@dataclass
class Book:
    """A journal, and what it said was committed."""

    journal: Journal
    owner: Any
    heard: list[Committed] = field(default_factory=list)

    async def open(self) -> RunLog:
        run = await readers.run(lambda: make_run(owner=self.owner, status=RunStatus.RUNNING))
        return self.journal.open(run.pk, fence=0, last_seq=0)

    async def frames(self, log: RunLog) -> list[Any]:
        """Return the parsed log of a run, and check its numbers against its rows and the run's own."""
        await self.journal.execute(lambda: None)

        def read() -> list[Any]:
            last = 0
            for row in RunEvent.objects.filter(run_id=log.run_id).order_by("first_seq"):
                assert row.first_seq == last + 1
                assert row.last_seq == last + len(unpack(log.run_id, row.packed))
                last = row.last_seq
            assert Run.objects.get(pk=log.run_id).last_seq == last
            return list(map(json.loads, stored_frames(log.run_id)))

        frames = await readers.run(read)
        assert [frame["seq"] for frame in frames] == list(range(1, len(frames) + 1))
        assert {frame["run_id"] for frame in frames} <= {str(log.run_id)}
        return frames

    async def events(self, log: RunLog) -> list[Any]:
        return [frame["event"] for frame in await self.frames(log)]

    def told(self, log: RunLog) -> list[str]:
        """Return the frames that were published of a run."""
        return [frame for batch in self.heard if batch.run_id == log.run_id for frame in batch.frames]


@pytest.fixture
async def book(ada: Person) -> AsyncIterator[Book]:
    heard: list[Committed] = []
    journal = Journal(interval=0.005, on_commit=heard.append)
    yield Book(journal, ada.user, heard)
    await journal.close()
    await readers.close()


async def test_it_numbers_events_from_one_without_a_gap(book: Book) -> None:
    log = await book.open()
    for number in range(100):
        book.journal.append(log, custom(number))
        if number % 7 == 0:
            await asyncio.sleep(0.003)
    assert [event["value"] for event in await book.events(log)] == list(range(100))


async def test_it_goes_on_after_the_last_seq(book: Book) -> None:
    log = await book.open()
    book.journal.append(log, custom(1))
    await book.frames(log)
    again = book.journal.open(log.run_id, fence=0, last_seq=1)
    book.journal.append(again, custom(2))
    assert [event["value"] for event in await book.events(again)] == [1, 2]


async def test_it_keeps_every_character_of_a_frame(book: Book) -> None:
    log = await book.open()
    texts = [
        "a\nb\r\nc",
        "\u2028 \u0085",
        "\x01\x1f\x7f",
        '"\\',
        "😀",
        "</script>",
        "%s {0} $1",
        "NUL \\u0000",
    ]
    for text in texts:
        book.journal.append(log, custom(text))
        book.journal.extend(log, HEAD, text)
    events = await book.events(log)
    assert [event["value"] for event in events[::2]] == texts
    assert [event["delta"] for event in events[1::2]] == texts


async def test_it_tells_of_an_event_only_after_it_is_committed(book: Book) -> None:
    log = await book.open()
    early: list[str] = []

    def look(batch: Committed) -> None:
        # Another connection: it sees only what is committed.
        visible = threads.submit(stored_frames, batch.run_id).result()
        early.extend(frame for frame in batch.frames if frame not in visible)

    with ThreadPoolExecutor(1) as threads:
        journal = Journal(interval=0.001, on_commit=look)
        for number in range(50):
            journal.append(log, custom(number))
            if number % 10 == 0:
                await journal.commit(log, [custom("decided")], lambda: None)
            await asyncio.sleep(0)
        await journal.close()
        threads.submit(connections.close_all).result()
    assert early == []


async def test_what_it_tells_is_what_it_stored_byte_for_byte(book: Book) -> None:
    logs = [await book.open() for _ in range(3)]
    for number in range(60):
        log = logs[number % 3]
        book.journal.extend(log, HEAD, f"word {number} ")
        if number % 5 == 0:
            book.journal.append(log, custom(number))
        if number % 11 == 0:
            await asyncio.sleep(0.002)
    for log in logs:
        await book.frames(log)
        assert book.told(log) == await readers.run(stored_frames, log.run_id)


async def test_adjacent_deltas_that_wait_together_become_one_event(book: Book) -> None:
    log = await book.open()
    for piece in ("Hel", "lo ", "wor", "ld"):
        book.journal.extend(log, HEAD, piece)
    (event,) = await book.events(log)
    assert event == {"type": "TEXT_MESSAGE_CONTENT", "messageId": "m", "delta": "Hello world"}


async def test_deltas_merge_only_with_the_newest_of_the_same_message(book: Book) -> None:
    log, other = await book.open(), await book.open()
    book.journal.extend(log, HEAD, "a")
    book.journal.extend(other, HEAD, "of another run")
    book.journal.extend(log, HEAD, "b")
    book.journal.extend(log, OTHER_HEAD, "c")
    book.journal.extend(log, HEAD, "d")
    book.journal.append(log, custom(1))
    book.journal.extend(log, HEAD, "e")
    book.journal.extend(log, HEAD, "f")
    said = [(event.get("messageId"), event.get("delta")) for event in await book.events(log)]
    assert said == [("m", "ab"), ("n", "c"), ("m", "d"), (None, None), ("m", "ef")]
    assert [event["delta"] for event in await book.events(other)] == ["of another run"]


async def test_a_committed_delta_grows_no_more(book: Book) -> None:
    log = await book.open()
    book.journal.extend(log, HEAD, "a")
    await book.frames(log)
    book.journal.extend(log, HEAD, "b")
    assert [event["delta"] for event in await book.events(log)] == ["a", "b"]


_step = st.one_of(
    st.tuples(st.just("extend"), st.integers(0, 2), st.sampled_from([HEAD, OTHER_HEAD]), st.text(min_size=1)),
    st.tuples(st.just("append"), st.integers(0, 2)),
    st.tuples(st.just("commit"), st.integers(0, 2)),
    st.tuples(st.just("refuse"), st.integers(0, 2)),
    st.tuples(st.just("wait")),
)


@settings(
    max_examples=30,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(steps=st.lists(_step, max_size=40))
def test_whatever_is_written_comes_out_whole_in_order_and_told_as_stored_frames(
    steps: list[Any], ada: Person
) -> None:
    asyncio.run(_write(steps, ada))


async def _write(steps: list[Any], ada: Person) -> None:
    heard: list[Committed] = []
    book = Book(Journal(interval=0.001, on_commit=heard.append), ada.user, heard)
    logs = [await book.open() for _ in range(3)]
    expected: list[list[str]] = [[], [], []]
    for number, (what, *which) in enumerate(steps):
        match what:
            case "extend":
                index, head, text = which
                clean = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
                book.journal.extend(logs[index], head, clean)
                expected[index].extend(f"{head[-4:]}{character}" for character in clean)
            case "append":
                book.journal.append(logs[which[0]], custom(number))
                expected[which[0]].append(f"event {number}")
            case "commit":
                await book.journal.commit(logs[which[0]], [custom(number)], lambda: None)
                expected[which[0]].append(f"event {number}")
            case "refuse":
                with pytest.raises(LookupError):
                    await book.journal.commit(logs[which[0]], [custom(number)], _refuse)
            case _:
                await asyncio.sleep(0.002)
    found: list[list[str]] = []
    for log in logs:
        found.append([])
        for event in await book.events(log):
            if event["type"] == "CUSTOM":
                found[-1].append(f"event {event['value']}")
            else:
                head = HEAD if event["messageId"] == "m" else OTHER_HEAD
                found[-1].extend(f"{head[-4:]}{character}" for character in event["delta"])
        assert book.told(log) == await readers.run(stored_frames, log.run_id)
    await book.journal.close()
    await readers.close()
    assert found == expected


def _refuse() -> None:
    raise LookupError("no")


async def test_a_run_that_was_taken_over_is_left_out_alone(book: Book) -> None:
    lost, kept = await book.open(), await book.open()
    book.journal.append(lost, custom("before"))
    await book.frames(lost)
    await readers.run(transitions.take_over, lost.run_id, fence=0)
    book.journal.append(lost, custom("after"))
    book.journal.append(kept, custom("kept"))
    assert [event["value"] for event in await book.events(kept)] == ["kept"]
    assert [event["value"] for event in await book.events(lost)] == ["before"]
    assert len(book.told(lost)) == 1
    with pytest.raises(Fenced):
        await book.journal.ready(lost)
    with pytest.raises(Fenced):
        await book.journal.commit(lost, [custom("end")], lambda: None)


async def test_a_decision_about_a_run_that_was_taken_over_changes_nothing(book: Book) -> None:
    lost, kept = await book.open(), await book.open()
    await readers.run(transitions.take_over, lost.run_id, fence=0)

    def rename() -> None:
        Run.objects.filter(pk=lost.run_id).update(model="changed")

    results = await asyncio.gather(
        book.journal.commit(lost, [custom("end")], rename),
        book.journal.commit(kept, [custom("end")], lambda: "done"),
        return_exceptions=True,
    )
    assert isinstance(results[0], Fenced)
    assert results[1] == "done"
    assert (await readers.run(Run.objects.get, pk=lost.run_id)).model == "emulator/hello"
    assert await book.frames(lost) == []
    assert len(await book.frames(kept)) == 1


async def test_a_decision_without_events_checks_the_fence_too(book: Book) -> None:
    log = await book.open()
    assert await book.journal.commit(log, [], lambda: 5) == 5
    await readers.run(transitions.take_over, log.run_id, fence=0)
    with pytest.raises(Fenced):
        await book.journal.commit(log, [], lambda: 5)


async def test_two_writers_of_one_log_never_both_write(book: Book) -> None:
    log = await book.open()
    twin = book.journal.open(log.run_id, fence=0, last_seq=0)
    book.journal.append(log, custom("first"))
    await book.frames(log)
    book.journal.append(twin, custom("second"))
    assert [event["value"] for event in await book.events(log)] == ["first"]
    assert twin.lost
    assert not log.lost


async def test_a_deleted_run_takes_no_events_and_harms_no_other(book: Book) -> None:
    gone, kept = await book.open(), await book.open()
    await readers.run(lambda: Run.objects.filter(pk=gone.run_id).delete())
    book.journal.append(gone, custom(1))
    book.journal.append(kept, custom(2))
    assert len(await book.frames(kept)) == 1
    assert gone.lost


async def test_a_log_that_cannot_be_written_fails_alone(book: Book) -> None:
    broken, kept, late = [await book.open() for _ in range(3)]
    # A batch in the way of the first one: the unique (run, first_seq) refuses it.
    packed = pack(["{}"])[0].encode()
    await readers.run(RunEvent.objects.create, run_id=broken.run_id, first_seq=1, last_seq=1, packed=packed)
    book.journal.append(broken, custom("lost"))
    book.journal.append(kept, custom("kept"))
    decided = await book.journal.commit(late, [custom("late")], lambda: "done")
    assert decided == "done"
    assert [event["value"] for event in await book.events(kept)] == ["kept"]
    assert [event["value"] for event in await book.events(late)] == ["late"]
    assert broken.lost
    assert book.told(broken) == []
    assert await readers.run(stored_frames, broken.run_id) == frames(frame_head(broken.run_id), 1, ["{}"])


async def test_a_decision_that_raises_undoes_its_own_events_and_no_others(book: Book) -> None:
    log, other = await book.open(), await book.open()
    book.journal.append(log, custom("before"))
    book.journal.append(other, custom("other"))

    def refuse() -> None:
        Run.objects.filter(pk=log.run_id).update(model="changed")
        raise LookupError("no")

    results = await asyncio.gather(
        book.journal.commit(log, [custom("undone"), custom("undone")], refuse),
        book.journal.commit(other, [custom("decided")], lambda: "done"),
        return_exceptions=True,
    )
    assert [type(result) for result in results] == [LookupError, str]
    book.journal.append(log, custom("after"))
    assert [event["value"] for event in await book.events(log)] == ["before", "after"]
    assert [event["value"] for event in await book.events(other)] == ["other", "decided"]
    assert "undone" not in "".join(book.told(log))
    assert (await readers.run(Run.objects.get, pk=log.run_id)).model == "emulator/hello"


async def test_a_decision_that_the_database_refuses_comes_back_as_its_error(book: Book) -> None:
    log = await book.open()
    run = await readers.run(Run.objects.get, pk=log.run_id)

    def second_active_run() -> None:
        Run.objects.create(conversation=run.conversation, owner=run.owner, model="emulator/echo")

    with pytest.raises(IntegrityError):
        await book.journal.commit(log, [custom(1)], second_active_run)
    book.journal.append(log, custom(2))
    assert [event["value"] for event in await book.events(log)] == [2]


async def test_a_decision_comes_after_all_that_was_written_before_it(book: Book) -> None:
    log = await book.open()
    book.journal.extend(log, HEAD, "words")
    seen = await book.journal.commit(log, [custom("end")], lambda: len(stored_frames(log.run_id)))
    assert seen == 2
    events = await book.events(log)
    assert [event["type"] for event in events] == ["TEXT_MESSAGE_CONTENT", "CUSTOM"]


async def test_decisions_are_made_in_the_order_in_which_they_were_asked_for(book: Book) -> None:
    order: list[int] = []
    await asyncio.gather(*(book.journal.execute(partial(order.append, number)) for number in range(50)))
    assert order == list(range(50))


async def test_an_answer_that_nobody_waits_for_any_more_is_still_carried_out(book: Book) -> None:
    log = await book.open()
    waiting = asyncio.create_task(book.journal.commit(log, [custom("end")], lambda: None))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert [event["value"] for event in await book.events(log)] == ["end"]


async def test_many_runs_are_committed_together(book: Book) -> None:
    logs = [await book.open() for _ in range(40)]
    for _ in range(10):
        for log in logs:
            book.journal.append(log, custom(1))
        await asyncio.sleep(0)
    for log in logs:
        assert len(await book.frames(log)) == 10
    # 400 events in a few commits: a run is told of once in each.
    assert len(book.heard) <= 40 * 3


async def test_a_producer_waits_while_too_much_is_pending(book: Book) -> None:
    log = await book.open()
    await asyncio.wait_for(book.journal.ready(log), 1)
    book.journal.extend(log, HEAD, "€" * 300_000)
    waiting = asyncio.create_task(book.journal.ready(log))
    await asyncio.sleep(0)
    assert not waiting.done()
    await asyncio.wait_for(waiting, 5)
    assert "".join(event["delta"] for event in await book.events(log)) == "€" * 300_000
    # Daphne sends no frame above 1 MiB.
    assert max(len(frame.encode()) for frame in book.told(log)) < 2**20


async def test_closing_commits_what_is_pending(book: Book) -> None:
    log = await book.open()
    book.journal.append(log, custom("last"))
    await book.journal.close()
    assert len(await readers.run(stored_frames, log.run_id)) == 1


async def test_it_can_be_used_again_after_it_was_closed(book: Book) -> None:
    log = await book.open()
    await book.journal.close()
    book.journal.append(log, custom(1))
    assert len(await book.frames(log)) == 1


@pytest.mark.parametrize(("interval", "urgent", "is_soon"), [(5.0, False, False), (5.0, True, True)])
async def test_only_what_is_urgent_goes_before_the_interval_is_over(
    interval: float, urgent: bool, is_soon: bool, ada: Person
) -> None:
    heard: list[Committed] = []
    book = Book(Journal(interval=interval, on_commit=heard.append), ada.user, heard)
    log = await book.open()
    book.journal.append(log, custom("idle: at once"))
    await _until(lambda: len(heard) == 1)
    book.journal.append(log, custom("soon after"))
    if urgent:
        book.journal.commit_now()
    await asyncio.sleep(0.2)
    assert (len(heard) == 2) is is_soon
    await book.journal.close()
    await readers.close()
    assert len(heard) == 2


async def _until(predicate: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not predicate():
            await asyncio.sleep(0.001)


async def test_closing_waits_for_the_commit_that_is_under_way(book: Book) -> None:
    log = await book.open()
    begun = threading.Event()

    def slow() -> str:
        begun.set()
        time.sleep(0.1)
        return "done"

    waiting = asyncio.create_task(book.journal.commit(log, [custom("end")], slow))
    await asyncio.to_thread(begun.wait, 5)
    await book.journal.close()
    assert await asyncio.wait_for(waiting, 1) == "done"
    assert len(book.told(log)) == 1


async def test_what_comes_while_it_closes_is_not_forgotten(book: Book) -> None:
    log = await book.open()
    await book.journal.commit(log, [custom("before")], lambda: None)
    closing = asyncio.create_task(book.journal.close())
    late = asyncio.create_task(book.journal.execute(lambda: "done"))
    assert await asyncio.wait_for(late, 5) == "done"
    await closing
    await book.journal.close()
