"""The page and its JSON over HTTP, with rows as runs leave them behind."""

import re
import uuid
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.template.loader import render_to_string
from django.test import Client

from providers import catalog
from runs.http.conversations import PAGE_SIZE
from runs.models import ApiToken, Conversation, EventLog, Message, Run
from runs.models.tool_call import Decision, ToolCallStatus
from runs.states import RunStatus, StopReason
from tests.runs.rows import make_call, make_run, make_step, note_browser

pytestmark = pytest.mark.django_db


@pytest.fixture
def user() -> User:
    return User.objects.create_user("ada")


@pytest.fixture
def stranger() -> User:
    return User.objects.create_user("eve")


@pytest.fixture
def client(user: User) -> Client:
    signed_in = Client(enforce_csrf_checks=True)
    signed_in.force_login(user)
    return signed_in


def csrf(client: Client) -> dict[str, str]:
    """Return the header that a page of ours sends."""
    client.get("/")
    return {"X-CSRFToken": client.cookies[settings.CSRF_COOKIE_NAME].value}


def bearer(user: User) -> dict[str, str]:
    return {"Authorization": f"Bearer {ApiToken.issue(user)[1]}"}


def first_model(slug: str) -> str:
    return next(provider.models[0] for provider in catalog.providers() if provider.slug == slug)


def say(run: Run, role: str, *parts: dict[str, Any]) -> Message:
    return Message.objects.create(
        conversation=run.conversation,
        run=run,
        role=role,
        position=run.conversation.messages.count() + 1,
        parts=list(parts),
    )


def test_it_sends_a_stranger_to_the_sign_in_page_and_back() -> None:
    address = f"/c/{uuid.uuid4()}/"
    response = Client().get(address)
    assert (response.status_code, response["Location"]) == (302, f"/login/?next={address}")


def test_it_shows_the_page_with_what_the_scripts_need(client: Client, user: User) -> None:
    run = make_run(owner=user)
    html = client.get(f"/c/{run.conversation_id}/").content.decode()
    assert f'data-conversation="{run.conversation_id}"' in html
    assert f'data-user="{user.get_username()}"' in html
    assert 'value="emulator/hello"' in html
    assert "<script>" not in html
    assert "style=" not in html


def test_it_says_where_a_key_goes_until_there_is_one(client: Client, settings: Any) -> None:
    hint = b"ask an administrator to add a provider"
    assert b"built-in emulator" in client.get("/").content
    assert hint in client.get("/").content

    settings.RUNNEL_EMULATOR = False
    without = client.get("/").content
    assert b"built-in emulator" not in without
    assert hint in without

    settings.OPENAI_API_KEY = "sk-test"
    assert hint not in client.get("/").content


def test_it_proposes_a_model_of_a_provider_that_is_ready_and_names_those(
    client: Client, settings: Any
) -> None:
    settings.ANTHROPIC_API_KEY = "sk-test"
    one = client.get("/").content.decode()
    assert f'value="anthropic/{first_model("anthropic")}"' in one
    assert re.search(r"This provider is ready:\s+<code[^>]*>anthropic</code>\.", one)

    settings.GEMINI_API_KEY = "key"
    two = client.get("/").content.decode()
    assert re.search(r"These providers are ready:\s+<code[^>]*>anthropic</code> and <code", two)

    settings.RUNNEL_DEFAULT_MODEL = "gemini/of-my-own"
    assert 'value="gemini/of-my-own"' in client.get("/").content.decode()


def test_it_proposes_nothing_while_nothing_is_ready(client: Client, settings: Any) -> None:
    settings.RUNNEL_EMULATOR = False
    assert 'id="model" value=""' in client.get("/").content.decode()


def test_after_a_wrong_password_the_focus_is_on_the_password(user: User) -> None:
    def focused(html: str) -> list[str]:
        return [tag for tag in re.findall("<input[^>]*>", html) if "autofocus" in tag]

    (first,) = focused(Client().get("/login/").content.decode())
    assert 'name="username"' in first
    refused = Client().post("/login/", {"username": user.username, "password": "wrong"})
    (again,) = focused(refused.content.decode())
    assert 'name="password"' in again


