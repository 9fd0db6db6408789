"""Which runs a worker takes, in which order, and what becomes of those whose worker dies before it begins them."""

import threading
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from django.db import connection
from django.db.models.functions import Now
from django.utils import timezone

from runs.engine import recovery
from runs.models import Run
from runs.states import RunStatus
from runs.store import claims, transitions
from runs.store.transitions import LostRace
from tests.runs.conftest import Person
from tests.runs.rows import make_run, stored_frames

pytestmark = pytest.mark.django_db(transaction=True)

LEASE = timedelta(seconds=30)


def waiting(person: Person, age: float = 0.0, **columns: Any) -> Run:
    """Store a run that has waited for ``age`` seconds."""
    created_at = timezone.now() - timedelta(seconds=age)
    return make_run(owner=person.user, status=RunStatus.CREATED, created_at=created_at, **columns)


def one_by_one() -> list[UUID]:
    taken = []
    while claimed := claims.claim("w", LEASE, most=1):
        taken.append(claimed[0].run.pk)
    return taken


def test_a_claim_gives_a_worker_and_a_lease_and_counts(ada: Person) -> None:
    run = waiting(ada)
    claimed = claims.claim("one", LEASE, most=5)[0].run
    assert (claimed.pk, claimed.status, claimed.worker, claimed.claims) == (run.pk, "created", "one", 1)
    assert Run.objects.filter(lease_until__gt=Now()).get() == run
    assert Run.objects.filter(lease_until__lt=timezone.now() + 2 * LEASE).get() == run
    assert claims.claim("two", LEASE, most=5) == []
    assert claims.waiting() == 0


def test_interactive_runs_go_first_then_the_oldest(ada: Person) -> None:
    background = waiting(ada, 30, options={"priority": "background"})
    new, old = waiting(ada, 1), waiting(ada, 20, options={"priority": "interactive"})
    assert one_by_one() == [old.pk, new.pk, background.pk]


def test_users_take_turns_beginning_with_who_has_the_fewest(ada: Person, eve: Person) -> None:
    many = [waiting(ada, 60 - place) for place in range(4)]
    few = [waiting(eve, 2 - place) for place in range(2)]
    expected = [many[0], few[0], many[1], few[1], many[2], many[3]]
    assert one_by_one() == [run.pk for run in expected]


def test_who_has_runs_under_way_lets_others_go_first(ada: Person, eve: Person) -> None:
    for _ in range(2):
        make_run(owner=ada.user, status=RunStatus.RUNNING, lease_until=timezone.now() + LEASE)
    old = [waiting(ada, 60), waiting(ada, 50)]
    new = [waiting(eve, 2), waiting(eve, 1)]
    assert one_by_one() == [new[0].pk, new[1].pk, old[0].pk, old[1].pk]


def test_what_is_cancelled_or_not_stored_for_a_worker_is_not_claimed(ada: Person) -> None:
    transitions.request_cancel(waiting(ada).pk, by="user", reason="")
    for status in set(RunStatus) - {RunStatus.CREATED}:
        make_run(owner=ada.user, status=status)
    assert claims.claim("w", LEASE, most=9) == []


def test_of_several_workers_each_run_goes_to_one(ada: Person) -> None:
    runs = {waiting(ada).pk for _ in range(12)}
    taken: list[UUID] = []

    def take(name: str) -> None:
        while claimed := claims.claim(name, LEASE, most=2):
            taken.extend(each.run.pk for each in claimed)
        connection.close()

    threads = [threading.Thread(target=take, args=(f"w{number}",)) for number in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(taken) == sorted(runs)


def test_only_its_worker_begins_a_run_and_only_once(ada: Person) -> None:
    run = waiting(ada)
    claims.claim("one", LEASE, most=1)
    with pytest.raises(LostRace):
        transitions.begin(run.pk, None, worker="two", lease=LEASE)
    transitions.begin(run.pk, None, worker="one", lease=LEASE)
    run.refresh_from_db()
    assert (run.status, run.started_at is not None) == ("running", True)
    with pytest.raises(LostRace):
        transitions.begin(run.pk, None, worker="one", lease=LEASE)


def test_a_run_whose_claim_took_long_to_begin_is_not_taken_for_lost(ada: Person) -> None:
    run = waiting(ada)
    claims.claim("one", timedelta(seconds=-1), most=1)
    transitions.begin(run.pk, None, worker="one", lease=LEASE)
    assert recovery.reap(everything=False) == 0
    run.refresh_from_db()
    assert run.status == RunStatus.RUNNING


def test_a_run_goes_to_another_worker_until_it_has_cost_too_many(ada: Person) -> None:
    run = waiting(ada)
    for number in range(1, claims.MOST_CLAIMS + 1):
        (claimed,) = claims.claim(f"w{number}", timedelta(seconds=-1), most=1)
        assert claimed.run.claims == number
        # A worker that was only slow has lost it.
        ended = recovery.reap(everything=False)
        assert ended == (number == claims.MOST_CLAIMS)
        with pytest.raises(LostRace):
            transitions.begin(run.pk, None, worker=f"w{number}", lease=LEASE)
    run.refresh_from_db()
    assert (run.status, run.stop_reason, run.lease_until) == ("failed", "worker_lost", None)
    assert ['"RUN_ERROR"' in frame for frame in stored_frames(run.pk)][-1]
    assert claims.claim("w", LEASE, most=1) == []


def test_a_lease_that_holds_is_left_alone(ada: Person) -> None:
    run = waiting(ada)
    claims.claim("one", LEASE, most=1)
    assert (claims.free_expired(), recovery.reap(everything=False)) == (0, 0)
    assert not claims.give_back(run.pk, "two")
    assert claims.give_back(run.pk, "one")
    assert [each.run.pk for each in claims.claim("two", LEASE, most=1)] == [run.pk]


def test_a_run_that_was_claimed_before_is_claimed_alone(ada: Person) -> None:
    new = [waiting(ada, 10 - place) for place in range(3)]
    suspected = [waiting(ada, age, claims=1) for age in (60, 8.5, 1)]
    taken = []
    while claimed := claims.claim("w", LEASE, most=16):
        taken.append({each.run.pk for each in claimed})
    assert taken == [{suspected[0].pk}, {run.pk for run in new}, {suspected[1].pk}, {suspected[2].pk}]
