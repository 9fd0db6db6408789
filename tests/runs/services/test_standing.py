"""Runs whose owners have decided beforehand: nobody is asked, and the decision is stored as one of a person is."""

from typing import Any

import pytest

from concurrency.threads import readers
from runs import services
from runs.errors import Unsupported
from runs.models import AuditEntry, StandingDecision
from runs.models.standing_decision import Verdict
from runs.services import resolving, standing
from tests.runs.conftest import Person
from tests.runs.rows import make_group
from tests.runs.services.waiting_runs import calls, paused_run, results, resume_of, start, until

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("server")]


async def decide(person: Person, verdict: Verdict, pattern: str, **fields: Any) -> StandingDecision:
    return await readers.run(lambda: standing.add(person.user, verdict, pattern, **fields))


async def test_an_allowed_call_is_executed_without_a_pause(ada: Person) -> None:
    made = await decide(ada, Verdict.ALLOW, "write_*")
    run = await until(await start(ada), "completed", "failed", "awaiting_approval")
    assert (run.status, run.segment) == ("completed", 1)
    assert "The note is written." in await results(run.pk)
    call = (await calls(run.pk))["write_note"]
    assert (call.status, call.decision, call.standing_decision) == ("succeeded", "approved", made.pk)
    assert (call.decided_by_id, call.decided_digest) == (ada.user.pk, call.digest)
    (entry,) = await readers.run(lambda: list(AuditEntry.objects.filter(target="runs.toolcall")))
    assert (entry.action, entry.actor_name, entry.target_id) == ("approved", "ada", str(call.pk))
    assert f"standing decision {made.pk}" in entry.summary
    await readers.run(made.refresh_from_db)
    assert made.last_used_at is not None


async def test_a_denied_call_is_not_executed_and_the_model_is_told(ada: Person) -> None:
    await decide(ada, Verdict.DENY, "write_note")
    await decide(ada, Verdict.ALLOW, "*")
    run = await until(await start(ada), "completed", "failed", "awaiting_approval")
    assert run.status == "completed"
    call = (await calls(run.pk))["write_note"]
    assert (call.status, call.decision, call.is_error, call.started_at) == ("denied", "denied", True, None)
    assert "Denied by a standing decision of the user" in call.result
    assert call.result in await results(run.pk)


async def test_ask_asks_about_a_tool_that_needs_no_approval(ada: Person) -> None:
    await decide(ada, Verdict.ASK, "clock")
    run = await paused_run(ada, text='[[call clock {"zone": "UTC"}]]')
    assert (await calls(run.pk))["clock"].status == "pending"
    await resolving.resolve(ada.user.pk, run.pk, await resume_of(run.pk))
    await until(run.pk, "completed")
    assert (await calls(run.pk))["clock"].status == "succeeded"


async def test_it_holds_only_in_its_conversation_and_only_for_its_user(ada: Person, eve: Person) -> None:
    first = await paused_run(ada)
    await services.cancel(ada.user.pk, first.pk)
    await until(first.pk, "cancelled")
    await decide(ada, Verdict.ALLOW, "write_note", conversation_id=first.conversation_id)
    here = await start(ada, conversation_id=first.conversation_id)
    assert (await until(here, "completed", "awaiting_approval")).status == "completed"
    await paused_run(ada)
    await paused_run(eve)


@pytest.mark.parametrize("way", ["setting", "group"])
async def test_an_admin_switches_allowing_off_for_all_or_for_a_group(
    ada: Person, settings: Any, way: str
) -> None:
    await decide(ada, Verdict.ALLOW, "write_note")
    await decide(ada, Verdict.DENY, "clock")
    if way == "setting":
        settings.RUNNEL_STANDING_DECISIONS = False
    else:
        await readers.run(lambda: make_group(ada.user, "guests", standing_decisions=False))
    run = await paused_run(ada)
    statuses = {name: call.status for name, call in (await calls(run.pk)).items()}
    assert statuses == {"write_note": "pending", "clock": "held"}
    with pytest.raises(Unsupported, match="an admin has switched that off"):
        await decide(ada, Verdict.ALLOW, "calculate")
    await decide(ada, Verdict.ASK, "calculate")


@pytest.mark.parametrize("is_revoked", [True, False])
async def test_what_is_revoked_while_the_call_is_held_allows_nothing(ada: Person, is_revoked: bool) -> None:
    made = await decide(ada, Verdict.ALLOW, "write_note")
    await decide(ada, Verdict.ASK, "clock")
    run = await paused_run(ada)
    statuses = {name: call.status for name, call in (await calls(run.pk)).items()}
    assert statuses == {"write_note": "held", "clock": "pending"}
    if is_revoked:
        await readers.run(lambda: standing.revoke(ada.user, made.pk))
    await resolving.resolve(ada.user.pk, run.pk, await resume_of(run.pk))
    await until(run.pk, "completed")
    note = (await calls(run.pk))["write_note"]
    assert note.status == ("failed" if is_revoked else "succeeded")
    assert ("nobody was asked about this call" in note.result) is is_revoked


async def test_a_denied_call_stays_denied_behind_one_that_waits(ada: Person) -> None:
    await decide(ada, Verdict.DENY, "write_note")
    await decide(ada, Verdict.ASK, "clock")
    run = await paused_run(ada)
    await resolving.resolve(ada.user.pk, run.pk, await resume_of(run.pk))
    await until(run.pk, "completed")
    assert {name: call.status for name, call in (await calls(run.pk)).items()} == {
        "write_note": "denied",
        "clock": "succeeded",
    }
