"""Live and replayed without a gap between, at each viewer's own pace, over a real log."""

import asyncio
import json
import random
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import pytest

from concurrency.threads import readers
from runs.log import viewer as viewers
from runs.log.feed import Feed
from runs.log.followers import Follower
from runs.log.journal import Journal
from runs.log.rows import read_page
from runs.log.run_log import RunLog
from runs.log.viewer import Viewer
from runs.models import Run
from runs.states import RunStatus
from tests.runs.conftest import Person
from tests.runs.rows import make_run, stored_frames

pytestmark = pytest.mark.django_db(transaction=True)


class Reader:
    """A client that counts what it has not read, and reads when told."""

    def __init__(self, *, reads: bool = True) -> None:
        self.frames: list[str] = []
        self.lags: list[int] = []
        self.notes: list[tuple[int, str, Any]] = []
        self.has_ended = False
        self.is_dropped = False
        self.is_failed = False
        self._reads = reads
        self._unread = 0

    async def send_frame(self, run_id: UUID, seq: int, frame: str) -> None:
        assert json.loads(frame)["seq"] == seq
        self.frames.append(frame)
        if not self._reads:
            self._unread += len(frame)

    async def send_lag(self, run_id: UUID, behind: int) -> None:
        self.lags.append(behind)

    async def send_note(self, run_id: UUID, seq: int, name: str, value: Any) -> None:
        self.notes.append((seq, name, value))

    def unread(self) -> int:
        return self._unread

    async def fail(self) -> None:
        self.is_failed = True

    async def drop(self) -> None:
        self.is_dropped = True

    def viewer_ended(self, run_id: UUID) -> None:
        self.has_ended = True

    def read_all(self, *, reads: bool = True) -> None:
        """Read what has piled up; go on reading, or let it pile up again."""
        self._unread, self._reads = 0, reads

    @property
    def seqs(self) -> list[int]:
        return [json.loads(frame)["seq"] for frame in self.frames]


@dataclass
class Stage:
    """A feed behind a journal, and runs that are written by the test."""

    feed: Feed
    journal: Journal
    owner: Any

    async def open(self, *, local: bool = True) -> RunLog:
        run = await readers.run(lambda: make_run(owner=self.owner, status=RunStatus.RUNNING))
        if local:
            self.feed.open(run.pk, run.conversation_id)
        return self.journal.open(run.pk, fence=0, last_seq=0)

    async def write(self, log: RunLog, count: int = 1, *, size: int = 1) -> None:
        """Commit ``count`` events with ``size`` characters each."""
        for number in range(count):
            self.journal.append(log, {"type": "CUSTOM", "name": str(number), "value": "x" * size})
        await self.journal.execute(lambda: None)

    async def end(self, log: RunLog) -> None:
        def finish() -> None:
            Run.objects.filter(pk=log.run_id).update(status=RunStatus.COMPLETED)

        await self.journal.commit(log, [{"type": "RUN_FINISHED"}], finish)
        self.feed.close(log.run_id, has_ended=True)

    async def watch(self, log: RunLog, reader: Reader, *, after: int = 0) -> Viewer:
        """Let ``reader`` follow as a socket does: from where the run is as the database has it."""
        run = await readers.run(Run.objects.select_related("log").get, pk=log.run_id)
        viewer = self.feed.watch(
            log.run_id,
            reader,
            after=after,
            last_seq=run.last_seq,
            finished=run.status == RunStatus.COMPLETED,
        )
        viewer.start()
        return viewer

    async def log_of(self, log: RunLog) -> list[str]:
        return await readers.run(stored_frames, log.run_id)


@pytest.fixture
async def stage(ada: Person) -> AsyncIterator[Stage]:
    feed = Feed(poll=0.02)
    journal = Journal(interval=0.001, on_commit=feed.publish)
    yield Stage(feed, journal, ada.user)
    await journal.close()
    await readers.close()


async def until(predicate: Callable[[], bool], timeout: float = 10) -> None:
    async with asyncio.timeout(timeout):
        while not predicate():
            await asyncio.sleep(0.002)


async def test_a_viewer_gets_what_is_committed_as_it_is_committed(stage: Stage) -> None:
    log, reader = await stage.open(), Reader()
    await stage.watch(log, reader)
    for number in range(1, 6):
        await stage.write(log)
        await until(lambda number=number: len(reader.frames) == number)  # type: ignore[misc]
    await stage.end(log)
    await until(lambda: reader.has_ended)
    assert reader.frames == await stage.log_of(log)


