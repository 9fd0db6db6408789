"""The table of statuses, and that every change of one is conditional on it."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.db.models.functions import Now

from runs.models import Run
from runs.states import ACTIVE, TERMINAL, TRANSITIONS, RunStatus, StopReason, sources
from runs.store import claims, clock, transitions
from runs.store.transitions import Ending, LostRace
from tests.runs.conftest import Person
from tests.runs.rows import make_run

S = RunStatus


def test_the_table_is_the_one_in_the_protocol() -> None:
    assert {
        source.value: {target.value for target in targets} for source, targets in TRANSITIONS.items()
    } == {
        "created": {"running", "cancelled", "failed"},
        "queued": {"cancelled"},
        "running": {"awaiting_approval", "completed", "failed", "cancelled"},
        "awaiting_approval": {"created", "running", "cancelled", "failed"},
        "completed": set(),
        "failed": set(),
        "cancelled": set(),
    }


def test_every_status_is_in_the_table_and_is_either_active_or_terminal_or_queued() -> None:
    assert set(TRANSITIONS) == set(RunStatus)
    assert set(RunStatus) == ACTIVE | TERMINAL | {S.QUEUED}
    assert not ACTIVE & TERMINAL
    assert {S.COMPLETED, S.FAILED, S.CANCELLED} == TERMINAL


def test_every_active_run_can_be_stopped_and_can_fail() -> None:
    assert sources(S.CANCELLED) - {S.QUEUED} == sources(S.FAILED) == ACTIVE


def test_only_what_was_paused_waits_for_a_worker_again() -> None:
    assert sources(S.CREATED) == {S.AWAITING_APPROVAL}


@pytest.mark.parametrize("target", RunStatus)
def test_sources_read_the_table_backwards(target: RunStatus) -> None:
    assert sources(target) == {source for source in RunStatus if target in TRANSITIONS[source]}


def test_the_stop_reasons_are_the_protocols() -> None:
    assert set(StopReason.values) == {
        "end_turn",
        "tool_calls",
        "requires_approval",
        "max_steps",
        "max_continuations",
        "max_tokens_exceeded",
        "cancelled",
        "error",
        "llm_api_error",
        "invalid_llm_response",
        "invalid_tool_call",
        "context_window_exceeded",
        "insufficient_credits",
        "content_filter",
        "timeout",
        "log_unavailable",
        "budget_exhausted",
        "worker_lost",
        "shutdown",
    }


def drive(run: Run) -> None:
    if run.status == S.CREATED:
        claims.claim("w", timedelta(seconds=9), most=1)
        transitions.begin(run.pk, None, worker="w", lease=timedelta(seconds=60))
    else:
        transitions.resume(run.pk, worker="w", lease=timedelta(seconds=9))


def wait(run: Run) -> None:
    transitions.resume(run.pk)


def end(status: RunStatus) -> Callable[[Run], None]:
    ending = Ending(status=status, stop_reason=StopReason.ERROR)
    return lambda run: transitions.end(run.pk, ending, [])


CHANGES: dict[RunStatus, Callable[[Run], None]] = {
    S.RUNNING: drive,
    S.CREATED: wait,
    S.COMPLETED: end(S.COMPLETED),
    S.FAILED: end(S.FAILED),
    S.CANCELLED: end(S.CANCELLED),
}


def columns(run: Run) -> dict[str, Any]:
    return dict(Run.objects.values().get(pk=run.pk))


@pytest.mark.django_db
@pytest.mark.parametrize("source", RunStatus)
@pytest.mark.parametrize("target", CHANGES)
def test_a_change_happens_exactly_when_the_table_allows_it(
    source: RunStatus, target: RunStatus, ada: Person
) -> None:
    run = make_run(owner=ada.user, status=source)
    before = columns(run)
    if target in TRANSITIONS[source]:
        CHANGES[target](run)
        run.refresh_from_db()
        assert run.status == target
        assert (run.finished_at is not None) == (target in TERMINAL)
    else:
        with pytest.raises(LostRace):
            CHANGES[target](run)
        assert columns(run) == before
        assert not run.steps.exists()


@pytest.mark.django_db
@pytest.mark.parametrize("target", [S.RUNNING, S.COMPLETED, S.FAILED])
def test_a_stored_cancel_wins_over_every_other_change(target: RunStatus, ada: Person) -> None:
    (source, *_) = sorted(sources(target))
    run = make_run(owner=ada.user, status=source)
    assert transitions.request_cancel(run.pk, by="user", reason="enough")
    before = columns(run)
    with pytest.raises(LostRace) as overtaken:
        CHANGES[target](run)
    assert (overtaken.value.by, overtaken.value.reason) == ("user", "enough")
    assert columns(run) == before
    CHANGES[S.CANCELLED](run)


@pytest.mark.django_db
@pytest.mark.parametrize("status", RunStatus)
def test_a_cancel_is_stored_for_runs_that_have_not_ended(status: RunStatus, ada: Person) -> None:
    run = make_run(owner=ada.user, status=status)
    before = columns(run)
    assert transitions.request_cancel(run.pk, by="user", reason="") is (status not in TERMINAL)
    after = columns(run)
    assert after["status"] == status
    if status in TERMINAL:
        assert after == before
    else:
        assert after["cancel_requested_at"] is not None


@pytest.mark.django_db
def test_the_first_cancel_stays_and_a_sharper_one_sharpens_it(ada: Person) -> None:
    run = make_run(owner=ada.user, status=S.RUNNING)
    for by, reason, mode, stored in (
        ("user", "first", "after_step", "after_step"),
        ("admin", "second", "after_step", "after_step"),
        ("admin", "third", "immediate", "immediate"),
        ("user", "fourth", "after_step", "immediate"),
    ):
        assert transitions.request_cancel(run.pk, by=by, reason=reason, mode=mode)
        run.refresh_from_db()
        assert (run.cancelled_by, run.cancel_reason, run.cancel_mode) == ("user", "first", stored)


@pytest.mark.django_db
def test_of_two_that_take_a_run_over_one_wins(ada: Person) -> None:
    run = make_run(owner=ada.user, status=S.RUNNING)
    assert [transitions.take_over(run.pk, fence=0) for _ in range(2)] == [True, False]
    run.refresh_from_db()
    assert run.fence == 1


@pytest.mark.django_db
def test_a_lease_that_was_renewed_meanwhile_keeps_a_run(ada: Person) -> None:
    run = make_run(owner=ada.user, status=S.RUNNING)
    over, taken = Run.objects.filter(lease_until__lt=Now()), []
    for seconds in (60, -60):
        Run.objects.filter(pk=run.pk).update(lease_until=clock.after(timedelta(seconds=seconds)))
        taken.append(transitions.take_over(run.pk, fence=0, among=over))
    assert taken == [False, True]


@pytest.mark.django_db
@pytest.mark.parametrize("status", sorted(TERMINAL))
def test_nobody_takes_over_what_has_ended(status: RunStatus, ada: Person) -> None:
    run = make_run(owner=ada.user, status=status)
    assert not transitions.take_over(run.pk, fence=0)


@pytest.mark.django_db
@pytest.mark.parametrize("status", sorted(ACTIVE))
def test_the_database_allows_one_active_run_in_a_conversation(status: RunStatus, ada: Person) -> None:
    run = make_run(owner=ada.user, status=status)
    same = {"conversation": run.conversation, "owner": ada.user, "model": "emulator/echo"}
    with pytest.raises(IntegrityError), transaction.atomic():
        Run.objects.create(**same)
    for ended in TERMINAL:
        Run.objects.create(**same, status=ended)
