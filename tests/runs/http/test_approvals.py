"""What waits for a user, in all conversations: listed, counted, and decided with what the list tells."""

from typing import Any

import pytest
from django.test import Client

from concurrency.threads import readers
from runs import services
from runs.http import approvals
from runs.log import replay
from runs.models import Conversation, StandingDecision
from runs.models.standing_decision import Verdict
from runs.services import resolving, standing
from tests.runs.conftest import Person
from tests.runs.rows import make_user
from tests.runs.services.waiting_runs import paused_run, until

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("server")]


def signed_in(user: Any) -> Client:
    browser = Client()
    browser.force_login(user)
    return browser


async def waiting(person: Person, query: str = "") -> dict[str, Any]:
    found: dict[str, Any] = await readers.run(
        lambda: signed_in(person.user).get(f"/api/approvals/{query}").json()
    )
    return found


async def test_it_lists_what_waits_with_all_that_a_decision_needs(ada: Person) -> None:
    run = await paused_run(ada)
    found = await waiting(ada)
    (row,) = found["runs"]
    assert found["count"] == 1
    assert (row["run_id"], row["conversation_id"]) == (str(run.pk), str(run.conversation_id))
    assert (row["title"], row["last_seq"]) == (
        (await readers.run(lambda: run.conversation)).title,
        run.last_seq,
    )
    (interrupt,) = row["interrupts"]
    assert interrupt["metadata"]["name"] == "write_note"
    # JSON of Django's has milliseconds.
    assert interrupt["expiresAt"][:23] == row["expires_at"][:23]
    assert "text" in interrupt["responseSchema"]["properties"]["editedArgs"]["properties"]
    decision = {
        "interruptId": interrupt["id"],
        "status": "resolved",
        "payload": {"approved": True},
        "metadata": {"digest": interrupt["metadata"]["digest"]},
    }
    await resolving.resolve(ada.user.pk, run.pk, [decision])
    await until(run.pk, "completed")
    assert await waiting(ada) == {"count": 0, "runs": []}


async def test_the_list_says_the_same_as_the_event(ada: Person) -> None:
    run = await paused_run(ada)
    events = await readers.run(lambda: list(replay.events(run.pk)))
    (row,) = (await waiting(ada))["runs"]
    assert row["interrupts"] == events[-1]["outcome"]["interrupts"]


async def test_only_the_count_is_told_to_who_asks_for_it(ada: Person, eve: Person) -> None:
    await paused_run(ada)
    await paused_run(ada)
    assert await waiting(ada, "?only=count") == {"count": 2}
    assert await waiting(eve, "?only=count") == {"count": 0}
    assert await waiting(eve) == {"count": 0, "runs": []}


async def test_what_was_cancelled_or_deleted_waits_no_more(ada: Person) -> None:
    run, other = await paused_run(ada), await paused_run(ada)
    await services.cancel(ada.user.pk, run.pk)
    await until(run.pk, "cancelled")
    assert (await waiting(ada))["count"] == 1
    await readers.run(
        lambda: Conversation.objects.filter(pk=other.conversation_id).update(erased_at=other.created_at)
    )
    assert (await waiting(ada))["count"] == 0


async def test_long_arguments_are_read_in_their_conversation(
    ada: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(approvals, "_LONGEST_ARGUMENTS", 10)
    await paused_run(ada)
    (row,) = (await waiting(ada))["runs"]
    assert "arguments" not in row["interrupts"][0]["metadata"]


def test_the_page_makes_and_revokes_standing_decisions() -> None:
    user = make_user("ada")
    browser = signed_in(user)
    assert browser.post("/approvals/", {"verdict": "deny", "pattern": "github__*"}).status_code == 302
    assert "github__*" in browser.get("/approvals/").text
    row = StandingDecision.objects.get()
    foreign = standing.add(make_user("eve"), Verdict.DENY, "hers")
    assert browser.post(f"/approvals/standing/{foreign.pk}/revoke/").status_code == 404
    assert browser.post(f"/approvals/standing/{row.pk}/revoke/").status_code == 302
    assert list(StandingDecision.objects.all()) == [foreign]


def test_the_page_says_why_it_refuses(settings: Any) -> None:
    browser = signed_in(make_user("ada"))
    assert "errorlist" in browser.post("/approvals/", {"verdict": "deny", "pattern": "<b>"}).text
    assert (
        "No tool that you may use" in browser.post("/approvals/", {"verdict": "allow", "pattern": "x"}).text
    )
    settings.RUNNEL_STANDING_DECISIONS = False
    assert "switched off" in browser.get("/approvals/").text
    assert "errorlist" in browser.post("/approvals/", {"verdict": "allow", "pattern": "clock"}).text
    assert not StandingDecision.objects.exists()
