"""Shares over HTTP: who may make and revoke them, and what others read through them."""

import json
import re
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from runs.http.shared import HEADERS
from runs.models import AuditEntry, Conversation, File, Message, Run, Share
from runs.models.share import Share as ShareRow
from runs.services import sharing
from runs.states import RunStatus
from runs.store import files
from tests.runs.rows import make_call, make_run, make_step, make_user

pytestmark = pytest.mark.django_db

PNG = b"\x89PNG\r\n\x1a\n" + bytes(32)


@pytest.fixture
def ada() -> Any:
    return make_user("ada")


@pytest.fixture
def eve() -> Any:
    return make_user("eve")


def browser(user: User | None = None) -> Client:
    client = Client()
    if user is not None:
        client.force_login(user)
    return client


def send(client: Client, method: str, address: str, **fields: Any) -> Any:
    return client.generic(method, address, json.dumps(fields), content_type="application/json")


def make_share(client: Client, run: Run, **fields: Any) -> Any:
    return send(client, "POST", f"/api/conversations/{run.conversation_id}/shares/", **fields)


def said(run: Run) -> None:
    parts = [{"kind": "text", "text": "What I asked"}]
    Message.objects.create(conversation=run.conversation, run=run, role="user", position=1, parts=parts)


def test_a_link_leads_to_the_conversation_without_a_sign_in(ada: User) -> None:
    run = make_run(owner=ada, title="For you", model="emulator/hello")
    said(run)
    made = make_share(browser(ada), run)
    assert made.status_code == 201
    found = re.fullmatch(r"http://testserver/s/([\w-]{43})/", made.json()["url"])
    assert found
    secret = found[1]
    page = browser().get(f"/s/{secret}/")
    assert page.status_code == 200
    assert "ada" in page.text
    assert "For you" not in page.text
    stored = browser().get(f"/api/shared/{secret}/").json()
    assert stored["title"] == "For you"
    assert stored["messages"][0]["text"] == "What I asked"
    assert stored["shared"] == {"owner": "ada", "may_stop": False}
    assert not {"tools", "cost", "cost_is"} & stored.keys()
    row = Share.objects.get()
    assert secret not in str(Share.objects.values())
    assert row.digest == ShareRow.digest_of(secret)


def test_the_pages_of_a_link_are_kept_by_nobody_and_tell_nobody_their_address(ada: User) -> None:
    share, secret = Share.make_link(make_run(owner=ada).conversation, may_stop=False)
    for address in (f"/s/{secret}/", f"/api/shared/{secret}/", "/s/unknown/", "/api/shared/unknown/"):
        answer = browser().get(address)
        for name, value in HEADERS.items():
            assert answer.headers[name] == value
        assert "no-store" in answer.headers["Cache-Control"]
    html = browser().get(f"/s/{secret}/").text
    assert '<meta name="robots" content="noindex' in html
    assert share.conversation.title not in html


def test_a_revoked_link_answers_like_one_that_never_was(ada: User) -> None:
    run = make_run(owner=ada)
    share, secret = Share.make_link(run.conversation, may_stop=True)
    address = f"/api/shares/{share.pk}/"
    assert browser(ada).delete(address).status_code == 204
    assert browser(ada).delete(address).status_code == 404
    for pattern in ("/s/{}/", "/api/shared/{}/", "/api/shared/{}/files/" + str(run.pk) + "/"):
        answers = [browser().get(pattern.format(each)) for each in (secret, "x" * 43, "é\u202e")]
        assert [answer.status_code for answer in answers] == [404, 404, 404]
        assert answers[0].content == answers[1].content == answers[2].content


@pytest.mark.parametrize("end", ["deleted", "owner closed", "links off"])
def test_a_link_leads_nowhere_once(end: str, ada: User, settings: Any) -> None:
    run = make_run(owner=ada)
    _, secret = Share.make_link(run.conversation, may_stop=False)
    assert browser().get(f"/s/{secret}/").status_code == 200
    if end == "deleted":
        assert browser(ada).delete(f"/api/conversations/{run.conversation_id}/").status_code == 204
    elif end == "owner closed":
        User.objects.filter(pk=ada.pk).update(is_active=False)
    else:
        settings.RUNNEL_SHARE_LINKS = False
    assert browser().get(f"/s/{secret}/").status_code == 404
    assert browser().get(f"/api/shared/{secret}/").status_code == 404


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_nothing_can_be_sent_to_a_link(method: str, ada: User) -> None:
    _, secret = Share.make_link(make_run(owner=ada).conversation, may_stop=True)
    for address in (f"/s/{secret}/", f"/api/shared/{secret}/"):
        assert send(browser(), method, address).status_code == 405


