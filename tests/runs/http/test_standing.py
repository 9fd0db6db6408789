"""Standing decisions over HTTP: a user makes, sees and revokes their own."""

from typing import Any

import pytest
from django.test import Client

from runs.models import ApiToken, AuditEntry, StandingDecision
from runs.models.standing_decision import Verdict
from runs.services import standing
from runs.toolbox import registry, tool
from tests.runs.rows import make_run, make_user

pytestmark = pytest.mark.django_db

ADDRESS = "/api/standing-decisions/"


@pytest.fixture
def ada() -> Any:
    return make_user("ada")


@pytest.fixture
def browser(ada: Any) -> Client:
    signed_in = Client()
    signed_in.force_login(ada)
    return signed_in


def make(client: Client, verdict: str, pattern: Any, **fields: Any) -> Any:
    sent = {"verdict": verdict, "pattern": pattern, **fields}
    return client.post(ADDRESS, sent, content_type="application/json")


def listed(client: Client) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = client.get(ADDRESS).json()["decisions"]
    return found


def test_a_decision_is_made_listed_and_revoked_and_all_of_it_is_audited(browser: Client, ada: Any) -> None:
    conversation = make_run(owner=ada, title="On rivers").conversation
    made = make(browser, "allow", "write_*", conversation_id=str(conversation.pk))
    assert made.status_code == 201
    (row,) = listed(browser)
    assert row["id"] == made.json()["id"]
    assert (row["verdict"], row["pattern"], row["tools"]) == ("allow", "write_*", ["write_note"])
    assert (row["conversation_title"], row["changed"], row["last_used_at"]) == ("On rivers", [], None)
    assert browser.delete(f"{ADDRESS}{row['id']}/").status_code == 204
    assert listed(browser) == []
    noted = AuditEntry.objects.filter(target="runs.standingdecision").order_by("pk")
    assert [(entry.action, entry.actor_name) for entry in noted] == [("added", "ada"), ("deleted", "ada")]
    assert noted[0].summary == f"allow write_* in one conversation (of user {ada.pk})"


def test_one_about_the_same_tools_in_the_same_place_replaces_the_one_before(browser: Client) -> None:
    for verdict in ("allow", "deny", "ask"):
        make(browser, verdict, "clock")
    assert [row["verdict"] for row in listed(browser)] == ["ask"]


@pytest.mark.parametrize(
    ("verdict", "pattern", "fields"),
    [
        ("maybe", "clock", {}),
        ("deny", "", {}),
        ("deny", "a" * 101, {}),
        ("deny", "<img src=x onerror=alert(1)>", {}),
        ("deny", "clock\n", {}),
        ("deny", "[a-z]", {}),
        ("deny", ["clock"], {}),
        ("deny", None, {}),
        ("allow", "no_such_tool", {}),
        ("deny", "clock", {"conversation_id": "x"}),
        ("deny", "clock", {"conversation_id": 7}),
        ("deny", "clock", {"more": 1}),
    ],
)
def test_what_is_no_decision_is_refused(
    browser: Client, verdict: str, pattern: Any, fields: dict[str, Any]
) -> None:
    answer = make(browser, verdict, pattern, **fields)
    assert (answer.status_code, answer.json()["code"]) == (400, "bad_request")
    assert not StandingDecision.objects.exists()


def test_a_foreign_conversation_and_a_foreign_decision_look_absent(browser: Client) -> None:
    eve = make_user("eve")
    run = make_run(owner=eve)
    assert make(browser, "deny", "clock", conversation_id=str(run.conversation_id)).status_code == 404
    hers = standing.add(eve, Verdict.DENY, "clock")
    assert browser.delete(f"{ADDRESS}{hers.pk}/").status_code == 404
    assert listed(browser) == []
    assert StandingDecision.objects.get() == hers


def test_it_says_which_tools_have_changed_since(
    browser: Client, monkeypatch: pytest.MonkeyPatch, ada: Any
) -> None:
    monkeypatch.setattr(registry, "_tools", {})

    @tool(requires_approval=True)
    def wipe() -> None:
        """Wipe the disk."""

    make(browser, "allow", "wipe")
    assert listed(browser)[0]["changed"] == []
    monkeypatch.setattr(registry, "_tools", {})

    @tool(requires_approval=True, name="wipe")
    def wipe_more(path: str) -> None:
        """Wipe all disks."""

    assert listed(browser)[0]["changed"] == ["wipe"]


def test_nothing_is_allowed_where_an_admin_has_switched_that_off(browser: Client, settings: Any) -> None:
    settings.RUNNEL_STANDING_DECISIONS = False
    answer = make(browser, "allow", "write_note")
    assert (answer.status_code, answer.json()["code"]) == (409, "unsupported")
    assert "an admin has switched that off" in answer.json()["message"]
    assert make(browser, "deny", "write_note").status_code == 201
    assert browser.get(ADDRESS).json()["may_allow"] is False


def test_nobody_has_decisions_without_number(browser: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(standing, "MOST", 2)
    answers = [make(browser, "deny", pattern).status_code for pattern in ("a", "b", "c", "b")]
    assert answers == [201, 201, 409, 201]


@pytest.mark.parametrize(("scopes", "status"), [(["run"], 403), (["read"], 403), (["approve"], 201)])
def test_a_token_needs_the_scope_that_a_decision_needs(ada: Any, scopes: list[str], status: int) -> None:
    program = Client(headers={"authorization": f"Bearer {ApiToken.issue(ada, scopes=scopes)[1]}"})
    assert make(program, "allow", "write_note").status_code == status
    row = standing.add(ada, Verdict.DENY, "clock")
    assert (program.delete(f"{ADDRESS}{row.pk}/").status_code == 204) is (status == 201)


def test_an_admin_sees_and_revokes_them(ada: Any, client: Client) -> None:
    client.force_login(make_user("root", is_staff=True, is_superuser=True))
    row = standing.add(ada, Verdict.DENY, "clock")
    page = client.get("/admin/runs/standingdecision/").text
    assert "clock" in page
    assert "all conversations" in page
    assert client.post(f"/admin/runs/standingdecision/{row.pk}/delete/", {"post": "yes"}).status_code == 302
    assert not StandingDecision.objects.exists()
