"""Users make, see and revoke their own API tokens on a page."""

import re
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from runs.http import tokens
from runs.models import ApiToken
from tests.runs.rows import make_user

pytestmark = pytest.mark.django_db

PAGE = "/tokens/"
FORM = {"name": "robot", "scopes": ["read", "run"], "days": "30"}


@pytest.fixture
def ada() -> User:
    user: User = make_user("ada")
    return user


@pytest.fixture
def browser(ada: User) -> Client:
    signed_in = Client()
    signed_in.force_login(ada)
    return signed_in


def test_a_token_is_shown_once_and_works(browser: Client, ada: User) -> None:
    page = browser.post(PAGE, FORM)
    found = re.search(r"rnl_[\w-]{43}", page.text)
    assert found is not None
    row = ApiToken.objects.get()
    assert row.digest == ApiToken.digest_of(found[0])
    assert (row.user, row.name, row.scopes) == (ada, "robot", "read run")
    assert row.expires_at is not None
    assert timedelta(days=29) < row.expires_at - timezone.now() <= timedelta(days=30)
    assert "no-store" in page["Cache-Control"]
    again = browser.get(PAGE)
    assert "robot" in again.text
    assert found[0] not in again.text
    assert row.digest not in again.text
    program = Client(headers={"authorization": f"Bearer {found[0]}"})
    assert program.get("/api/tools/").status_code == 200


def test_a_page_that_is_sent_again_makes_no_second_token(browser: Client) -> None:
    browser.post(PAGE, FORM)
    again = browser.post(PAGE, FORM)
    assert "You have a token with this name." in again.text
    assert re.search(r"rnl_[\w-]{43}", again.text) is None
    assert ApiToken.objects.count() == 1


def test_it_says_what_a_token_may_do_and_when_it_was_used(browser: Client, ada: User) -> None:
    used = timezone.now()
    row, _ = ApiToken.issue(ada, "<b>robot</b>", scopes=["approve"], expires_at=used - timedelta(days=1))
    ApiToken.objects.filter(pk=row.pk).update(last_used_at=used)
    page = browser.get(PAGE).text
    assert "<bdi>&lt;b&gt;robot&lt;/b&gt;</bdi>" in page
    assert "May approve." in page
    ApiToken.issue(ada, "second")
    assert "May approve, read, run." in browser.get(PAGE).text
    assert f">{used:%Y-%m-%d %H:%M} UTC</time>" in page
    assert "<strong>expired</strong>" in page


@pytest.mark.parametrize(
    "change",
    [{"name": ""}, {"name": "a" * 101}, {"scopes": []}, {"scopes": ["root"]}, {"days": "31"}, {"days": ""}],
)
def test_what_is_missing_or_wrong_makes_no_token(browser: Client, change: dict[str, object]) -> None:
    page = browser.post(PAGE, {**FORM, **change})
    assert "errorlist" in page.text
    assert not ApiToken.objects.exists()


def test_nobody_has_tokens_without_number(
    browser: Client, ada: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tokens, "_MOST", 2)
    ApiToken.issue(ada, expires_at=timezone.now() - timedelta(days=1))
    for _ in range(2):
        ApiToken.issue(ada)
    assert "You have 2 tokens" in browser.post(PAGE, FORM).text
    assert ApiToken.objects.count() == 3


def test_a_revoked_token_is_no_way_in(browser: Client, ada: User) -> None:
    row, text = ApiToken.issue(ada)
    program = Client(headers={"authorization": f"Bearer {text}"})
    assert program.get("/api/tools/").status_code == 200
    assert browser.post(f"/tokens/{row.pk}/revoke/")["Location"] == PAGE
    assert program.get("/api/tools/").status_code == 401


def test_a_foreign_token_answers_like_an_absent_one(browser: Client) -> None:
    foreign, _ = ApiToken.issue(make_user("eve"), "hers")
    answers = [browser.post(f"/tokens/{number}/revoke/") for number in (foreign.pk, 10**6)]
    assert [answer.status_code for answer in answers] == [404, 404]
    assert answers[0].content == answers[1].content
    assert ApiToken.objects.get() == foreign
    assert "hers" not in browser.get(PAGE).text


def test_a_token_opens_no_page_and_makes_no_other_token(ada: User) -> None:
    row, text = ApiToken.issue(ada, scopes=["admin"])
    program = Client(headers={"authorization": f"Bearer {text}"})
    for answer in (
        program.get(PAGE),
        program.post(PAGE, FORM),
        program.post(f"/tokens/{row.pk}/revoke/"),
    ):
        assert answer["Location"].startswith("/login/")
    assert ApiToken.objects.get() == row


def test_another_site_makes_and_revokes_none(ada: User) -> None:
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(ada)
    row, _ = ApiToken.issue(ada)
    assert browser.post(PAGE, FORM).status_code == 403
    assert browser.post(f"/tokens/{row.pk}/revoke/").status_code == 403
    assert browser.get(f"/tokens/{row.pk}/revoke/").status_code == 405
    assert ApiToken.objects.get() == row


def test_a_new_password_offers_to_keep_them_only_to_those_who_have_any(browser: Client, ada: User) -> None:
    assert "keep_tokens" not in browser.get("/password/").text
    ApiToken.issue(ada)
    assert "keep_tokens" in browser.get("/password/").text
