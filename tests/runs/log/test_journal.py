"""The event log's writer, on the real database: gapless, merged, never early, and told as it is stored."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connections
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from concurrency.threads import readers
from runs.log.journal import Journal
from runs.log.run_log import Committed
from tests.runs.conftest import Person
from tests.runs.log.conftest import HEAD, OTHER_HEAD, Book, custom
from tests.runs.log.test_journal_decisions import _refuse
from tests.runs.rows import stored_frames

pytestmark = pytest.mark.django_db(transaction=True)


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
