"""Heartbeats: a process keeps its runs through locks, set clocks and floods, until another one takes them over."""

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone
from uuid6 import uuid7

from concurrency.threads import readers
from runs import services
from runs.engine import recovery, stop_signals, supervisor
from runs.models import Run
from runs.services.new_run import Started, StartRequest
from runs.states import TERMINAL, RunStatus
from runs.store import transitions
from tests.runs import storage
from tests.runs.conftest import Person
from tests.runs.rows import make_run
from tests.runs.storage import STUCK, locked, needs_sqlite

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("server")]

LONG_AGO = "2020-01-01T00:00:00Z"


async def start(person: Person, model: str = "emulator/silent") -> Started:
    return await services.start(
        person.user.pk,
        StartRequest(
            run_id=uuid7(),
            conversation_id=None,
            model=model,
            messages=[{"id": "m", "role": "user", "content": "hi"}],
        ),
    )


async def stored(started: Started) -> Run:
    return await storage.stored(started.run_id)


async def until(started: Started, condition: Callable[[Run], bool]) -> Run:
    return await storage.until_stored(started.run_id, condition)


def is_running(run: Run) -> bool:
    return bool(run.status == RunStatus.RUNNING)


def lease_is_over(run: Run) -> bool:
    return run.lease_until is not None and run.lease_until < timezone.now()


def lease_is_good(run: Run) -> bool:
    return run.lease_until is not None and run.lease_until > timezone.now()


@asynccontextmanager
async def cancelled_at_the_end(person: Person, started: Started) -> AsyncIterator[None]:
    yield
    assert await services.cancel(person.user.pk, started.run_id) == "requested"
    run = await until(started, lambda run: run.status in TERMINAL)
    assert (run.status, run.fence) == (RunStatus.CANCELLED, 0)


@pytest.fixture
def short_lease(settings: Any) -> None:
    settings.RUNNEL_HEARTBEAT_SECONDS, settings.RUNNEL_LEASE_SECONDS = 0.05, 0.4


@needs_sqlite
@pytest.mark.usefixtures("short_lease")
async def test_a_database_that_is_locked_for_longer_than_a_lease_costs_no_run(
    ada: Person, caplog: pytest.LogCaptureFixture
) -> None:
    started = await start(ada)
    async with cancelled_at_the_end(ada, started):
        await until(started, is_running)
        with locked():
            await until(started, lambda run: lease_is_over(run) and "database is locked" in caplog.text)
            assert await readers.run(recovery.reap, everything=False, is_live_here=stop_signals.is_live) == 0
        run = await until(started, lease_is_good)
        assert (run.status, run.fence) == (RunStatus.RUNNING, 0)


@pytest.mark.usefixtures("short_lease")
async def test_leases_are_renewed_while_the_event_loop_is_busy(ada: Person) -> None:
    started = await start(ada)
    async with cancelled_at_the_end(ada, started):
        before = (await until(started, is_running)).lease_until
        renewed = threading.Event()

        def wait_for_renewal() -> None:
            while Run.objects.get(pk=started.run_id).lease_until == before:
                time.sleep(0.01)
            connection.close()
            renewed.set()

        watching = threading.Thread(target=wait_for_renewal)
        watching.start()
        # Blocks the loop on purpose.
        assert renewed.wait(STUCK)
        watching.join()


async def test_a_clock_that_jumps_ahead_makes_nobody_reap_its_own_runs(ada: Person, settings: Any) -> None:
    # The heartbeat itself comes too late here.
    settings.RUNNEL_HEARTBEAT_SECONDS = 3600.0
    started = await start(ada)
    async with cancelled_at_the_end(ada, started):
        await until(started, is_running)
        await readers.run(Run.objects.filter(pk=started.run_id).update, lease_until=LONG_AGO)
        assert await readers.run(recovery.reap, everything=False, is_live_here=stop_signals.is_live) == 0
        # Recovery that may end everything is for a process's start; another event loop may drive runs already.
        assert await readers.run(recovery.reap, everything=True, is_live_here=stop_signals.is_live) == 0
        assert is_running(await stored(started))


@pytest.mark.usefixtures("short_lease")
async def test_the_supervisor_reaps_the_runs_of_dead_workers_and_not_its_own(ada: Person) -> None:
    mine = await start(ada)
    async with cancelled_at_the_end(ada, mine):
        await until(mine, is_running)
        dead = await readers.run(
            lambda: make_run(owner=ada.user, status=RunStatus.RUNNING, lease_until=LONG_AGO, worker="dead")
        )
        async with asyncio.timeout(STUCK):
            while (await readers.run(Run.objects.get, pk=dead.pk)).status != RunStatus.FAILED:
                # As if every renewal failed.
                await readers.run(Run.objects.filter(pk=mine.run_id).update, lease_until=LONG_AGO)
        assert is_running(await stored(mine))


@pytest.mark.usefixtures("short_lease")
async def test_a_run_that_another_process_took_over_is_not_renewed(ada: Person) -> None:
    started = await start(ada)
    await until(started, is_running)
    await readers.run(
        lambda: (
            transitions.take_over(started.run_id, fence=0),
            Run.objects.filter(pk=started.run_id).update(worker="other", lease_until=LONG_AGO),
        )
    )
    beside = await start(ada)
    async with cancelled_at_the_end(ada, beside):
        first = (await stored(beside)).lease_until
        await until(beside, lambda run: run.lease_until != first)
        assert lease_is_over(await stored(started))
    # Its engine may write nothing more; the run is ended for it.
    stop_signals.request(started.run_id, by="user")
    async with asyncio.timeout(STUCK):
        while stop_signals.is_live(started.run_id):
            await asyncio.sleep(0.01)
    # What looks for such runs from time to time may have come first.
    await readers.run(recovery.reap, everything=False)
    assert (await stored(started)).status == RunStatus.FAILED


@needs_sqlite
@pytest.mark.usefixtures("short_lease")
async def test_a_flood_of_starts_beside_a_locked_database_ends_no_run_as_lost(
    ada: Person, eve: Person
) -> None:
    other = await start(eve)
    async with cancelled_at_the_end(eve, other):
        await until(other, is_running)
        flood = [asyncio.create_task(start(ada, "emulator/nope")) for _ in range(95)]
        with locked():
            await until(other, lease_is_over)
        flood += [asyncio.create_task(start(ada, "emulator/nope")) for _ in range(95)]
        starts = await asyncio.gather(*flood)
        for each in starts:
            run = await until(each, lambda run: run.status in TERMINAL)
            assert run.stop_reason != "worker_lost"
        assert is_running(await stored(other))


async def test_the_heartbeat_ends_with_its_supervisor(ada: Person, settings: Any) -> None:
    settings.RUNNEL_HEARTBEAT_SECONDS = 0.02
    started = await start(ada)
    await supervisor.current().drain()
    assert (await stored(started)).status == RunStatus.CANCELLED
    assert not [thread for thread in threading.enumerate() if thread.name == "runnel-heartbeat"]
