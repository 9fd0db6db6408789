"""Runs that wait and do not go on: who ends them, and what a dead worker leaves."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import orjson
import pytest
from asgiref.sync import sync_to_async
from django.db import transaction
from django.utils import timezone

from concurrency.threads import readers
from providers import catalog
from runs import errors, services
from runs.engine import paused, recovery, supervisor
from runs.models import Run, ToolCall
from runs.services import resolving
from runs.states import RunStatus
from tests.runs.conftest import Person
from tests.runs.services.waiting_runs import Json, calls, paused_run, results, resume_of, start, until
from tests.runs.sockets import Socket, bearer

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("server")]


async def test_a_run_about_which_nobody_decides_in_time_ends(ada: Person, settings: Any) -> None:
    run = await paused_run(ada)
    assert await readers.run(paused.overdue) == []
    await readers.run(lambda: Run.objects.filter(pk=run.pk).update(awaiting_until=timezone.now()))
    assert await readers.run(paused.overdue) == [run.pk]
    with pytest.raises(errors.AlreadyTerminal):
        await resolving.resolve(ada.user.pk, run.pk, await resume_of(run.pk))
    ended = await until(run.pk, "failed")
    assert (ended.stop_reason, ended.error_code) == ("timeout", "timeout")
    assert {call.status for call in (await calls(run.pk)).values()} == {"expired"}
    assert len(await results(run.pk)) == 2


async def test_it_waits_for_ever_where_that_is_said(ada: Person, settings: Any) -> None:
    settings.RUNNEL_APPROVAL_TIMEOUT = 0.0
    assert (await paused_run(ada)).awaiting_until is None


@pytest.mark.parametrize("is_atomic", [False, True])
async def test_the_admin_can_stop_a_run_that_waits(ada: Person, is_atomic: bool) -> None:
    run = await paused_run(ada)

    def stop() -> str:
        if not is_atomic:
            return services.cancel_from_thread(None, run.pk)
        with transaction.atomic():
            return services.cancel_from_thread(None, run.pk)

    assert await sync_to_async(stop)() == "requested"
    ended = await until(run.pk, "cancelled")
    assert (ended.cancelled_by, ended.segment) == ("admin", 2)
    assert {call.status for call in (await calls(run.pk)).values()} == {"cancelled"}
    assert await results(run.pk) == ["Cancelled by the user and not executed."] * 2


async def test_a_cancel_that_nobody_carried_out_is_found(ada: Person) -> None:
    run = await paused_run(ada)
    await readers.run(
        lambda: Run.objects.filter(pk=run.pk).update(cancel_requested_at=timezone.now(), cancelled_by="user")
    )
    with pytest.raises(errors.AlreadyTerminal):
        await resolving.resolve(ada.user.pk, run.pk, await resume_of(run.pk))
    assert (await until(run.pk, "cancelled")).cancelled_by == "user"


async def test_a_start_cancels_what_waits_only_if_it_says_so(ada: Person) -> None:
    run = await paused_run(ada)
    place = {"conversation_id": run.conversation_id}
    with pytest.raises(errors.AwaitsDecision):
        await start(ada, "And now?", **place)
    second = await start(ada, "And now?", options={"cancel_pending": True}, **place)
    assert (await until(run.pk, "cancelled")).cancel_reason == "a new message was sent"
    assert (await until(second, "completed")).stop_reason == "end_turn"


async def test_a_dead_worker_leaves_an_answer_to_every_call(ada: Person) -> None:
    run = await paused_run(ada)
    # As a process leaves it that dies after it has taken the decision.
    gone = timezone.now() - timedelta(seconds=1)

    def die() -> None:
        Run.objects.filter(pk=run.pk).update(status=RunStatus.RUNNING, worker="gone", lease_until=gone)
        ToolCall.objects.filter(run_id=run.pk).update(status="running")

    await readers.run(die)
    assert await readers.run(recovery.reap, everything=False) == 1
    ended = await until(run.pk, "failed")
    assert ended.stop_reason == "worker_lost"
    assert {call.status for call in (await calls(run.pk)).values()} == {"interrupted"}
    assert all("may have taken effect" in answer for answer in await results(run.pk))


async def test_a_start_that_is_refused_cancels_nothing(ada: Person) -> None:
    run = await paused_run(ada)
    cancels: Json = {"conversation_id": run.conversation_id, "options": {"cancel_pending": True}}
    with pytest.raises(errors.NoSuchTool):
        await start(ada, "And now?", tools=["nothing"], **cancels)
    with pytest.raises(catalog.CatalogError):
        await start(ada, "And now?", model="nobody/nothing", **cancels)
    assert (await readers.run(Run.objects.get, pk=run.pk)).status == "awaiting_approval"


async def test_a_run_that_cannot_be_ended_keeps_no_other_one_from_it(ada: Person) -> None:
    good = await paused_run(ada)
    # The newest is ended first.
    bad = await paused_run(ada)

    def spoil() -> None:
        bad.steps.all().delete()
        Run.objects.update(awaiting_until=timezone.now())

    await readers.run(spoil)
    await supervisor.current().undriven.end_overdue()
    await until(good.pk, "failed")


async def test_what_a_start_cancels_is_told_after_its_answer(ada: Person) -> None:
    run = await paused_run(ada)
    socket = await Socket(bearer(ada.token)).open()
    await socket.ask("subscribe", run_id=str(run.pk), after=run.last_seq)
    told = len(socket.received)
    place = {"conversation_id": str(run.conversation_id), "options": {"cancel_pending": True}}
    answer = await socket.ask("start", model="emulator/calls", input="And now?", **place)
    await until(UUID(answer["run_id"]), "completed")
    await until(run.pk, "cancelled")
    await socket.until(lambda: sum(str(run.pk) in text for text in socket.received[told:]) > 1)
    assert orjson.loads(socket.received[told])["type"] == "ok"
    await socket.close()
