"""The audit log: what is noted, by whom and from where, and that nobody changes it."""

from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import Group, Permission, User
from django.core.management import call_command
from django.db import transaction
from django.test import Client

from concurrency.threads import readers
from providers.models import Provider
from runs.models import ApiToken, AuditEntry, GroupLimits, McpServer
from runs.states import RunStatus
from tests.runs.conftest import Connect, Person
from tests.runs.rows import make_run, make_step, make_user

pytestmark = [
    pytest.mark.django_db,
    # Unfold 0.110 has not followed Django 6.1 here yet.
    pytest.mark.filterwarnings("ignore:Overriding get_action_choices"),
]

CANARY = "canary-of-an-audit-97531"
LOG = "/admin/runs/auditentry/"


@pytest.fixture
def root() -> User:
    user: User = make_user("root", is_staff=True, is_superuser=True)
    return user


@pytest.fixture
def admin(root: User) -> Client:
    browser = Client(REMOTE_ADDR="203.0.113.7")
    browser.force_login(root)
    AuditEntry.objects.all()._raw_delete("default")
    return browser


def entries() -> list[tuple[str, str, str]]:
    return [(entry.action, entry.target, entry.summary) for entry in AuditEntry.objects.order_by("pk")]


def test_it_says_who_and_from_where(admin: Client, root: User) -> None:
    admin.post(
        "/admin/auth/group/add/", {"name": "readers", "limits-TOTAL_FORMS": 0, "limits-INITIAL_FORMS": 0}
    )
    entry = AuditEntry.objects.get(target="auth.group")
    assert (entry.action, entry.actor, entry.actor_name, entry.address) == (
        "added",
        root,
        "root",
        "203.0.113.7",
    )
    assert (entry.target_id, entry.summary) == (str(Group.objects.get().pk), "readers")


def test_a_look_at_what_people_wrote_is_noted_and_a_list_is_not(admin: Client) -> None:
    run = make_run(owner=make_user("ada"))
    make_step(run)
    AuditEntry.objects.all()._raw_delete("default")
    for page in ("/admin/runs/run/", "/admin/runs/conversation/", "/admin/providers/providertrace/", LOG):
        assert admin.get(page).status_code == 200
    assert entries() == []
    assert admin.get(f"/admin/runs/run/{run.pk}/change/").status_code == 200
    assert admin.get(f"/admin/runs/conversation/{run.conversation_id}/change/").status_code == 200
    assert admin.get(f"/admin/runs/run/{ApiToken().pk}/change/").status_code != 200
    found = AuditEntry.objects.order_by("pk").values_list("action", "target", "target_id")
    assert list(found) == [
        ("viewed", "runs.run", str(run.pk)),
        ("viewed", "runs.conversation", str(run.conversation_id)),
    ]


def test_saving_a_user_unchanged_is_no_change(admin: Client) -> None:
    ada = make_user("ada")
    AuditEntry.objects.all()._raw_delete("default")
    # The form sends times back in whole seconds.
    form = {
        "username": "ada",
        "email": ada.email,
        "is_active": "on",
        "date_joined_0": f"{ada.date_joined:%Y-%m-%d}",
        "date_joined_1": f"{ada.date_joined:%H:%M:%S}",
    }
    assert admin.post(f"/admin/auth/user/{ada.pk}/change/", form).status_code == 302
    assert entries() == []
    assert (
        admin.post(f"/admin/auth/user/{ada.pk}/change/", {**form, "date_joined_1": "00:00:00"}).status_code
        == 302
    )
    assert entries() == [("changed", "auth.user", "ada: date_joined")]


@pytest.mark.parametrize("door", ["/login/", "/admin/login/"])
def test_sign_ins_and_sign_outs_are_noted(door: str) -> None:
    user = make_user("ada", is_staff=True)
    user.set_password("secret-words")
    user.save()
    AuditEntry.objects.all()._raw_delete("default")
    browser = Client(REMOTE_ADDR="203.0.113.9")
    for name, password in (("ada", "wrong"), (CANARY, CANARY), ("ada", "secret-words")):
        browser.post(door, {"username": name, "password": password})
    browser.post("/logout/")
    browser.post("/logout/")
    found = AuditEntry.objects.order_by("pk").values_list(
        "action", "actor_name", "target_id", "summary", "address"
    )
    here, ada = "203.0.113.9", str(user.pk)
    assert list(found) == [
        ("sign-in failed", "", ada, "ada", here),
        ("sign-in failed", "", "", "with a name that nobody has", here),
        ("signed in", "ada", ada, "ada", here),
        ("signed out", "ada", ada, "ada", here),
    ]


