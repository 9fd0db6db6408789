"""Every address that names a row answers for another user's row as for one that does not exist, to the byte."""

import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import URLPattern, reverse

from providers.models import Provider
from runs.http import urls
from runs.models import ApiToken, BrowserSession, Conversation, File, Run, Share, StandingDecision
from runs.models.audit import AuditEntry
from runs.states import RunStatus
from runs.store import files
from tests.runs.rows import make_run, make_user

pytestmark = pytest.mark.django_db

PNG = b"\x89PNG\r\n\x1a\n" + bytes(32)
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")


def absent(value: Any) -> Any:
    """Return a value like this one that names nothing."""
    if isinstance(value, uuid.UUID):
        return uuid.uuid4()
    return value[::-1] if isinstance(value, str) else value + 10**6


def converter_of(value: Any) -> str:
    """Return the word with which an address names a parameter of this type."""
    return "uuid" if isinstance(value, uuid.UUID) else "str" if isinstance(value, str) else "int"


class Rows:
    """Another user's rows, by the name of the parameter that names them in an address."""

    def __init__(self) -> None:
        self.owner = make_user("eve")
        run = make_run(owner=self.owner, status=RunStatus.RUNNING)
        file = files.store(self.owner.pk, SimpleUploadedFile("a.png", PNG), name="a.png")
        token, _ = ApiToken.issue(self.owner, "hers")
        share, _ = Share.make_link(run.conversation, may_stop=True)
        revoked, secret = Share.make_link(run.conversation, may_stop=True)
        revoked.delete()
        self.foreign: dict[str, Any] = {
            "conversation_id": run.conversation_id,
            "run_id": run.pk,
            "file_id": file.id,
            "token_id": token.pk,
            "session_id": BrowserSession.objects.create(session_key="hers", user=self.owner).pk,
            "provider_id": Provider.objects.create(slug="acme", label="Acme", kind="openai").pk,
            "decision_id": StandingDecision.objects.create(owner=self.owner, verdict="deny", pattern="x").pk,
            "share_id": share.pk,
            "secret": secret,
        }
        self.absent: dict[str, Any] = {name: absent(value) for name, value in self.foreign.items()}

    def snapshot(self) -> list[Any]:
        return [
            list(model.objects.order_by("pk").values())
            for model in (Conversation, Run, File, ApiToken, Share, StandingDecision, Provider)
        ]


def naming_routes() -> Iterator[URLPattern]:
    """Yield every address of ours that has a parameter."""
    for pattern in urls.urlpatterns:
        assert isinstance(pattern, URLPattern), "a nested list of addresses: walk through it here"
        if pattern.pattern.converters:
            yield pattern


ROUTES = list(naming_routes())


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("route", ROUTES, ids=lambda route: str(route.pattern))
@pytest.mark.parametrize("way_in", ["session", "token"])
def test_a_foreign_row_answers_like_an_absent_one(way_in: str, route: URLPattern, method: str) -> None:
    rows = Rows()
    ada: User = make_user("ada")
    if way_in == "session":
        browser = Client()
        browser.force_login(ada)
    else:
        browser = Client(headers={"authorization": f"Bearer {ApiToken.issue(ada)[1]}"})
    before = rows.snapshot()
    answers = []
    for values in (rows.foreign, rows.absent):
        named = {name: values[name] for name in route.pattern.converters}
        address = "/" + str(route.pattern)
        for name in named:
            converter = converter_of(values[name])
            address = address.replace(f"<{converter}:{name}>", str(values[name]))
        body = '{"tools": []}' if method in {"PUT", "POST", "PATCH"} else ""
        answer = browser.generic(method, address, body, content_type="application/json")
        headers = {name: value.replace(address, "ADDRESS") for name, value in answer.headers.items()}
        for differing in ("Set-Cookie", "Expires"):
            headers.pop(differing, None)
        answers.append((answer.status_code, answer.text, headers))
    assert answers[0] == answers[1]
    assert answers[0][0] in {302, 401, 404, 405}
    assert rows.snapshot() == before
    # One of the links was revoked when the rows were made.
    assert AuditEntry.objects.filter(action="deleted").count() == 1


def test_every_parameter_of_an_address_is_known_here() -> None:
    known = Rows().foreign.keys()
    named = {name for route in ROUTES for name in route.pattern.converters}
    assert named == known
    assert len(ROUTES) >= 10


@pytest.mark.parametrize("is_foreign", [True, False])
def test_a_foreign_place_in_a_list_is_as_good_as_any(is_foreign: bool) -> None:
    """A cursor names a time and an id; whose id it is makes no difference."""
    rows = Rows()
    ada = make_user("ada")
    make_run(owner=ada)
    browser = Client()
    browser.force_login(ada)
    chosen = (rows.foreign if is_foreign else rows.absent)["conversation_id"]
    cursor = f"2099-01-01T00:00:00+00:00,{chosen}"
    listed = browser.get(reverse("api_conversations"), {"before": cursor}).json()["conversations"]
    assert len(listed) == 1
    assert str(chosen) not in str(listed)


@pytest.mark.parametrize("parameter", ["before", "run"])
def test_a_foreign_run_in_a_question_about_ones_own_conversation_is_as_good_as_none(parameter: str) -> None:
    rows = Rows()
    ada = make_user("ada")
    own = make_run(owner=ada).conversation
    browser = Client()
    browser.force_login(ada)
    answers = [
        browser.get(reverse("api_conversation", args=[own.pk]), {parameter: str(values["run_id"])})
        for values in (rows.foreign, rows.absent)
    ]
    assert answers[0].status_code == answers[1].status_code
    assert answers[0].content == answers[1].content
    assert str(rows.foreign["conversation_id"]) not in answers[0].text