def test_a_user_reads_what_is_shared_with_them_and_changes_nothing(ada: User, eve: User) -> None:
    run = make_run(owner=ada, title="Ada's", status=RunStatus.RUNNING)
    said(run)
    address = f"/api/conversations/{run.conversation_id}/"
    assert browser(eve).get(address).status_code == 404
    assert make_share(browser(ada), run, username="eve").json()["username"] == "eve"
    stored = browser(eve).get(address).json()
    assert stored["shared"] == {"owner": "ada", "may_stop": False}
    assert "tools" not in stored
    assert browser(eve).get(f"/c/{run.conversation_id}/").status_code == 200
    listed = browser(eve).get("/api/conversations/").json()
    assert [(each["title"], each["shared_by"]) for each in listed["shared"]] == [("Ada's", "ada")]
    assert listed["conversations"] == []
    assert browser(eve).get("/api/conversations/", {"q": "asked"}).json()["conversations"] == []
    before = list(Conversation.objects.values()), list(Run.objects.values()), list(Share.objects.values())
    for method, path in (
        ("PATCH", ""),
        ("DELETE", ""),
        ("POST", "restore/"),
        ("GET", "shares/"),
        ("POST", "shares/"),
        ("PUT", "tools/"),
    ):
        answer = send(browser(eve), method, address + path, title="Eve's")
        assert answer.status_code == 404, (method, path)
    assert send(browser(eve), "POST", f"/api/runs/{run.pk}/cancel/").status_code == 404
    share = Share.objects.get()
    assert send(browser(eve), "PATCH", f"/api/shares/{share.pk}/", may_stop=True).status_code == 404
    assert browser(eve).delete(f"/api/shares/{share.pk}/").status_code == 404
    after = list(Conversation.objects.values()), list(Run.objects.values()), list(Share.objects.values())
    assert after == before


def test_a_user_may_leave_what_is_shared_with_them(ada: User, eve: User) -> None:
    run = make_run(owner=ada)
    make_share(browser(ada), run, username="eve")
    address = f"/api/conversations/{run.conversation_id}/shares/"
    assert browser(eve).delete(address).status_code == 204
    assert browser(eve).get(f"/api/conversations/{run.conversation_id}/").status_code == 404
    assert browser(eve).delete(address).status_code == 404


def test_the_owner_lists_changes_and_revokes(ada: User, eve: User) -> None:
    run = make_run(owner=ada)
    make_share(browser(ada), run, may_stop=True)
    make_share(browser(ada), run, username="eve")
    assert make_share(browser(ada), run, username="eve", may_stop=True).json()["may_stop"] is True
    address = f"/api/conversations/{run.conversation_id}/shares/"
    found = browser(ada).get(address).json()["shares"]
    assert sorted((each["kind"], each["username"], each["may_stop"]) for each in found) == [
        ("link", None, True),
        ("user", "eve", True),
    ]
    assert "url" not in str(found)
    link = next(each for each in found if each["kind"] == "link")
    changed = send(browser(ada), "PATCH", f"/api/shares/{link['id']}/", may_stop=False)
    assert changed.json()["may_stop"] is False
    assert AuditEntry.objects.filter(target="runs.share", action="added").count() == 2


@pytest.mark.parametrize(
    "fields", [{"username": "nobody"}, {"username": "ada"}, {"may_stop": "yes"}, {"user": 1}]
)
def test_it_refuses_shares_that_make_no_sense(fields: Any, ada: User) -> None:
    answer = make_share(browser(ada), make_run(owner=ada), **fields)
    assert (answer.status_code, answer.json()["code"]) == (400, "bad_request")
    assert not Share.objects.exists()


def test_a_conversation_has_so_many_shares(ada: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sharing, "MOST_SHARES", 2)
    run = make_run(owner=ada)
    assert [make_share(browser(ada), run).status_code for _ in range(3)] == [201, 201, 400]


def test_files_of_the_conversation_are_shown_and_no_others(ada: User, eve: User) -> None:
    run, other = make_run(owner=ada), make_run(owner=ada)

    def upload() -> File:
        return files.store(ada.pk, SimpleUploadedFile("a.png", PNG), name="a.png")

    shown, unshown, elsewhere = upload(), upload(), upload()
    shown.conversations.add(run.conversation)
    elsewhere.conversations.add(other.conversation)
    made = upload()
    File.objects.filter(pk=made.pk).update(run=run)
    _, secret = Share.make_link(run.conversation, may_stop=False)
    make_share(browser(ada), run, username="eve")
    for file, status in ((shown, 200), (made, 200), (unshown, 404), (elsewhere, 404)):
        by_link = browser().get(f"/api/shared/{secret}/files/{file.pk}/")
        by_user = browser(eve).get(f"/api/files/{file.pk}/")
        assert (by_link.status_code, by_user.status_code) == (status, status)
        if status == 200:
            assert by_link.getvalue() == by_user.getvalue() == PNG
    assert browser(eve).delete(f"/api/files/{shown.pk}/").status_code == 404
    assert File.objects.filter(pk=shown.pk).exists()


def test_who_stopped_and_who_approved_is_told(ada: User, eve: User) -> None:
    run = make_run(owner=ada, status=RunStatus.CANCELLED, cancelled_by="user", cancelled_by_name="eve")
    make_call(make_step(run), decision="approved", decided_by=ada)
    _, secret = Share.make_link(run.conversation, may_stop=False)
    (told,) = browser().get(f"/api/shared/{secret}/").json()["runs"]
    assert (told["cancelled_by_name"], told["tool_calls"][0]["decided_by"]) == ("eve", "ada")
