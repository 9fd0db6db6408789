"""A token does what its scopes say, until it expires; a browser session does all that its user may do."""

from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone

from concurrency.threads import readers
from runs.access import last_use
from runs.models import ApiToken
from runs.models.token import Scope
from tests.runs.conftest import Connect, Person

ABSENT = "00000000-0000-4000-8000-000000000000"
FRAMES: dict[str, tuple[Scope, dict[str, Any]]] = {
    "start": (Scope.RUN, {"model": "emulator/echo", "input": "hi"}),
    "cancel": (Scope.RUN, {"run_id": ABSENT}),
    "resolve": (Scope.APPROVE, {"run_id": ABSENT, "resume": []}),
    "subscribe": (Scope.READ, {"run_id": ABSENT}),
    "unsubscribe": (Scope.READ, {"run_id": ABSENT}),
}
#: Every address of the JSON API, with the methods that it takes.
ADDRESSES = [
    ("get", "/api/conversations/", Scope.READ),
    ("get", f"/api/conversations/{ABSENT}/", Scope.READ),
    ("delete", f"/api/conversations/{ABSENT}/", Scope.RUN),
    ("put", f"/api/conversations/{ABSENT}/tools/", Scope.RUN),
    ("post", "/api/files/", Scope.RUN),
    ("get", f"/api/files/{ABSENT}/", Scope.READ),
    ("delete", f"/api/files/{ABSENT}/", Scope.RUN),
    ("get", "/api/tools/", Scope.READ),
    ("post", f"/api/runs/{ABSENT}/cancel/", Scope.RUN),
]


def with_scopes(person: Person, *scopes: str, **columns: Any) -> Person:
    return Person(user=person.user, token=ApiToken.issue(person.user, scopes=scopes, **columns)[1])


@pytest.mark.parametrize("scope", list(Scope))
async def test_a_frame_needs_its_scope(scope: Scope, ada: Person, connect: Connect) -> None:
    socket = await connect(await readers.run(with_scopes, ada, scope))
    for kind, (needed, fields) in FRAMES.items():
        answer = await socket.ask(kind, **fields)
        is_refused = answer.get("code") == "forbidden"
        assert is_refused == (scope not in {needed, Scope.ADMIN}), kind
        if is_refused:
            assert f"lacks the scope {needed.value}" in answer["message"]
    assert (await socket.ask("ping"))["type"] == "pong"


async def test_a_token_of_before_can_do_what_it_could(ada: Person, connect: Connect) -> None:
    socket = await connect(ada)
    for kind, (_, fields) in FRAMES.items():
        assert (await socket.ask(kind, **fields)).get("code") != "forbidden"


@pytest.mark.parametrize("scope", list(Scope))
@pytest.mark.parametrize(("method", "address", "needed"), ADDRESSES)
def test_an_address_needs_its_scope(
    scope: Scope, method: str, address: str, needed: Scope, ada: Person
) -> None:
    token = with_scopes(ada, scope).token
    answer = getattr(Client(headers={"authorization": f"Bearer {token}"}), method)(address)
    assert (answer.status_code == 403) == (scope not in {needed, Scope.ADMIN})
    if answer.status_code == 403:
        assert answer.json()["code"] == "forbidden"


@pytest.mark.parametrize("days", [-1, 0])
async def test_an_expired_token_is_no_way_in(days: int, ada: Person, connect: Connect) -> None:
    end = timezone.now() + timedelta(days=days)
    old = await readers.run(lambda: with_scopes(ada, *Scope.values, expires_at=end))
    get = sync_to_async(Client(headers={"authorization": f"Bearer {old.token}"}).get)
    assert (await get("/api/tools/")).status_code == 401
    socket = await connect(old)
    await socket.closed()
    assert socket.close_code == 4401


def test_its_last_use_is_stored_at_most_once_a_minute(
    ada: Person, django_assert_num_queries: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(last_use, "_stored", {})
    monkeypatch.setattr(last_use, "_noted", set())
    browser = Client(headers={"authorization": f"Bearer {ada.token}"})
    for _ in range(2):
        assert browser.get("/api/conversations/").status_code == 200
    assert ApiToken.objects.get().last_used_at is None
    before = timezone.now()
    with django_assert_num_queries(1):
        last_use.store()
    first = ApiToken.objects.get().last_used_at
    assert first is not None
    assert before <= first <= timezone.now()

    browser.get("/api/conversations/")
    with django_assert_num_queries(0):
        last_use.store()
    monkeypatch.setattr(last_use, "_PAUSE", -1.0)
    with django_assert_num_queries(1):
        last_use.store()
    again = ApiToken.objects.get().last_used_at
    assert again is not None
    assert again > first


@pytest.mark.django_db
class TestTheCommand:
    def test_it_makes_one_with_scopes_and_an_end(self, ada: Person) -> None:
        out = StringIO()
        call_command("api_token", "ada", "--name", "robot", "--scopes", "run,read", "--days", "3", stdout=out)
        row = ApiToken.objects.get(digest=ApiToken.digest_of(out.getvalue().split()[-1]))
        assert (row.name, row.scopes) == ("robot", "read run")
        assert row.expires_at is not None
        assert timedelta(days=2) < row.expires_at - timezone.now() <= timedelta(days=3)

    def test_without_options_it_is_one_as_before(self, ada: Person) -> None:
        out = StringIO()
        call_command("api_token", "ada", stdout=out)
        row = ApiToken.objects.get(digest=ApiToken.digest_of(out.getvalue().split()[-1]))
        assert (row.scopes, row.expires_at) == ("approve read run", None)

    @pytest.mark.parametrize(
        "options", [["--scopes", "root"], ["--scopes", ""], ["--days", "0"], ["--days", "99999"]]
    )
    def test_it_refuses_what_is_no_scope_and_no_time(self, options: list[str], ada: Person) -> None:
        with pytest.raises(CommandError):
            call_command("api_token", "ada", *options)
        assert ApiToken.objects.count() == 1


def test_a_session_has_no_scope_that_could_be_missing(ada: Person) -> None:
    browser = Client()
    browser.force_login(ada.user)
    for method, address, _ in ADDRESSES:
        assert getattr(browser, method)(address).status_code != 403
