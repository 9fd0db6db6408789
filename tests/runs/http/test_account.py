"""How pages look for a user, and where the user is signed in."""

import re
import threading
from typing import Any

import pytest
from django.contrib.sessions.models import Session
from django.test import Client

from runs.models import BrowserSession, Conversation, Preferences
from runs.models.standing_decision import Verdict
from runs.retention import erasing
from runs.retention.pace import Pace
from runs.services import standing
from tests.browser.test_hostile_words import words
from tests.runs.rows import make_run, make_user

pytestmark = pytest.mark.django_db

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
PHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605 Version/18.0 Mobile Safari/604"
)


@pytest.fixture
def ada() -> Any:
    return make_user("ada")


def browser(user: Any, agent: str = FIREFOX) -> Client:
    signed_in = Client(headers={"user-agent": agent})
    signed_in.force_login(user)
    signed_in.get("/api/conversations/")
    return signed_in


def ends(page: str) -> list[int]:
    return [int(number) for number in re.findall(r"/account/sessions/(\d+)/end/", page)]


def test_pages_have_the_chosen_colours_from_the_first_byte_on(ada: Any) -> None:
    mine = browser(ada)
    assert "data-theme" not in mine.get("/").text
    assert mine.post("/account/", {"theme": "dark", "date_locale": "de"})["Location"] == "/account/?saved"
    for address in ("/", "/account/", "/tokens/", "/usage/", "/approvals/", "/password/", "/no-such-page/"):
        page = mine.get(address).text
        assert '<html lang="en" data-theme="dark" data-dates="de">' in page, address
        assert '<meta name="color-scheme" content="dark">' in page, address
    assert "data-theme" not in browser(make_user("eve")).get("/").text
    mine.post("/account/", {"theme": "", "date_locale": ""})
    assert 'content="light dark"' in mine.get("/").text


@pytest.mark.parametrize("change", [{"theme": "pink"}, {"date_locale": '"><script>'}, {"date_locale": "xx"}])
def test_what_is_no_choice_is_refused(ada: Any, change: dict[str, str]) -> None:
    page = browser(ada).post("/account/", {"theme": "dark", "date_locale": "de"} | change)
    assert "errorlist" in page.text
    assert not Preferences.objects.exists()


def test_a_program_changes_one_preference_and_keeps_the_other(ada: Any) -> None:
    mine = browser(ada)

    def put(sent: Any) -> Any:
        return mine.put("/api/preferences/", sent, content_type="application/json")

    assert put({"date_locale": "de"}).json() == {"theme": "", "date_locale": "de"}
    assert put({"theme": "dark"}).json() == {"theme": "dark", "date_locale": "de"}
    wrongs: tuple[Any, ...] = ({"theme": "pink"}, {"theme": None}, {"user": 1}, [], "dark")
    for wrong in wrongs:
        assert put(wrong).status_code == 400
    assert mine.get("/api/preferences/").json() == {"theme": "dark", "date_locale": "de"}
    assert browser(make_user("eve")).get("/api/preferences/").json() == {"theme": "", "date_locale": ""}


def test_it_shows_where_the_user_is_signed_in(ada: Any) -> None:
    mine, phone = browser(ada), browser(ada, PHONE)
    browser(make_user("eve"), "curl/8.5")
    page = mine.get("/account/").text
    assert "Firefox on Linux" in page
    assert "Safari on iPhone" in page
    assert "curl" not in page
    assert page.count("this browser") == 1
    assert len(ends(page)) == 1
    phone.post("/logout/")
    assert "iPhone" not in mine.get("/account/").text


def test_one_session_is_ended(ada: Any) -> None:
    mine, phone = browser(ada), browser(ada, PHONE)
    (number,) = ends(mine.get("/account/").text)
    assert mine.post(f"/account/sessions/{number}/end/")["Location"] == "/account/"
    assert phone.get("/api/conversations/").status_code == 401
    assert mine.get("/api/conversations/").status_code == 200


def test_all_others_are_ended_also_those_that_were_never_noted(ada: Any) -> None:
    mine, phone, eves = browser(ada), browser(ada, PHONE), browser(make_user("eve"))
    old = Client()
    old.force_login(ada)
    assert BrowserSession.objects.count() == 3
    mine.post("/account/sessions/end-others/")
    assert [each.get("/api/conversations/").status_code for each in (mine, phone, old, eves)] == [
        200,
        401,
        401,
        200,
    ]
    assert "Nowhere else" in mine.get("/account/").text


def test_a_foreign_session_looks_absent(ada: Any) -> None:
    mine, eves = browser(ada), browser(make_user("eve"))
    foreign = BrowserSession.objects.exclude(user=ada).get()
    answers = [mine.post(f"/account/sessions/{number}/end/") for number in (foreign.pk, foreign.pk + 10**6)]
    assert [answer.status_code for answer in answers] == [404, 404]
    assert answers[0].content == answers[1].content
    assert eves.get("/api/conversations/").status_code == 200


def test_a_new_password_ends_the_others_and_keeps_this_one_listed(ada: Any) -> None:
    mine, _ = browser(ada), browser(ada, PHONE)
    new = "another river, another wood"
    form = {"old_password": "secret-words", "new_password1": new, "new_password2": new}
    assert mine.post("/password/", form)["Location"] == "/password/done/"
    page = mine.get("/account/").text
    assert "iPhone" not in page
    assert "this browser" in page
    assert BrowserSession.objects.count() == 1


@pytest.mark.parametrize(
    ("agent", "name"),
    [
        ("", "An unknown program"),
        ("<script>alert(1)</script>", "An unknown program"),
        ("curl/8.5.0", "curl"),
        ("Mozilla/5.0 (Windows NT 10.0) Chrome/140.0 Safari/537.36 Edg/140.0", "Edge on Windows"),
        ("x" * 5000, "x" * 40),
    ],
)
def test_a_browser_is_named_in_a_few_words(ada: Any, agent: str, name: str) -> None:
    page = browser(ada, agent).get("/account/").text
    assert f"<strong>{name}</strong>" in page
    assert "<script>alert" not in page


def test_only_a_signed_in_user_sees_the_page() -> None:
    for address in ("/account/", "/usage/", "/approvals/", "/providers/"):
        assert Client().get(address)["Location"] == f"/login/?next={address}"
    assert not Session.objects.exists()


def test_who_is_erased_leaves_no_trace_of_browsers(ada: Any) -> None:
    mine = browser(ada)
    mine.post("/account/", {"theme": "dark", "date_locale": ""})
    erasing.erase(ada, Pace(stop=threading.Event()))
    assert not BrowserSession.objects.exists()
    assert not Preferences.objects.exists()


@pytest.mark.parametrize("part", range(4))
def test_what_strangers_call_themselves_stays_words(ada: Any, part: int) -> None:
    run = make_run(owner=ada)
    mine, _ = browser(ada), browser(ada, PHONE)
    plain = {address: mine.get(address).text.count("<") for address in ("/account/", "/approvals/")}
    standing.add(ada, Verdict.DENY, "clock", conversation_id=run.conversation_id)
    shown = {"/account/": plain["/account/"], "/approvals/": mine.get("/approvals/").text.count("<")}
    for text in words()[part::4]:
        BrowserSession.objects.filter(user=ada).update(agent=text, address=text[:64])
        Conversation.objects.filter(pk=run.conversation_id).update(title=text[:80])
        for address, count in shown.items():
            page = mine.get(address).text
            assert page.count("<") == count, (address, text)
