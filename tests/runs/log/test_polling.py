"""The states of runs that other processes drive: one query for all of them, however many viewers there are."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import DatabaseError, InterfaceError

from concurrency.threads import readers
from runs.log import polling
from runs.log.feed import Feed
from runs.models import Run
from runs.states import RunStatus
from runs.store import clock
from tests.runs.conftest import Person
from tests.runs.rows import make_run

pytestmark = pytest.mark.django_db(transaction=True)


@dataclass
class Reader:
    """A client that only hears of the end."""

    has_ended: bool = False
    notes: list[tuple[str, Any]] = field(default_factory=list)

    async def send_frame(self, run_id: UUID, seq: int, frame: str) -> None:
        raise AssertionError("there are no events")

    async def send_lag(self, run_id: UUID, behind: int) -> None:
        raise AssertionError("there are no events")

    async def send_note(self, run_id: UUID, seq: int, name: str, value: Any) -> None:
        self.notes.append((name, value))

    def unread(self) -> int:
        return 0

    async def drop(self) -> None:
        raise AssertionError("it reads")

    async def fail(self) -> None:
        raise AssertionError("nothing fails")

    def viewer_ended(self, run_id: UUID) -> None:
        self.has_ended = True


@dataclass
class Queries:
    """Stands before the query; counts the calls, and fails them with ``fails``."""

    read: Callable[[tuple[UUID, ...]], Any]
    fails: Exception | None = None
    asked: list[frozenset[UUID]] = field(default_factory=list)

    def __call__(self, run_ids: tuple[UUID, ...]) -> Any:
        self.asked.append(frozenset(run_ids))
        if self.fails:
            raise self.fails
        return self.read(run_ids)


@pytest.fixture
async def queries(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Queries]:
    counting = Queries(polling._read_states)
    monkeypatch.setattr(polling, "_read_states", counting)
    yield counting
    await readers.close()


async def until(predicate: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not predicate():
            await asyncio.sleep(0.005)


async def test_one_query_serves_all_viewers_of_all_runs(queries: Queries, ada: Person) -> None:
    runs = await readers.run(
        lambda: [make_run(owner=ada.user, status=RunStatus.RUNNING, worker="other") for _ in range(3)]
    )
    feed, clients = Feed(poll=0.02), [Reader() for _ in range(30)]
    for number, client in enumerate(clients):
        feed.watch(runs[number % 3].pk, client, after=0, last_seq=0, finished=False).start()
    await until(lambda: len(queries.asked) >= 3)
    assert set(queries.asked[1:]) == {frozenset(run.pk for run in runs)}

    await readers.run(Run.objects.filter(pk=runs[0].pk).update, status=RunStatus.COMPLETED)
    await readers.run(_delete(runs[1].pk))
    await until(lambda: sum(client.has_ended for client in clients) == 20)
    before = len(queries.asked)
    await until(lambda: len(queries.asked) > before + 1)
    assert queries.asked[-1] == {runs[2].pk}

    await readers.run(Run.objects.filter(pk=runs[2].pk).update, status=RunStatus.CANCELLED)
    await until(lambda: all(client.has_ended for client in clients))
    assert len(feed) == 0
    assert not [task for task in asyncio.all_tasks() if task.get_name() == "feed" and not task.cancelling()]


def _delete(run_id: UUID) -> Callable[[], Any]:
    return lambda: Run.objects.filter(pk=run_id).delete()


@pytest.mark.parametrize(
    "failure", [DatabaseError(), InterfaceError("the connection is closed"), KeyError(1)]
)
async def test_an_outage_of_the_database_closes_no_viewer(
    queries: Queries, ada: Person, failure: Exception
) -> None:
    run = await readers.run(lambda: make_run(owner=ada.user, status=RunStatus.RUNNING, worker="other"))
    feed, client = Feed(poll=0.01), Reader()
    queries.fails = failure
    feed.watch(run.pk, client, after=0, last_seq=0, finished=False).start()
    await until(lambda: len(queries.asked) > 2)
    await readers.run(Run.objects.filter(pk=run.pk).update, status=RunStatus.COMPLETED)
    queries.fails = None
    await until(lambda: client.has_ended)


async def test_a_run_that_is_driven_here_is_not_asked_about(queries: Queries, ada: Person) -> None:
    here, away = uuid4(), (await readers.run(lambda: make_run(owner=ada.user, status=RunStatus.RUNNING))).pk
    feed, client = Feed(poll=0.01), Reader()
    feed.open(here, uuid4())
    feed.watch(here, client, after=0, last_seq=0, finished=False).start()
    feed.watch(away, client, after=0, last_seq=0, finished=False).start()
    await until(lambda: len(queries.asked) > 2)
    assert set(queries.asked) == {frozenset({away})}
    feed.close(here, has_ended=True)
    await readers.run(_delete(away))
    await until(lambda: len(feed) == 0)


async def test_viewers_are_told_of_a_process_that_is_silent_before_its_lease_is_over(
    queries: Queries, ada: Person
) -> None:
    run = await readers.run(lambda: make_run(owner=ada.user, status=RunStatus.RUNNING))

    async def renew(seconds: float) -> None:
        left = clock.after(timedelta(seconds=seconds))
        await readers.run(Run.objects.filter(pk=run.pk).update, lease_until=left)

    await renew(60)
    feed, reader = Feed(poll=0.01), Reader()
    viewer = feed.watch(run.pk, reader, after=0, last_seq=0, finished=False)
    viewer.start()
    await until(lambda: len(queries.asked) > 1)
    assert reader.notes == []
    await renew(2.0)
    await until(lambda: len(reader.notes) == 1)
    await renew(60)
    await until(lambda: len(reader.notes) == 2)
    assert reader.notes == [("worker_silent", {"silent": True}), ("worker_silent", {"silent": False})]
    await viewer.stop()


async def test_one_run_that_cannot_be_reported_keeps_no_other_from_it(queries: Queries, ada: Person) -> None:
    ids = await readers.run(lambda: [make_run(owner=ada.user).pk for _ in range(2)])
    heard: list[UUID] = []

    def seen(run_id: UUID, last_seq: int, has_ended: bool, is_silent: bool) -> None:
        heard.append(run_id)
        raise ValueError

    poll = polling.StatePoll(seen, interval=0.01)
    for run_id in ids:
        poll.add(run_id)
    await until(lambda: set(heard) == set(ids) and len(heard) > 4)
    for run_id in ids:
        poll.remove(run_id)


def _ignore(*_: object) -> None:
    """Take a state."""


def has_asked(queries: Queries, number: int) -> bool:
    return len(queries.asked) == number


async def test_a_new_run_is_asked_about_at_once_and_alone(queries: Queries, ada: Person) -> None:
    ids = await readers.run(lambda: [make_run(owner=ada.user).pk for _ in range(3)])
    poll = polling.StatePoll(_ignore, interval=3600)
    for number, run_id in enumerate(ids, 1):
        poll.add(run_id)
        await until(partial(has_asked, queries, number))
    assert queries.asked == [{run_id} for run_id in ids]
    for run_id in ids:
        poll.remove(run_id)
