"""Signing in and out, and changing the password: what it does to sessions and open sockets."""

import asyncio
import threading
import time
from collections.abc import Callable, Iterator

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.test import Client

from runs import auth

pytestmark = pytest.mark.django_db

PASSWORD = "a river in the wood"


@pytest.fixture
def user() -> User:
    return User.objects.create_user("ada", password=PASSWORD)


@pytest.fixture
def stranger() -> User:
    return User.objects.create_user("eve", password=PASSWORD)


@pytest.fixture
def client(user: User) -> Client:
    signed_in = Client(enforce_csrf_checks=True)
    signed_in.force_login(user)
    return signed_in


def csrf(client: Client) -> dict[str, str]:
    """Return the header that a page of ours sends."""
    client.get("/")
    return {"X-CSRFToken": client.cookies[settings.CSRF_COOKIE_NAME].value}


@pytest.mark.parametrize("target", ["https://evil.example/", "//evil.example", "javascript:alert(1)"])
def test_it_follows_next_on_this_host_only(user: User, target: str) -> None:
    form = {"username": user.username, "password": PASSWORD}
    assert Client().post("/login/", form | {"next": target})["Location"] == "/"
    assert Client().post("/login/", form | {"next": "/password/"})["Location"] == "/password/"


def test_it_says_that_the_password_was_wrong(user: User) -> None:
    response = Client().post("/login/", {"username": user.username, "password": "wrong"})
    assert response.status_code == 200
    assert b"errorlist" in response.content


@pytest.fixture
def open_socket() -> Iterator[Callable[[User, str | None], list[str]]]:
    """Register sockets of a loop on another thread; each hands out the list of what befell it."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    forgets = []

    def register(user: User, session_key: str | None) -> list[str]:
        happened: list[str] = []
        identity = auth.Identity(
            user_id=user.pk, username=user.username, session_key=session_key, subprotocol=None
        )

        async def on_its_loop() -> None:
            forgets.append(auth.register_socket(identity, lambda: happened.append("closed")))

        asyncio.run_coroutine_threadsafe(on_its_loop(), loop).result(5)
        return happened

    yield register
    for forget in forgets:
        forget()
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


def wait_for(happened: list[str]) -> list[str]:
    deadline = time.monotonic() + 5
    while not happened and time.monotonic() < deadline:
        time.sleep(0.01)
    return happened


def test_it_signs_out_by_post_only_and_closes_that_sessions_sockets(
    client: Client, user: User, stranger: User, open_socket: Callable[..., list[str]]
) -> None:
    elsewhere = open_socket(user, "another-session")
    hers = open_socket(stranger, "her-session")
    mine = open_socket(user, client.session.session_key)
    assert client.get("/logout/").status_code == 405
    assert client.post("/logout/").status_code == 403
    assert mine == []

    assert client.post("/logout/", headers=csrf(client))["Location"] == "/login/"

    assert wait_for(mine) == ["closed"]
    assert elsewhere == hers == []
    assert client.get("/api/conversations/").status_code == 401


def test_it_closes_every_socket_of_a_user_who_changes_the_password(
    client: Client, user: User, stranger: User, open_socket: Callable[..., list[str]]
) -> None:
    hers = open_socket(stranger, "her-session")
    elsewhere = open_socket(user, "another-session")
    new = "another river, another wood"
    form = {"old_password": PASSWORD, "new_password1": new, "new_password2": "a slip"}
    assert client.post("/password/", form, headers=csrf(client)).status_code == 200
    assert elsewhere == []

    response = client.post("/password/", form | {"new_password2": new}, headers=csrf(client))

    assert response["Location"] == "/password/done/"
    assert client.get("/password/done/").status_code == 200
    assert wait_for(elsewhere) == ["closed"]
    assert hers == []
    user.refresh_from_db()
    assert user.check_password(new)
