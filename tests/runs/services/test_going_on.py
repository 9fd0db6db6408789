"""Runs that wait, and runs that go on: what holds them, who ends them, and what a dead worker leaves."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Annotated, Any
from uuid import UUID

import orjson
import pytest
from asgiref.sync import sync_to_async
from django.db import transaction
from django.utils import timezone
from pydantic import AfterValidator
from uuid6 import uuid7

from concurrency.threads import readers
from providers import catalog
from runs import errors, services
from runs.calls import records
from runs.calls.outcomes import CallOutcome
from runs.engine import paused, recovery, stop_signals, supervisor
from runs.models import Message, Run, Step, ToolCall
from runs.models.tool_call import ToolCallStatus
from runs.services import resolving
from runs.services.new_run import StartRequest
from runs.states import RunStatus
from runs.toolbox import registry, tool
from tests.providers.retry.attempting import refusing
from tests.providers.upstream import upstream
from tests.runs.conftest import Person
from tests.runs.sockets import Socket, bearer

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("server")]

STUCK = 10.0
ORDER = '[[call clock {"zone": "UTC"}]][[call write_note {"text": "oat milk"}]]'

type Json = dict[str, Any]


async def start(person: Person, text: str = ORDER, **fields: Any) -> UUID:
    options = {"tools": ["clock", "write_note", *fields.pop("tools", ())]}
    request = StartRequest(
        run_id=uuid7(),
        conversation_id=fields.pop("conversation_id", None),
        model=fields.pop("model", "emulator/calls"),
        messages=[{"id": "m", "role": "user", "content": text}],
        options=options | fields.pop("options", {}),
        **fields,
    )
    return (await services.start(person.user.pk, request)).run_id


async def until(run_id: UUID, *statuses: str) -> Run:
    """Wait until a run has one of these statuses and is live no more."""
    async with asyncio.timeout(STUCK):
        while True:
            run = await readers.run(Run.objects.select_related("log").get, pk=run_id)
            if run.status in statuses and stop_signals.get(run_id) is None:
                return run
            await asyncio.sleep(0.005)


async def paused_run(person: Person, **fields: Any) -> Run:
    return await until(await start(person, **fields), "awaiting_approval")


async def calls(run_id: UUID) -> dict[str, ToolCall]:
    rows = await readers.run(lambda: list(ToolCall.objects.filter(run_id=run_id)))
    return {row.name: row for row in rows}


async def resume_of(run_id: UUID, **payload: Any) -> list[Json]:
    found = await readers.run(paused.read, run_id)
    assert found is not None
    return [
        {
            "interruptId": str(call.id),
            "status": "resolved",
            "payload": {"approved": True, **payload},
            "metadata": {"digest": call.asked_digest},
        }
        for call in found.pending
    ]


async def results(run_id: UUID) -> list[str]:
    """Return what the conversation holds as answers."""
    rows = await readers.run(lambda: list(Message.objects.filter(run_id=run_id, role="tool")))
    return [part["content"] for row in rows for part in row.parts]


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


@pytest.fixture
def no_tools_of_a_test(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "_tools", registry.registered())


async def test_the_time_limit_of_a_run_ends_its_tools(
    ada: Person, no_tools_of_a_test: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    @tool
    async def linger() -> None:
        """Take for ever."""
        await asyncio.Event().wait()

    here = supervisor.current()
    monkeypatch.setattr(here, "settings", replace(here.settings, run_timeout=0.5))
    run_id = await start(ada, "[[call linger {}]]", tools=["linger"])
    ended = await until(run_id, "failed")
    assert (ended.stop_reason, ended.stream_was_cancelled) == ("timeout", False)
    assert (await calls(run_id))["linger"].status == "interrupted"
    (answer,) = await results(run_id)
    assert "the run's time was up" in answer


@pytest.mark.parametrize("change", ["takes_more", "asks_now"])
async def test_nothing_gated_is_executed_unasked_because_a_tool_changed(
    ada: Person, no_tools_of_a_test: None, change: str
) -> None:
    done: list[int | str] = []

    @tool(requires_approval=change == "takes_more")
    def send(amount: int) -> None:
        """Send money."""
        done.append(amount)

    amount = '"5"' if change == "takes_more" else "5"
    order = f'[[call send {{"amount": {amount}}}]][[call write_note {{"text": "oat milk"}}]]'
    run = await paused_run(ada, text=order, tools=["send"])
    # As an upgrade, or an admin, does it while the run waits.
    del registry._tools["send"]

    @tool(name="send", requires_approval=True)
    def send_now(amount: int | str) -> None:
        """Send money."""
        done.append(amount)

    await resolving.resolve(ada.user.pk, run.pk, await resume_of(run.pk))
    await until(run.pk, "completed")
    assert done == []
    assert (await calls(run.pk))["send"].status == "failed"


async def test_a_start_that_is_refused_cancels_nothing(ada: Person) -> None:
    run = await paused_run(ada)
    cancels: Json = {"conversation_id": run.conversation_id, "options": {"cancel_pending": True}}
    with pytest.raises(errors.NoSuchTool):
        await start(ada, "And now?", tools=["nothing"], **cancels)
    with pytest.raises(catalog.CatalogError):
        await start(ada, "And now?", model="nobody/nothing", **cancels)
    assert (await readers.run(Run.objects.get, pk=run.pk)).status == "awaiting_approval"


async def test_a_call_whose_answer_is_lost_may_have_taken_effect(
    ada: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    stores = records.answer

    def breaks_once(outcome: CallOutcome) -> None:
        monkeypatch.setattr(records, "answer", stores)
        raise ValueError("no database takes this")

    monkeypatch.setattr(records, "answer", breaks_once)
    run_id = await start(ada, "[[call clock {}]]")
    assert (await until(run_id, "failed")).stop_reason == "error"
    assert (await calls(run_id))["clock"].status == "interrupted"
    (answer,) = await results(run_id)
    assert answer.startswith("Interrupted while it was being executed")


async def test_a_check_that_breaks_does_not_break_the_run(ada: Person, no_tools_of_a_test: None) -> None:
    def broken(value: str) -> str:
        raise KeyError(value)

    @tool(requires_approval=True)
    def send(to: Annotated[str, AfterValidator(broken)]) -> None:
        """Send money."""

    run_id = await start(ada, '[[call send {"to": "eve"}]]', tools=["send"])
    assert (await until(run_id, "completed", "failed")).status == "completed"
    assert (await calls(run_id))["send"].status == "failed"


async def test_a_run_that_cannot_be_ended_keeps_no_other_one_from_it(ada: Person) -> None:
    good = await paused_run(ada)
    # The newest is ended first.
    bad = await paused_run(ada)

    def spoil() -> None:
        bad.steps.all().delete()
        Run.objects.update(awaiting_until=timezone.now())

    await readers.run(spoil)
    await supervisor.current()._end_overdue()
    await until(good.pk, "failed")


async def test_what_a_tool_left_behind_did_stays_noted(ada: Person) -> None:
    run = await paused_run(ada)
    call = (await calls(run.pk))["clock"]
    outcome = CallOutcome(
        id=call.pk, call_id=call.call_id, name="clock", status=ToolCallStatus.TIMED_OUT, content="Too slow."
    )
    # The answer before it was being committed meanwhile.
    await readers.run(records.note, call.pk, "Its result came too late.")
    await readers.run(records.answer, outcome)
    assert (await calls(run.pk))["clock"].note == "Its result came too late."


async def test_a_cancel_that_is_stored_behind_a_decision_stops_at_once(
    ada: Person, no_tools_of_a_test: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    @tool(requires_approval=True)
    async def linger() -> None:
        """Take for ever."""
        await asyncio.Event().wait()

    run = await paused_run(ada, text="[[call linger {}]]", tools=["linger"])
    resume = await resume_of(run.pk)
    journal = supervisor.current().journal
    execute = journal.execute

    async def decided_before(apply: Any, **about: Any) -> Any:
        monkeypatch.undo()
        await resolving.resolve(ada.user.pk, run.pk, resume)
        return await execute(apply, **about)

    monkeypatch.setattr(journal, "execute", decided_before)
    await sync_to_async(lambda: services.cancel_from_thread(ada.user.pk, run.pk))()
    await until(run.pk, "cancelled")


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


@pytest.mark.parametrize(("arguments", "unreadable"), [("[1]", 1), ('{"zone": "UTC"}', 0)])
async def test_unreadable_steps_before_a_pause_are_remembered(
    arguments: str, unreadable: int, ada: Person
) -> None:
    text = f'[[call clock {arguments}]][[call write_note {{"text": "oat milk"}}]]'
    run = await paused_run(ada, text=text)
    found = await readers.run(paused.read, run.pk)
    assert found is not None
    assert found.resume_point(()).unreadable_steps == unreadable
