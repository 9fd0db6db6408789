"""When the event log's writer commits, whom it holds back, and how it ends."""

import asyncio
import threading
import time
from collections.abc import Callable

import pytest

from concurrency.threads import readers
from runs.log.journal import Journal
from runs.log.run_log import Committed
from tests.runs.conftest import Person
from tests.runs.log.conftest import HEAD, Book, custom
from tests.runs.rows import stored_frames

pytestmark = pytest.mark.django_db(transaction=True)


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
