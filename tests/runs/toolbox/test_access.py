"""Who may use which tools, and what a conversation uses, over HTTP."""

import json
import uuid
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client

from runs.models import ApiToken, Conversation, Note
from runs.toolbox import tool, usable
from tests.runs.rows import make_run

pytestmark = pytest.mark.django_db


@pytest.fixture
def user() -> User:
    return User.objects.create_user("ada")


@pytest.fixture
def client(user: User) -> Client:
    return Client(headers={"Authorization": f"Bearer {ApiToken.issue(user)[1]}"})


@pytest.fixture
def guarded(empty_registry: None) -> None:
    @tool(requires_approval=True, permission="runs.delete_conversation")
    def wipe() -> None:
        """Wipe the disk."""

    @tool
    def ask() -> None:
        """Ask the oracle."""


@pytest.mark.usefixtures("guarded")
def test_a_permission_decides_who_may_use_a_tool(user: User) -> None:
    assert list(usable(user.pk)) == ["ask"]
    user.user_permissions.add(Permission.objects.get(codename="delete_conversation"))
    assert list(usable(user.pk)) == ["ask", "wipe"]
    User.objects.filter(pk=user.pk).update(is_active=False)
    assert usable(user.pk) == {}
    assert usable(0) == {}


@pytest.mark.usefixtures("guarded")
def test_it_lists_what_the_user_may_use(client: Client) -> None:
    assert client.get("/api/tools/").json() == {
        "tools": [
            {
                "name": "ask",
                "description": "Ask the oracle.",
                "requires_approval": False,
                "source": "tests",
            }
        ]
    }
    assert Client().get("/api/tools/").status_code == 401
    assert client.post("/api/tools/").status_code == 405


def put(client: Client, conversation_id: uuid.UUID, body: Any) -> Any:
    data = body if isinstance(body, str) else json.dumps(body)
    return client.put(f"/api/conversations/{conversation_id}/tools/", data, content_type="application/json")


def test_a_conversation_keeps_which_tools_it_uses(client: Client, user: User) -> None:
    conversation = Conversation.objects.create(owner=user)
    address = f"/api/conversations/{conversation.pk}/"
    assert client.get(address).json()["tools"] is None

    answer = put(client, conversation.pk, {"tools": ["clock", "calculate", "clock"]})

    assert (answer.status_code, answer.json()) == (200, {"tools": ["clock", "calculate"]})
    assert client.get(address).json()["tools"] == ["clock", "calculate"]
    assert put(client, conversation.pk, {"tools": []}).json() == {"tools": []}
    assert client.get(address).json()["tools"] == []


def test_a_tool_that_nobody_may_use_is_not_found(client: Client, user: User) -> None:
    conversation = Conversation.objects.create(owner=user, tools=["clock"])
    answer = put(client, conversation.pk, {"tools": ["clock", "wipe"]})
    assert (answer.status_code, answer.json()) == (
        404,
        {"code": "not_found", "message": "There is no tool wipe."},
    )
    conversation.refresh_from_db()
    assert conversation.tools == ["clock"]


@pytest.mark.parametrize(
    "body",
    [
        "",
        "{",
        "[" * 100_000,
        [],
        {},
        {"tools": None},
        {"tools": "clock"},
        {"tools": [1]},
        {"tools": [], "a": 1},
    ],
)
def test_it_refuses_another_body(client: Client, user: User, body: Any) -> None:
    answer = put(client, Conversation.objects.create(owner=user).pk, body)
    assert (answer.status_code, answer.json()["code"]) == (400, "bad_request")


def test_a_foreign_conversation_answers_like_an_absent_one(client: Client) -> None:
    foreign = Conversation.objects.create(owner=User.objects.create_user("eve"))
    answers = [put(client, each, {"tools": []}) for each in (foreign.pk, uuid.uuid4())]
    assert [answer.status_code for answer in answers] == [404, 404]
    assert answers[0].content == answers[1].content
    foreign.refresh_from_db()
    assert foreign.tools is None


def test_the_pages_own_requests_need_its_csrf_token(user: User) -> None:
    conversation = Conversation.objects.create(owner=user)
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(user)
    answer = put(browser, conversation.pk, {"tools": []})
    assert (answer.status_code, answer.json()["code"]) == (403, "csrf_failed")


def test_a_conversation_shows_its_notes_in_order(client: Client, user: User) -> None:
    run = make_run(owner=user)
    for text in ("first", "second"):
        Note.objects.create(conversation=run.conversation, run=run, call_id=uuid.uuid4(), text=text)
    notes = client.get(f"/api/conversations/{run.conversation_id}/").json()["notes"]
    assert [note["text"] for note in notes] == ["first", "second"]
    assert notes[0].keys() == {"id", "text", "created_at"}
