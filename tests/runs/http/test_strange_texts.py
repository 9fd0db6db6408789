"""Characters that no database stores, wherever an address takes a text."""

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from runs.models import Conversation

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada() -> Any:
    return User.objects.create_user("ada")


@pytest.fixture
def client(ada: User) -> Client:
    browser = Client()
    browser.force_login(ada)
    return browser


@pytest.mark.parametrize("strange", [r"\ud800", r"\u0000"])
@pytest.mark.parametrize(
    ("method", "address", "body", "status"),
    [
        ("patch", "/api/folders/", '{"name": "@", "new_name": "a"}', 200),
        ("patch", "/api/folders/", '{"name": "a", "new_name": "b@"}', 200),
        ("post", "/api/conversations/%s/shares/", '{"username": "@"}', 400),
        ("patch", "/api/conversations/%s/", '{"title": "t@", "folder": "f@"}', 200),
        ("post", "/api/standing-decisions/", '{"verdict": "ask", "pattern": "@"}', 400),
        ("put", "/api/conversations/%s/tools/", '{"tools": ["@"]}', 404),
    ],
)
def test_they_are_no_error_of_the_server(
    method: str, address: str, body: str, status: int, strange: str, ada: User, client: Client
) -> None:
    own = Conversation.objects.create(owner=ada)
    path = address % own.pk if "%s" in address else address
    answer = client.generic(method.upper(), path, body.replace("@", strange), content_type="application/json")
    assert answer.status_code == status


def test_a_list_that_is_asked_for_with_them_is_empty(ada: User, client: Client) -> None:
    Conversation.objects.create(owner=ada, title="Rivers", folder="Work")
    for asked in ({"q": "Riv\0ers"}, {"folder": "Wo\0rk"}):
        answer = client.get("/api/conversations/", asked)
        assert (answer.status_code, answer.json()["conversations"]) == (200, [])
