"""Runs that wait, and runs that go on: what holds them, who decides, and what a pause leaves as it was."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from uuid6 import uuid7

from concurrency.threads import readers
from runs import errors, services
from runs.engine import paused, recovery, stop_signals
from runs.models import Run, Step
from runs.services import resolving
from tests.providers.retry.attempting import refusing
from tests.providers.upstream import upstream
from tests.runs.conftest import Person
from tests.runs.services.waiting_runs import ORDER, STUCK, calls, paused_run, results, resume_of, until

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("server")]


async def test_who_decides_too_late_takes_no_cancel_from_the_run(
    ada: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = await paused_run(ada, text=f"{ORDER}[[next]][[pause 60]]")
    resume = await resume_of(run.pk)
    seen = await readers.run(paused.read, run.pk)
    await resolving.resolve(ada.user.pk, run.pk, resume)
    with monkeypatch.context() as patched:
        # Read while it waited still; now it is driven.
        patched.setattr(resolving, "_find", lambda *_: seen)
        with pytest.raises(errors.NothingPending):
            await resolving.resolve(ada.user.pk, run.pk, resume)
    assert await services.cancel(ada.user.pk, run.pk) == "requested"
    await until(run.pk, "cancelled")
    assert not stop_signals.live()


async def test_nothing_holds_a_run_that_waits(ada: Person) -> None:
    run = await paused_run(ada)
    assert (run.lease_until, run.stop_reason, run.finished_at) == (None, "requires_approval", None)
    assert run.awaiting_until is not None
    assert stop_signals.get(run.pk) is None
    assert await readers.run(recovery.reap, everything=True) == 0
    statuses = {name: call.status for name, call in (await calls(run.pk)).items()}
    assert statuses == {"clock": "held", "write_note": "pending"}
    assert await results(run.pk) == []


async def test_a_decision_is_recorded_with_who_when_and_what(ada: Person) -> None:
    run = await paused_run(ada)
    before = timezone.now()
    resume = await resume_of(run.pk, editedArgs={"text": "rye bread"}, reason="no milk")
    await resolving.resolve(ada.user.pk, run.pk, resume)
    ended = await until(run.pk, "completed")
    assert (ended.segment, ended.fence, ended.stop_reason) == (2, 1, "end_turn")
    call = (await calls(run.pk))["write_note"]
    assert (call.decision, call.decided_by_id, call.reason) == ("edited", ada.user.pk, "no milk")
    assert call.decided_at is not None
    assert before <= call.decided_at <= timezone.now()
    assert call.decided_digest == call.digest
    assert (call.arguments, call.edited_arguments) == ('{"text": "oat milk"}', '{"text":"rye bread"}')
    assert (call.status, call.is_error) == ("succeeded", False)
    assert len(await results(run.pk)) == 2


async def test_who_has_answered_is_asked_again(ada: Person, settings: Any) -> None:
    async with upstream(refusing(401)) as server:
        settings.OPENAI_API_KEY = "sk-test"
        settings.OPENAI_BASE_URL = f"{server.origin}/v1"
        options = {"fallback_models": ["emulator/calls@openai-responses"]}
        run = await paused_run(ada, model="openai-chat/gpt", options=options)
        await resolving.resolve(ada.user.pk, run.pk, await resume_of(run.pk))
        await until(run.pk, "completed")
        assert len(server.requests) == 1
    steps = await readers.run(lambda: list(Step.objects.filter(run_id=run.pk).order_by("index")))
    assert [step.model for step in steps] == ["calls", "calls"]


async def test_what_belongs_to_somebody_else_looks_absent(ada: Person, eve: Person) -> None:
    run = await paused_run(ada)
    resume = await resume_of(run.pk)
    for owner, run_id in ((eve.user.pk, run.pk), (ada.user.pk, uuid7())):
        with pytest.raises(errors.NotFound):
            await resolving.resolve(owner, run_id, resume)
    assert (await readers.run(Run.objects.get, pk=run.pk)).status == "awaiting_approval"


async def test_the_loser_learns_who_won(ada: Person) -> None:
    run = await paused_run(ada)
    resume = await resume_of(run.pk)
    outcomes = await asyncio.gather(
        *(resolving.resolve(ada.user.pk, run.pk, resume) for _ in range(5)), return_exceptions=True
    )
    lost = [outcome for outcome in outcomes if outcome is not None]
    assert len(lost) == 4
    assert all(isinstance(outcome, errors.NothingPending) for outcome in lost)
    assert any("ada decided at" in str(outcome) for outcome in lost)
    await until(run.pk, "completed")


async def test_a_pause_does_not_count_as_time(ada: Person, settings: Any) -> None:
    run = await paused_run(ada)
    assert 0.0 < run.active_seconds < STUCK
    await readers.run(
        lambda: Run.objects.filter(pk=run.pk).update(started_at=timezone.now() - timedelta(hours=1))
    )
    await resolving.resolve(ada.user.pk, run.pk, await resume_of(run.pk))
    ended = await until(run.pk, "completed")
    assert ended.duration is not None
    assert run.active_seconds < ended.duration < STUCK


@pytest.mark.parametrize(("arguments", "unreadable"), [("[1]", 1), ('{"zone": "UTC"}', 0)])
async def test_unreadable_steps_before_a_pause_are_remembered(
    arguments: str, unreadable: int, ada: Person
) -> None:
    text = f'[[call clock {arguments}]][[call write_note {{"text": "oat milk"}}]]'
    run = await paused_run(ada, text=text)
    found = await readers.run(paused.read, run.pk)
    assert found is not None
    assert found.resume_point(()).unreadable_steps == unreadable
