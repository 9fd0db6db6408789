"""Which requests the JSON takes over HTTP and from whom: deletions, cancels, tokens, cookies, and methods."""

import uuid

import pytest
from django.contrib.auth.models import User
from django.test import Client

from runs.models import Conversation, Run
from runs.states import RunStatus
from tests.runs.http.signed_in import a_client, a_stranger, a_user, bearer, csrf  # noqa: F401 - fixtures
from tests.runs.rows import make_run

pytestmark = pytest.mark.django_db


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
