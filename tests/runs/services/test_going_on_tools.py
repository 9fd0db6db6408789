"""Tools of runs that wait and go on: slow ones, broken ones, and those that change meanwhile."""

import asyncio
from dataclasses import replace
from typing import Annotated, Any

import pytest
from asgiref.sync import sync_to_async
from pydantic import AfterValidator

from concurrency.threads import readers
from runs import services
from runs.calls import records
from runs.calls.outcomes import CallOutcome
from runs.engine import supervisor
from runs.models.tool_call import ToolCallStatus
from runs.services import resolving
from runs.toolbox import registry, tool
from tests.runs.conftest import Person
from tests.runs.services.waiting_runs import calls, paused_run, results, resume_of, start, until

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("server")]


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