def test_foreign_pages_look_like_absent_ones(client: Client, stranger: User) -> None:
    foreign = client.get(f"/c/{make_run(owner=stranger).conversation_id}/")
    absent = client.get(f"/c/{uuid.uuid4()}/")
    assert foreign.status_code == absent.status_code == 404
    assert foreign.content == absent.content


def test_it_lists_conversations_newest_first_with_what_runs_in_them(
    client: Client, user: User, stranger: User
) -> None:
    now = datetime.now(UTC)
    done = make_run(owner=user, title="Older")
    live = make_run(owner=user, title="Newer", status=RunStatus.AWAITING_APPROVAL)
    make_run(owner=stranger)
    Conversation.objects.filter(pk=done.conversation_id).update(updated_at=now - timedelta(days=1))

    answer = client.get("/api/conversations/").json()

    fields = ("title", "active_run_id", "active_run_status")
    assert [tuple(each[field] for field in fields) for each in answer["conversations"]] == [
        ("Newer", str(live.pk), "awaiting_approval"),
        ("Older", None, None),
    ]
    assert answer["before"] is None


def test_it_pages_without_losing_or_repeating_one_also_among_equal_times(client: Client, user: User) -> None:
    now = datetime.now(UTC)
    Conversation.objects.bulk_create(Conversation(owner=user, title=str(n)) for n in range(PAGE_SIZE + 3))
    Conversation.objects.update(updated_at=now)

    first = client.get("/api/conversations/").json()
    second = client.get("/api/conversations/", {"before": first["before"]}).json()

    assert len(first["conversations"]) == PAGE_SIZE
    assert second["before"] is None
    ids = [each["id"] for each in first["conversations"] + second["conversations"]]
    assert len(set(ids)) == len(ids) == PAGE_SIZE + 3


@pytest.mark.parametrize(
    "before",
    [
        "yesterday",
        "2026-01-01T00:00:00+00:00",
        "2026-01-01,not-an-id",
        "0001-01-01T00:00:00+23:00,8e4c6ad2-33ab-4ccf-8f1e-4cc0f9f6a2b1",
        "2026-01-01,8e4c6ad2-33ab-4ccf-8f1e-4cc0f9f6a2b1",
        "\0,",
    ],
)
def test_it_refuses_a_place_that_it_never_gave_out(client: Client, before: str) -> None:
    response = client.get("/api/conversations/", {"before": before})
    assert response.status_code == 400
    assert response.json()["code"] == "bad_request"


def test_it_tells_all_that_was_said_and_how_each_run_went(client: Client, user: User) -> None:
    run = make_run(
        owner=user,
        status=RunStatus.CANCELLED,
        stop_reason=StopReason.CANCELLED,
        cancelled_by="user",
        stream_was_cancelled=True,
        input_tokens=12,
        cached_input_tokens=0,
        usage_source="partial",
        cost=Decimal("0.25"),
        cost_is="at_least",
    )
    EventLog.objects.create(run=run, last_seq=7)
    say(run, "user", {"kind": "text", "text": "Where does it end?"})
    thought = {"kind": "reasoning", "text": "Hm.", "sealed": None}
    say(run, "assistant", thought, {"kind": "text", "text": "In the "}, {"kind": "text", "text": "sea"})

    answer = client.get(f"/api/conversations/{run.conversation_id}/").json()

    assert (answer["id"], answer["title"]) == (str(run.conversation_id), "On rivers")
    assert answer["updated_at"] == client.get("/api/conversations/").json()["conversations"][0]["updated_at"]
    assert [(each["role"], each["text"], each["run_id"]) for each in answer["messages"]] == [
        ("user", "Where does it end?", str(run.pk)),
        ("assistant", "In the sea", str(run.pk)),
    ]
    assert answer["messages"][1]["parts"][0] == thought
    [told] = answer["runs"]
    assert (told["cost"], told["cost_is"], told["left_out_of"]) == (0.25, "at_least", "")
    assert told["usage"] == {
        "input_tokens": 12,
        "estimated_input_tokens": None,
        "estimated_output_tokens": None,
        "cached_input_tokens": 0,
        "cache_write_input_tokens": None,
        "output_tokens": None,
        "reasoning_tokens": None,
        "usage_source": "partial",
    }
    assert (told["status"], told["stop_reason"], told["cancelled_by"]) == ("cancelled", "cancelled", "user")
    assert told["stream_was_cancelled"] is True
    assert told["last_seq"] == 7
    assert datetime.fromisoformat(told["finished_at"]) - datetime.fromisoformat(
        told["started_at"]
    ) == timedelta(seconds=2)