def test_a_lock_is_noted_once_and_what_it_refuses_is_not(settings: Any) -> None:
    make_user("ada")
    settings.RUNNEL_SIGN_IN_FAILURES_PER_ADDRESS = 14
    AuditEntry.objects.all()._raw_delete("default")
    browser = Client(REMOTE_ADDR="203.0.113.9")
    for name in ["ada"] * 15 + ["eve", "bob", "dan", "may", "joe"]:
        browser.post("/login/", {"username": name, "password": "wrong"})
    failed = ("sign-in failed", "auth.user", "ada")
    unknown = ("sign-in failed", "auth.user", "with a name that nobody has")
    assert entries() == [
        *[failed] * 10,
        ("locked out", "auth.user", "ada, from this address"),
        *[unknown] * 4,
        ("locked out", "auth.user", "all names, from this address"),
    ]


def test_a_changed_key_is_noted_by_its_name_only(root: User) -> None:
    provider = Provider(slug="mine", label="Mine", kind="openai-compatible", base_url="https://8.8.8.8/v1")
    provider.save()
    server = McpServer(name="rivers", transport="http", url="https://8.8.8.8/mcp")
    server.seal({"X-Key": CANARY})
    server.save()
    provider.sealed_key = f"sealed {CANARY}"
    provider.save()
    server.url, server.requires_approval = "https://9.9.9.9/mcp", False
    server.save()
    server.delete()
    summaries = [summary for _, target, summary in entries() if target.startswith(("prov", "runs.mcp"))]
    assert summaries == ["mine", "rivers", "mine: key", "rivers: url, requires_approval", "rivers"]
    assert not AuditEntry.objects.filter(summary__contains=CANARY).exists()


def test_users_groups_and_limits_are_noted() -> None:
    ada, group = make_user("ada"), Group.objects.create(name="readers")
    AuditEntry.objects.all()._raw_delete("default")
    ada.is_superuser, ada.email = True, "ada@elsewhere.example"
    ada.save()
    ada.groups.add(group)
    permission = Permission.objects.get(codename="view_run")
    ada.user_permissions.add(permission)
    limits = GroupLimits.objects.create(group=group, runs=3)
    limits.runs = 4
    limits.save()
    ada.set_password("a river in another wood")
    ada.save()
    ada.groups.clear()
    ada.delete()
    assert entries() == [
        ("changed", "auth.user", "ada: is_superuser, email"),
        ("changed", "auth.user", f"ada: groups: add {group.pk}"),
        ("changed", "auth.user", f"ada: permissions: add {permission.pk}"),
        ("added", "runs.grouplimits", "limits of readers"),
        ("changed", "runs.grouplimits", "limits of readers: runs"),
        ("changed", "auth.user", "ada: password"),
        ("changed", "auth.user", "ada: groups: clear"),
        ("deleted", "auth.user", "ada"),
    ]


def test_a_sign_in_that_hashes_anew_is_no_change_of_the_password(settings: Any) -> None:
    make_user("ada")
    AuditEntry.objects.all()._raw_delete("default")
    settings.PASSWORD_HASHERS = [
        "django.contrib.auth.hashers.PBKDF2PasswordHasher",
        *settings.PASSWORD_HASHERS,
    ]
    before = User.objects.get().password
    form = {"username": "ada", "password": "secret-words"}
    assert Client().post("/login/", form)["Location"] == "/"
    assert User.objects.get().password != before
    assert entries() == [("signed in", "auth.user", "ada")]


def test_what_is_undone_is_not_noted() -> None:
    with transaction.atomic():
        Group.objects.create(name="readers")
        assert AuditEntry.objects.exists()
        transaction.set_rollback(True)
    assert entries() == []


def test_tokens_are_noted_when_they_are_made_and_revoked(admin: Client) -> None:
    ada = make_user("ada")
    AuditEntry.objects.all()._raw_delete("default")
    call_command("api_token", "ada", "--name", "robot")
    made = AuditEntry.objects.get()
    assert (made.action, made.actor, made.actor_name, made.address) == ("added", None, "", "")
    assert made.summary == f"robot (of user {ada.pk})"
    browser = Client(REMOTE_ADDR="198.51.100.4")
    browser.force_login(ada)
    browser.post(f"/tokens/{ApiToken.objects.get().pk}/revoke/")
    revoked = AuditEntry.objects.latest("pk")
    assert (revoked.action, revoked.actor, revoked.address) == ("deleted", ada, "198.51.100.4")