async def test_viewers_that_come_at_any_time_get_all_after_their_cursor_once(stage: Stage) -> None:
    chance = random.Random(7)
    log = await stage.open()
    readers_after: list[tuple[Reader, int]] = []

    async def write() -> None:
        for _ in range(60):
            await stage.write(log, chance.randint(1, 40))
            await asyncio.sleep(chance.random() * 0.004)
        await stage.end(log)

    async def come() -> None:
        for _ in range(40):
            await asyncio.sleep(chance.random() * 0.008)
            run = await readers.run(Run.objects.select_related("log").get, pk=log.run_id)
            reader, after = Reader(), chance.choice([0, run.last_seq, run.last_seq // 2])
            readers_after.append((reader, after))
            await stage.watch(log, reader, after=after)

    await asyncio.gather(write(), come())
    await until(lambda: all(reader.has_ended for reader, _ in readers_after))
    whole = await stage.log_of(log)
    for reader, after in readers_after:
        assert reader.frames == whole[after:]
    assert len(stage.feed) == 0


async def test_a_run_that_has_ended_is_replayed_and_forgotten(stage: Stage) -> None:
    log, reader = await stage.open(), Reader()
    await stage.write(log, 10)
    await stage.end(log)
    await stage.watch(log, reader, after=3)
    await until(lambda: reader.has_ended)
    assert reader.seqs == list(range(4, 12))
    assert len(stage.feed) == 0


async def test_a_long_log_is_read_in_pages(stage: Stage) -> None:
    log, reader = await stage.open(), Reader()
    for _ in range(12):
        await stage.write(log, 4, size=60_000)
    await stage.end(log)
    first = await readers.run(read_page, log.run_id, 0)
    assert sum(len(frames) for _, frames in first) < 49
    await stage.watch(log, reader)
    await until(lambda: reader.has_ended)
    assert reader.frames == await stage.log_of(log)


async def test_a_page_begins_with_the_batch_that_holds_the_cursor(stage: Stage) -> None:
    log = await stage.open()
    await stage.write(log, 5)
    pages = await readers.run(read_page, log.run_id, 3)
    assert [first_seq for first_seq, _ in pages] == [1]
    assert await readers.run(read_page, log.run_id, 5) == []


async def test_a_viewer_that_lags_is_told_and_caught_up_without_a_gap(stage: Stage) -> None:
    log, reader = await stage.open(), Reader(reads=False)
    await stage.watch(log, reader)
    await stage.write(log, 30, size=100_000)
    await until(lambda: bool(reader.lags))
    stopped_at = len(reader.frames)
    assert reader.lags == [30 - stopped_at]
    assert reader.unread() <= viewers.PAUSE_ABOVE + 101_000
    await stage.write(log, 5, size=10)
    await asyncio.sleep(0.1)
    assert len(reader.frames) == stopped_at
    reader.read_all()
    await stage.end(log)
    await until(lambda: reader.has_ended)
    assert reader.frames == await stage.log_of(log)


async def test_a_viewer_that_reads_nothing_is_dropped_and_holds_up_nobody(stage: Stage) -> None:
    log, stuck, other = await stage.open(), Reader(reads=False), Reader()
    await stage.watch(log, stuck)
    await stage.watch(log, other)
    for _ in range(30):
        await stage.write(log, 4, size=100_000)
    await until(lambda: stuck.is_dropped)
    assert not stuck.has_ended
    assert len(stuck.frames) < 20
    await stage.end(log)
    await until(lambda: other.has_ended)
    assert other.frames == await stage.log_of(log)


async def test_a_slow_reader_of_a_finished_run_is_waited_for(stage: Stage) -> None:
    log, reader = await stage.open(), Reader(reads=False)
    await stage.write(log, 30, size=100_000)
    await stage.end(log)
    await stage.watch(log, reader)
    while not reader.has_ended:
        await asyncio.sleep(0.02)
        reader.read_all(reads=False)
    assert not reader.is_dropped
    assert reader.frames == await stage.log_of(log)


async def test_what_does_not_fit_into_memory_comes_from_the_log(stage: Stage) -> None:
    log, reader = await stage.open(), Reader()
    viewer = await stage.watch(log, reader)
    await stage.write(log, viewers.MAX_QUEUED + 1)
    await stage.write(log, 3)
    assert viewer._queued <= viewers.MAX_QUEUED
    await stage.end(log)
    await until(lambda: reader.has_ended)
    assert reader.frames == await stage.log_of(log)


async def test_a_run_that_another_process_drives_is_followed_by_polling(stage: Stage) -> None:
    elsewhere = Journal(interval=0.001, on_commit=lambda batch: None)
    log, reader = await stage.open(local=False), Reader()
    await stage.watch(log, reader)
    away = Stage(Feed(), elsewhere, stage.owner)
    for number in range(1, 4):
        await away.write(log, 2)
        await until(lambda number=number: len(reader.frames) == 2 * number)  # type: ignore[misc]
    await away.end(log)
    await until(lambda: reader.has_ended)
    assert reader.frames == await stage.log_of(log)
    await elsewhere.close()
    assert len(stage.feed) == 0


async def test_a_bell_that_is_repeated_does_not_say_that_saving_goes_on(stage: Stage) -> None:
    # The database went away after the commit of event 5, before this process had read it.
    log, reader = await stage.open(local=False), Reader()
    viewer = await stage.watch(log, reader)
    stage.feed.ring(log.run_id, 5)
    stage.feed.take_stalled(log.run_id, is_waiting=True)
    await until(lambda: len(reader.notes) == 1)

    stage.feed.ring(log.run_id, 5)
    await asyncio.sleep(0.05)
    assert [value for _, _, value in reader.notes] == [{"waiting": True}]

    stage.feed.ring(log.run_id, 6)
    await until(lambda: len(reader.notes) == 2)
    assert [value for _, _, value in reader.notes] == [{"waiting": True}, {"waiting": False}]
    await viewer.stop()


async def test_a_viewer_that_was_there_before_the_run_gets_it_live(stage: Stage) -> None:
    log, reader = await stage.open(local=False), Reader()
    await stage.watch(log, reader)
    run = await readers.run(Run.objects.select_related("log").get, pk=log.run_id)
    stage.feed.open(log.run_id, run.conversation_id)
    await stage.write(log, 3)
    await stage.end(log)
    await until(lambda: reader.has_ended)
    assert reader.seqs == [1, 2, 3, 4]


async def test_a_run_that_was_deleted_ends_for_its_viewers(stage: Stage) -> None:
    log, reader = await stage.open(local=False), Reader()
    await stage.write(log, 2)
    await stage.watch(log, reader)
    await until(lambda: len(reader.frames) == 2)
    await readers.run(lambda: Run.objects.filter(pk=log.run_id).delete())
    await until(lambda: reader.has_ended)
    assert len(stage.feed) == 0


async def test_who_stops_gets_nothing_more_and_the_others_do(stage: Stage) -> None:
    log, leaving, staying = await stage.open(), Reader(), Reader()
    viewer = await stage.watch(log, leaving)
    await stage.watch(log, staying)
    await stage.write(log, 2)
    await until(lambda: len(leaving.frames) == 2)
    await viewer.stop()
    await stage.write(log, 2)
    await until(lambda: len(staying.frames) == 4)
    assert leaving.seqs == [1, 2]
    assert not leaving.has_ended


async def test_a_live_run_that_nobody_watches_is_remembered_until_it_ends(stage: Stage) -> None:
    log, reader = await stage.open(), Reader()
    viewer = await stage.watch(log, reader)
    await viewer.stop()
    assert len(stage.feed) == 1
    await stage.end(log)
    assert len(stage.feed) == 0


async def test_followers_of_a_conversation_hear_of_each_run_until_they_leave(stage: Stage) -> None:
    heard: list[tuple[UUID, UUID]] = []
    run = await readers.run(lambda: make_run(owner=stage.owner))

    def tell(conversation_id: UUID, run_id: UUID) -> None:
        heard.append((conversation_id, run_id))

    follower = Follower(tell, lambda *_: None)
    stage.feed.followers.follow(run.conversation_id, follower)
    stage.feed.open(run.pk, run.conversation_id)
    stage.feed.followers.unfollow(run.conversation_id, follower)
    stage.feed.followers.unfollow(run.conversation_id, follower)
    stage.feed.open(run.pk, run.conversation_id)
    assert heard == [(run.conversation_id, run.pk)]


async def test_who_leaves_twice_takes_nobody_else_along(stage: Stage) -> None:
    log, gone, here = await stage.open(local=False), Reader(), Reader()
    viewer = await stage.watch(log, gone)
    await viewer.stop()
    await stage.watch(log, here)
    await viewer.stop()
    assert len(stage.feed) == 1
    run = await readers.run(Run.objects.select_related("log").get, pk=log.run_id)
    stage.feed.open(log.run_id, run.conversation_id)
    await stage.write(log, 2)
    await stage.end(log)
    await until(lambda: here.has_ended)
    assert here.seqs == [1, 2, 3]