def test_it_reads_a_long_conversation_in_a_fixed_number_of_queries(
    client: Client, user: User, django_assert_max_num_queries: Any
) -> None:
    run = make_run(owner=user)
    for number in range(20):
        say(run, "user", {"kind": "text", "text": str(number)})
    step = make_step(run)
    for number in range(20):
        make_call(step, position=number + 1, decided_by=user)
    note_browser(client)
    with django_assert_max_num_queries(12):
        answer = client.get(f"/api/conversations/{run.conversation_id}/").json()
    assert len(answer["messages"]) == 20
    assert len(answer["runs"][0]["tool_calls"]) == 20


def test_it_tells_what_became_of_each_tool_call_and_who_decided(client: Client, user: User) -> None:
    run = make_run(owner=user)
    make_call(make_step(run, index=2), name="later")
    step = make_step(run, index=1)
    make_call(step, position=2, name="second", status=ToolCallStatus.EXPIRED)
    make_call(
        step,
        position=1,
        name="first",
        arguments='{"text":"1"}',
        edited_arguments='{"text":"2"}',
        source="runs",
        requires_approval=True,
        decision=Decision.EDITED,
        reason="better so",
        decided_by=user,
        result="Written.",
    )

    [told] = client.get(f"/api/conversations/{run.conversation_id}/").json()["runs"]

    assert [call["name"] for call in told["tool_calls"]] == ["first", "second", "later"]
    first = told["tool_calls"][0]
    assert uuid.UUID(first.pop("id"))
    assert first == {
        "call_id": "call_1",
        "name": "first",
        "files": [],
        "seconds": None,
        "running_seconds": None,
        "arguments": '{"text":"1"}',
        "edited_arguments": '{"text":"2"}',
        "status": "succeeded",
        "requires_approval": True,
        "source": "runs",
        "decision": "edited",
        "decided_by": user.get_username(),
        "standing_decision": None,
        "reason": "better so",
        "result": "Written.",
        "is_error": False,
    }
    assert told["tool_calls"][1]["status"] == "expired"
    assert told["tool_calls"][1]["decided_by"] is None


ADDRESSES = [
    ("GET", "/api/conversations/{conversation}/"),
    ("DELETE", "/api/conversations/{conversation}/"),
    ("POST", "/api/runs/{run}/cancel/"),
]


@pytest.mark.parametrize(("method", "address"), ADDRESSES)
def test_foreign_answers_like_absent_to_the_byte(
    client: Client, stranger: User, method: str, address: str
) -> None:
    run = make_run(owner=stranger, status=RunStatus.RUNNING)
    headers = csrf(client)
    foreign, absent = (
        client.generic(method, address.format(conversation=ids[0], run=ids[1]), headers=headers)
        for ids in ((run.conversation_id, run.pk), (uuid.uuid4(), uuid.uuid4()))
    )
    assert foreign.status_code == absent.status_code == 404
    assert foreign.content == absent.content
    assert foreign.json()["code"] == "not_found"
    run.refresh_from_db()
    assert run.cancel_requested_at is None