def test_an_admin_who_cancels_a_run_is_noted(admin: Client, root: User) -> None:
    run, over = (
        make_run(owner=make_user(name), status=status)
        for name, status in (("ada", RunStatus.RUNNING), ("eve", RunStatus.COMPLETED))
    )
    AuditEntry.objects.all()._raw_delete("default")
    admin.post("/admin/runs/run/", {"action": "cancel_selected", "_selected_action": [run.pk, over.pk]})
    entry = AuditEntry.objects.get()
    assert (entry.action, entry.actor, entry.target_id) == ("cancelled", root, str(run.pk))


def test_a_conversation_that_an_admin_deletes_is_noted_and_ones_own_is_not(admin: Client) -> None:
    ada = make_user("ada")
    theirs, own = make_run(owner=ada).conversation, make_run(owner=ada).conversation
    AuditEntry.objects.all()._raw_delete("default")
    browser = Client()
    browser.force_login(ada)
    assert browser.delete(f"/api/conversations/{own.pk}/").status_code == 204
    assert entries() == [("signed in", "auth.user", "ada")]
    admin.post(f"/admin/runs/conversation/{theirs.pk}/delete/", {"post": "yes"})
    assert ("deleted", "runs.conversation", f"of user {ada.pk}") in entries()


def test_not_even_a_superuser_changes_or_deletes_an_entry(admin: Client) -> None:
    Group.objects.create(name="readers")
    entry = AuditEntry.objects.get()
    assert admin.get(f"{LOG}{entry.pk}/change/").status_code == 200
    assert admin.get(f"{LOG}add/").status_code == 403
    assert admin.post(f"{LOG}{entry.pk}/change/", {"summary": "nothing"}).status_code == 403
    assert admin.post(f"{LOG}{entry.pk}/delete/", {"post": "yes"}).status_code == 403
    admin.post(LOG, {"action": "delete_selected", "_selected_action": [entry.pk], "post": "yes"})
    assert AuditEntry.objects.get().summary == "readers"
    entry.summary = "nothing"
    for change in (entry.save, entry.delete):
        with pytest.raises(TypeError):
            change()


def test_it_is_for_those_only_who_may_view_it() -> None:
    helper = make_user("helper", is_staff=True)
    browser = Client()
    browser.force_login(helper)
    assert browser.get(LOG).status_code == 403
    helper.user_permissions.add(Permission.objects.get(codename="view_auditentry"))
    assert browser.get(LOG).status_code == 200


def test_an_entry_outlives_its_user(admin: Client, root: User) -> None:
    admin.post(
        "/admin/auth/group/add/", {"name": "readers", "limits-TOTAL_FORMS": 0, "limits-INITIAL_FORMS": 0}
    )
    root.delete()
    entry = AuditEntry.objects.get(target="auth.group")
    assert (entry.actor, entry.actor_name) == (None, "root")


@pytest.mark.parametrize(
    ("payload", "action"), [({"approved": True}, "approved"), ({"approved": False}, "denied")]
)
@pytest.mark.django_db(transaction=True)
async def test_a_decision_is_noted_with_it(payload: Any, action: str, ada: Person, connect: Connect) -> None:
    socket = await connect(ada)
    text = '[[call write_note {"text": "oat milk"}]]'
    run_id = (await socket.start("emulator/calls", text, options={"tools": ["write_note"]}))["run_id"]
    end = await socket.ended(run_id)
    [waiting] = end["outcome"]["interrupts"]
    entry = {
        "interruptId": waiting["id"],
        "status": "resolved",
        "payload": payload,
        "metadata": {"digest": waiting["metadata"]["digest"]},
    }
    assert (await socket.ask("resolve", run_id=run_id, resume=[entry]))["type"] == "ok"
    noted = await readers.run(AuditEntry.objects.select_related("actor").get, action=action)
    assert (noted.actor, noted.actor_name) == (ada.user, "ada")
    assert (noted.target, noted.target_id) == ("runs.toolcall", waiting["id"])
    assert noted.summary == f"write_note in run {run_id}"
    assert await sync_to_async(AuditEntry.objects.filter(target="runs.toolcall").count)() == 1
