"""Nobody waits for long for rows that others have locked: only PostgreSQL locks rows."""

import threading
import time
from datetime import timedelta
from typing import Any

import pytest
from django.db import OperationalError, connection, transaction
from django.db.backends.signals import connection_created
from django.utils import timezone

from concurrency import database_limits
from runs.engine import recovery
from runs.engine.heartbeat import Heartbeat
from runs.engine.reaping import Continuity
from runs.models import Run
from runs.states import RunStatus
from tests.runs.rows import make_run, make_user

pytestmark = pytest.mark.django_db(transaction=True)

STUCK = 20.0
LONG_AGO = "2020-01-01T00:00:00Z"

needs_postgresql = pytest.mark.skipif("connection.vendor != 'postgresql'", reason="SQLite locks no rows")


def renewed(beat: Heartbeat, runs: list[Run]) -> set[Any]:
    """Let the heartbeat renew the leases of ``runs``; return those that were, by their ids."""
    beat._renew(tuple(run.pk for run in runs))
    return set(Run.objects.filter(lease_until__gt=timezone.now()).values_list("pk", flat=True))


@pytest.fixture
async def beat() -> Heartbeat:
    return Heartbeat("me", lease=timedelta(seconds=60), driven=lambda: ())


@pytest.fixture
def runs() -> list[Run]:
    columns: dict[str, Any] = {"status": RunStatus.RUNNING, "worker": "me", "lease_until": LONG_AGO}
    return [make_run(owner=make_user(name), **columns) for name in ("ada", "eve")]


def test_the_leases_of_its_own_runs_are_renewed(beat: Heartbeat, runs: list[Run]) -> None:
    Run.objects.filter(pk=runs[1].pk).update(worker="other")
    assert renewed(beat, runs) == {runs[0].pk}


@needs_postgresql
def test_a_locked_row_waits_for_the_next_heartbeat(beat: Heartbeat, runs: list[Run]) -> None:
    is_locked, done = threading.Event(), threading.Event()

    def hold() -> None:
        with transaction.atomic():
            Run.objects.filter(pk=runs[0].pk).update(system="changed")
            is_locked.set()
            done.wait(STUCK)
        connection.close()

    other = threading.Thread(target=hold)
    other.start()
    assert is_locked.wait(STUCK)
    assert renewed(beat, runs) == {runs[1].pk}
    done.set()
    other.join()
    assert renewed(beat, runs) == {run.pk for run in runs}


@needs_postgresql
@pytest.mark.parametrize("asks_again", [True, False])
def test_who_stands_still_inside_a_transaction_loses_it_and_its_locks(
    runs: list[Run], asks_again: bool
) -> None:
    database_limits.limit_sessions(0.3)
    is_locked, may_go_on = threading.Event(), threading.Event()
    lost: list[OperationalError] = []

    def stand_still() -> None:
        try:
            with transaction.atomic():
                Run.objects.filter(pk=runs[0].pk).update(system="of who stood still")
                is_locked.set()
                may_go_on.wait(STUCK)
                if asks_again:
                    Run.objects.filter(pk=runs[0].pk).exists()
        except OperationalError as error:
            lost.append(error)
        finally:
            connection.close()

    other = threading.Thread(target=stand_still)
    other.start()
    try:
        assert is_locked.wait(STUCK)
        Run.objects.filter(pk=runs[0].pk).update(system="of who went on")
    finally:
        connection_created.disconnect(dispatch_uid="limits of sessions")
        may_go_on.set()
        other.join()
    assert lost
    assert Run.objects.get(pk=runs[0].pk).system == "of who went on"


@needs_postgresql
def test_nobody_is_taken_for_dead_while_the_table_of_runs_is_locked(runs: list[Run]) -> None:
    is_locked, done = threading.Event(), threading.Event()

    def hold() -> None:
        with transaction.atomic(), connection.cursor() as cursor:
            # As CREATE INDEX does.
            cursor.execute('LOCK TABLE "runs_run" IN SHARE MODE')
            is_locked.set()
            done.wait(STUCK)
        connection.close()

    continuity = Continuity(gap=60.0, needed=0.2)
    assert recovery.reap(everything=False, continuity=continuity) == 0
    time.sleep(0.3)
    other = threading.Thread(target=hold)
    other.start()
    assert is_locked.wait(STUCK)
    assert recovery.reap(everything=False, continuity=continuity) == 0
    done.set()
    other.join()
    # Those who live have a moment for their renewals.
    assert recovery.reap(everything=False, continuity=continuity) == 0
    time.sleep(0.3)
    assert recovery.reap(everything=False, continuity=continuity) == len(runs)