@pytest.mark.parametrize(("method", "address"), [("GET", "/api/conversations/"), *ADDRESSES])
@pytest.mark.parametrize("header", [None, "Bearer rnl_wrong", "Bearer ", "Basic YWRhOmE="])
def test_it_answers_in_json_to_nobody(user: User, method: str, address: str, header: str | None) -> None:
    run = make_run(owner=user, status=RunStatus.RUNNING)
    somebody = Client()
    if header is not None:
        # A session does not help a request that came with a header.
        somebody.force_login(user)
    response = somebody.generic(
        method,
        address.format(conversation=run.conversation_id, run=run.pk),
        headers={"Authorization": header} if header is not None else None,
    )
    assert response.status_code == 401
    assert response.json() == {"code": "unauthenticated", "message": "Sign in first."}


def test_it_deletes_a_conversation_but_not_under_a_running_answer(client: Client, user: User) -> None:
    run = make_run(owner=user, status=RunStatus.RUNNING)
    address, headers = f"/api/conversations/{run.conversation_id}/", csrf(client)

    busy = client.delete(address, headers=headers)
    assert (busy.status_code, busy.json()["code"]) == (409, "conversation_busy")

    Run.objects.filter(pk=run.pk).update(status=RunStatus.COMPLETED)
    assert client.delete(address, headers=headers).status_code == 204
    assert not Conversation.objects.exists()
    assert client.get(address).status_code == 404
    assert client.delete(address, headers=headers).status_code == 404


def test_it_stores_a_cancel_once_and_says_when_it_came_too_late(client: Client, user: User) -> None:
    run = make_run(owner=user, status=RunStatus.RUNNING)
    address, headers = f"/api/runs/{run.pk}/cancel/", csrf(client)

    assert client.post(address, headers=headers).json() == {"state": "requested"}
    run.refresh_from_db()
    first = run.cancel_requested_at
    assert first is not None
    assert client.post(address, headers=headers).json() == {"state": "requested"}
    run.refresh_from_db()
    assert run.cancel_requested_at == first

    Run.objects.filter(pk=run.pk).update(status=RunStatus.COMPLETED)
    assert client.post(address, headers=headers).json() == {"state": "already_terminal"}


def test_it_takes_a_token_without_csrf_and_a_cookie_only_with_it(client: Client, user: User) -> None:
    run = make_run(owner=user, status=RunStatus.RUNNING)
    address = f"/api/runs/{run.pk}/cancel/"

    forged = client.post(address)
    assert (forged.status_code, forged.json()["code"]) == (403, "csrf_failed")
    run.refresh_from_db()
    assert run.cancel_requested_at is None

    program = Client(enforce_csrf_checks=True)
    assert program.post(address, headers=bearer(user)).json() == {"state": "requested"}


def test_a_token_counts_alone_whoever_the_cookie_belongs_to(
    client: Client, user: User, stranger: User
) -> None:
    make_run(owner=user)
    assert client.get("/api/conversations/", headers=bearer(stranger)).json()["conversations"] == []


def test_a_blocked_users_token_opens_nothing(user: User) -> None:
    headers = bearer(user)
    User.objects.update(is_active=False)
    assert Client().get("/api/conversations/", headers=headers).status_code == 401


def test_an_address_may_end_without_its_slash(client: Client, user: User) -> None:
    run = make_run(owner=user, status=RunStatus.RUNNING)

    answer = client.post(f"/api/runs/{run.id}/cancel", headers=csrf(client))

    assert (answer.status_code, answer.json()) == (200, {"state": "requested"})


def test_it_names_the_methods_that_an_address_takes(client: Client) -> None:
    response = client.put("/api/conversations/", headers=csrf(client))
    assert (response.status_code, response["Allow"]) == (405, "GET")
    assert response.json()["code"] == "method_not_allowed"


def test_nothing_of_a_user_is_cached_on_the_way(client: Client, user: User) -> None:
    run = make_run(owner=user)
    for address in ("/", "/api/conversations/", f"/api/conversations/{run.conversation_id}/"):
        assert "no-store" in client.get(address)["Cache-Control"]


@pytest.mark.parametrize("name", ["400", "403", "403_csrf", "404", "500"])
def test_error_pages_need_nothing_but_themselves(name: str) -> None:
    html = render_to_string(f"{name}.html")
    assert "<h1>" in html
    assert 'href="/"' in html
